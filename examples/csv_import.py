"""A CSV import in a FastAPI application with a login: everybody sees only their own imports.

`uvicorn csv_import:app` in this folder; then log in as ada or bob with the password "secret".
"""

import csv
import io
import secrets
import sqlite3
from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import FastAPI, Form, HTTPException, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from pydantic import BaseModel, Field, ValidationError

from outlast import Outlast, Upload, owner, step, track

USERS = {"ada": "secret", "bob": "secret"}  # your table of users
logged_in: dict[str, str] = {}  # your sessions: the user of each cookie
FORM = (
    '<form method="post"><input name="user"><input name="password" type="password"><button>Log in</button></form>'
)


def current_user(request: Request) -> str | None:
    return logged_in.get(request.cookies.get("session", ""))


outlast = Outlast(owner=current_user, title="Imports")


class Contact(BaseModel):
    name: str = Field(min_length=1)
    email: str = Field(pattern=r"^[^@\s]+@[^@\s]+$")


@step("Reading the file")
def read(file: Upload) -> tuple[list[Contact], list[str]]:
    contacts, refused = list[Contact](), list[str]()
    with file.open() as content, io.TextIOWrapper(content, "utf-8-sig", newline="") as text:
        for row in track(csv.DictReader(text)):
            try:
                contacts.append(Contact.model_validate(row))
            except ValidationError as error:
                refused.append(f"{row}: {error.errors()[0]['msg']}")
    return contacts, refused


@step("Storing the contacts")
def store(contacts: list[Contact]) -> int:
    rows = [(owner(), contact.email, contact.name) for contact in track(contacts)]
    with sqlite3.connect("contacts.db") as database:  # a step may run twice: replace, do not add
        database.execute("CREATE TABLE IF NOT EXISTS contacts (owner, email, name, PRIMARY KEY (owner, email))")
        database.executemany("REPLACE INTO contacts VALUES (?, ?, ?)", rows)
    database.close()
    return len(rows)


@outlast.analysis("import", steps=[read, store], title="Import contacts")
def import_contacts(file: Upload) -> dict[str, int | list[str]]:
    contacts, refused = read(file)
    return {"stored": store(contacts), "refused": refused}


app = FastAPI(lifespan=outlast.lifespan(workers=1))
app.mount("/imports", outlast.asgi())


@app.middleware("http")
async def members_only(request: Request, go_on: Callable[[Request], Awaitable[Response]]) -> Response:
    known = request.url.path == "/login" or current_user(request) is not None
    return await go_on(request) if known else RedirectResponse("/login", 303)


@app.get("/login")
def login_page() -> HTMLResponse:
    return HTMLResponse(FORM)


@app.post("/login")
def log_in(user: Annotated[str, Form()], password: Annotated[str, Form()]) -> Response:
    if USERS.get(user) != password:
        raise HTTPException(403)
    answer = RedirectResponse("/imports/", 303)
    answer.set_cookie("session", key := secrets.token_urlsafe(), httponly=True, samesite="lax")
    logged_in[key] = user
    return answer
