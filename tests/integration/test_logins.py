"""The logins of a host: owner names, logging a visitor in, requiring a login, and what `owner=` may raise."""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from edge_site import OpenSite, Visitor, make_outlast, open_site
from fastapi import FastAPI
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse
from starlette.routing import Mount, Route

from outlast import Outlast
from outlast.web.access import ABOVE_MOUNT, COOKIE
from outlast.web.routes import ROUTES

HTML = {"Accept": "text/html"}
NAMES = [
    "ann",
    "visitor:ann",
    "operator:ann",
    "host:visitor:ann",
    "visitor:",
    " ",
    "Ärger 🙂",
    "a" * 5_000,
]


def named(request: Request) -> str | None:
    given = request.headers.get("x-user")
    return given and given.encode("latin-1").decode("utf-8")


async def user(site: OpenSite, name: str) -> Visitor:
    client = site.client()
    client.headers.update(httpx.Headers([(b"x-user", name.encode("utf-8"))]))
    return await client.arrive()


@pytest.mark.parametrize("name", NAMES)
async def test_a_name_finds_from_python_what_the_web_stored_under_it_and_the_reverse(tmp_path: Path, name: str):
    async with open_site(tmp_path, owner=named) as site:
        visitor = await user(site, name)
        by_web = await visitor.started()
        by_code = (await site.outlast.handle("echo").options(owner=name).start(text="b")).id
        assert {s.id for s in await site.outlast.list(owner=name)} == {by_web, by_code}
        for session_id in (by_web, by_code):
            assert await site.outlast.get(session_id, owner=name) is not None
            assert await site.outlast.get(session_id, owner=name + "x") is None
            assert (await visitor.snapshot(session_id))["session_id"] == session_id


async def test_names_that_look_alike_are_different_owners(tmp_path: Path):
    async with open_site(tmp_path, owner=named) as site:
        ids = {name: await (await user(site, name)).started() for name in NAMES}
        for name in NAMES:
            assert [s.id for s in await site.outlast.list(owner=name)] == [ids[name]]


async def test_no_user_can_take_the_name_of_a_visitor_or_an_operator(tmp_path: Path):
    async with open_site(tmp_path, owner=named) as site:
        victim = await site.visitor()
        session_id = await victim.started()
        name = "visitor:" + victim.cookie_of(COOKIE).partition(".")[0]
        others = ("operator:" + "0" * 32, "operator:key", "key:" + "0" * 12, "reader:" + session_id)
        for taken in (name, *others):
            answer = await site.client().get(f"/api/analysis/progress/{session_id}", headers={"X-User": taken})
            assert answer.status_code == 403
        victim.headers["X-User"] = name  # a callable may fall back to outlast.visitor(request)
        assert (await victim.snapshot(session_id))["session_id"] == session_id


@pytest.mark.parametrize("wrong", [7, b"ann", ["ann"]])
async def test_a_name_that_is_no_text_is_an_error_of_the_host(
    tmp_path: Path, wrong: Any, caplog: pytest.LogCaptureFixture
):
    async with open_site(tmp_path, owner=lambda _: wrong) as site:
        assert (await site.client().get("/")).status_code == 500
        assert "str(user.id)" in caplog.text
        with pytest.raises(TypeError, match="not text"):
            await site.outlast.get("a" * 26, owner=wrong)
    with pytest.raises(ValueError, match="names nobody"):
        await site.outlast.list(owner="")


@pytest.mark.parametrize("base", ["http://localhost", "https://localhost"])
async def test_log_in_gives_the_user_what_the_visitor_had_from_any_route_of_the_host(tmp_path: Path, base: str):
    async with open_site(tmp_path, owner=named) as site:

        async def log_in(request: Request) -> PlainTextResponse:
            return PlainTextResponse(str(await site.outlast.log_in(request, "ann")))

        inner = Starlette(routes=[Mount("/slow", site.app)])
        site.app = Starlette(routes=[Route("/login", log_in), Mount("/deep", inner)])
        visitor = site.client(base)
        visitor.__class__ = DeepVisitor
        await visitor.arrive()
        session_id = await visitor.started()
        assert (await visitor.get("/login")).text == "1"
        assert [s.id for s in await site.outlast.list(owner="ann")] == [session_id]
        assert (await visitor.get(f"/deep/slow/api/analysis/progress/{session_id}")).status_code == 404
        visitor.headers["X-User"] = "ann"
        assert (await visitor.snapshot(session_id))["session_id"] == session_id
        assert (await visitor.get("/login")).text == "0"


class DeepVisitor(Visitor):
    root = "/deep/slow"


async def test_a_cookie_of_earlier_versions_whose_path_was_the_mount_is_moved_to_the_host(tmp_path: Path):
    async with open_site(tmp_path) as site:
        old = await site.visitor()
        session_id, ((name, value),) = await old.started(), [(c.name, c.value) for c in old.cookies.jar]
        site.app = Starlette(routes=[Mount("/slow", site.app)])
        browser = site.client()
        browser.cookies.set(name, value, domain="localhost.local", path="/slow")
        path = f"/slow/api/analysis/progress/{session_id}"
        assert (await browser.get(path)).status_code == 200
        assert {(c.name, c.path) for c in browser.cookies.jar} == {(name + ABOVE_MOUNT, "/")}
        assert (await browser.get(path)).status_code == 200
        (cookie,) = browser.cookies.jar
        owner = site.outlast.visitor({"headers": [(b"cookie", f"{cookie.name}={cookie.value}".encode())]})
        assert owner == "visitor:" + value.partition(".")[0]


@pytest.mark.slow
async def test_requests_of_every_framework_are_understood(tmp_path: Path):
    async with open_site(tmp_path) as site:
        visitor = await site.visitor()
        (cookie,) = visitor.cookies.jar
        raw = f"{cookie.name}={cookie.value}"
        scope = {"type": "http", "headers": [(b"cookie", b"a=b"), (b"cookie", raw.encode())]}

        class Framework:
            headers: Mapping[str, str] = {"Cookie": raw}

        for request in (scope, Request(scope), Framework(), {"REQUEST_METHOD": "GET", "HTTP_COOKIE": raw}):
            assert site.outlast.visitor(request) == "visitor:" + str(cookie.value).partition(".")[0]
        for nobody in ({"headers": []}, {"REQUEST_METHOD": "GET"}):
            assert site.outlast.visitor(nobody) is None
            assert await site.outlast.log_in(nobody, "ann") == 0
        for wrong in ("ann", {}, None):
            with pytest.raises(TypeError, match="is no request"):
                site.outlast.visitor(wrong)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType] - wrong


@pytest.mark.slow
async def test_without_anonymous_visitors_every_route_of_an_owner_wants_a_login(tmp_path: Path):
    async with open_site(tmp_path, owner=named, anonymous=False, login_url="/login?from=slow") as site:
        session_id = await (await user(site, "ann")).started()
        site.app = Starlette(routes=[Mount("/slow", site.app)])
        for route in ROUTES:
            for method in sorted(route.methods):
                path = route.path.format(session_id=session_id, link="a" * 26, file="echo.txt", page="about")
                answer = await site.client().request(method, f"/slow{path}?a=b%20c")
                needed = route.requires in {"owner", "owner_or_new"}
                assert (answer.status_code in {401, 303}) == needed, route.name
                assert not needed or "set-cookie" not in answer.headers
                if needed and route.page:
                    address = urlsplit(answer.headers["location"])
                    assert address.path == "/login"
                    query = parse_qs(address.query)
                    assert query["from"] == ["slow"]
                    back = "/slow" + path + "?a=b%20c"
                    button = "/slow" + (path.rpartition("/")[0] or "/")
                    assert query["next"] == [back if route.safe else button]
                elif needed:
                    assert answer.status_code == 401
                    assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.slow
async def test_a_login_elsewhere_gets_the_whole_address_and_forms_may_lead_to_it(tmp_path: Path):
    login = "https://sso.example/login"
    async with open_site(tmp_path, owner=named, anonymous=False, login_url=login) as site:
        answer = await site.client().get("/")
        assert parse_qs(urlsplit(answer.headers["location"]).query)["next"] == ["http://localhost/"]
        page = await site.client().get("/", headers={"X-User": "ann"})
        assert "form-action 'self' https://sso.example" in page.headers["content-security-policy"]


async def test_without_a_login_page_people_read_that_they_must_log_in(tmp_path: Path):
    async with open_site(tmp_path, owner=named, anonymous=False) as site:
        page = await site.client().get("/", headers=HTML)
        assert page.status_code == 401
        assert "Log in first" in page.text


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"anonymous": False}, "owner="),
        ({"login_url": "/login", "owner": named}, "anonymous=False"),
        ({"login_url": "//evil.example", "owner": named, "anonymous": False}, "path such as"),
        ({"login_url": "login", "owner": named, "anonymous": False}, "path such as"),
    ],
)
def test_options_that_contradict_each_other_are_refused(options: dict[str, Any], said: str):
    with pytest.raises(ValueError, match=said):
        Outlast(**options)


class NotLoggedInError(Exception):
    """An exception that only the host understands."""


class PermissionDenied(Exception):  # noqa: N818 - as Django names it
    """Django's, by its name alone: Django is above no mounted site."""


PermissionDenied.__module__ = "django.core.exceptions"


def raising(error: Exception):
    async def owner(_: Request) -> str | None:
        raise error

    return owner


SEE_OTHER = HTTPException(303, headers={"Location": "/login"})


@pytest.mark.slow
@pytest.mark.parametrize("framework", [Starlette, FastAPI])
async def test_a_hosts_exception_is_left_to_the_host(tmp_path: Path, framework: type[Starlette]):
    errors = {
        "/a": HTTPException(401, "Who are you?"),
        "/b": SEE_OTHER,
        "/c": NotLoggedInError(),
        "/d": KeyError("x"),
    }
    host = framework(exception_handlers={NotLoggedInError: lambda *_: JSONResponse("the host's", 418)})
    for path, error in errors.items():
        host.mount(path, make_outlast(tmp_path, owner=raising(error)).asgi())
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(host, raise_app_exceptions=False), base_url="http://localhost"
    ) as client:
        answers = {path: await client.get(f"{path}/api/analysis/token") for path in errors}
    assert answers["/a"].status_code == 401
    assert "Who are you?" in answers["/a"].text
    assert answers["/b"].headers["location"] == "/login"
    assert (answers["/c"].status_code, answers["/c"].json()) == (418, "the host's")
    assert answers["/d"].status_code == 500
    assert answers["/d"].json()["reference"]


@pytest.mark.parametrize(
    ("error", "status", "said"),
    [
        (HTTPException(401, "Who are you?"), 401, "Who are you?"),
        (SEE_OTHER, 303, "See Other"),
        (PermissionDenied("the secret"), 403, "Forbidden"),
        (KeyError("the secret"), 500, "on our side"),
    ],
)
async def test_without_a_framework_above_it_the_site_responds_itself(
    tmp_path: Path, error: Exception, status: int, said: str, caplog: pytest.LogCaptureFixture
):
    caplog.set_level(logging.CRITICAL)
    async with open_site(tmp_path, owner=raising(error)) as site:
        answer = await site.client().get("/api/analysis/token")
        page = await site.client().get("/", headers=HTML)
        assert (answer.status_code, page.status_code) == (status, status)
        assert said in answer.json()["error"]
        assert "the secret" not in answer.text + page.text
        if status == 303:
            assert answer.headers["location"] == "/login"


@pytest.mark.slow
async def test_operators_need_no_login_of_the_host(tmp_path: Path):
    key = "the key of the dashboard"
    async with open_site(tmp_path, owner=raising(HTTPException(401)), dashboard_key=key) as site:
        client = site.client()
        page = await client.get("/dashboard/enter")
        token = page.text.partition('name="csrf_token" value="')[2].partition('"')[0]
        assert (await client.post("/dashboard/enter", data={"csrf_token": token, "key": key})).status_code == 303
        assert (await client.get("/dashboard")).status_code == 200
