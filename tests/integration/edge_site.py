"""A whole site in the test's event loop, with analyses that can be held and visitors with cookie and token."""

import asyncio
import json
import re
import secrets
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from threading import Lock
from typing import Any

import httpx
import uvicorn
from pydantic import HttpUrl
from starlette.types import ASGIApp

from outlast import Export, InvalidInput, Outlast, Permanent, Question, Upload, report, step
from outlast.app import runtime_of
from outlast.domain.outcome import End
from outlast.domain.session import AnalysisSession, Claim
from outlast.ports.store import Selection
from outlast.running.engine import Engine
from outlast.settings import load_settings
from outlast.testing.acts import claim_session, read, register_worker
from sqlite_template import put_store

HOST = "http://localhost"
ANALYSES = ("echo", "held", "failing", "breaking", "moving", "asking", "product")
DASHBOARD_KEY = "the key of the dashboard"
VIEWER_KEY = "another key, for who looks on"
ECHO = Export("The text", lambda result: result.get("text", ""))
WHICH = Question("which", "Which one?", [("a", "The <first>"), ("b", "The second")], required=True)
WHICH = replace(WHICH, samples={"a": ["1 & 2"], "b": ["3"]})
PATIENCE = 15.0
"""Seconds that a test waits for what must come."""


class Gate:
    """Holds code in any event loop of this process until it is opened."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._is_open = False
        self._waiting: list[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = []

    def open(self) -> None:
        with self._lock:
            self._is_open = True
            for loop, event in self._waiting:
                with suppress(RuntimeError):  # a loop that has closed waits no more
                    loop.call_soon_threadsafe(event.set)

    async def passed(self) -> None:
        event = asyncio.Event()
        with self._lock:
            if self._is_open:
                return
            self._waiting.append((asyncio.get_running_loop(), event))
        async with asyncio.timeout(PATIENCE):
            await event.wait()


@dataclass
class Hold:
    """Where the analysis `held` stops, and what it has seen."""

    entered: Gate = field(default_factory=Gate)
    go: Gate = field(default_factory=Gate)
    cancelled: Gate = field(default_factory=Gate)
    reads: int = 0
    looks: list[str] = field(default_factory=list[str])


def make_outlast(folder: Path, hold: Hold | None = None, **settings: Any) -> Outlast:
    """An `Outlast` object with an analysis for every way that a session may go."""
    options = {
        name: settings.pop(name)
        for name in ("owner", "anonymous", "login_url", "translations")
        if name in settings
    }
    title = settings.pop("title", "The site")
    outlast = Outlast(load_settings(data_dir=folder, shutdown_grace=0, **settings), title=title, **options)
    register(outlast, hold or Hold())
    return outlast


def register(outlast: Outlast, hold: Hold) -> None:
    @step("Reading")
    async def read_text(text: str) -> str:
        report(0.5, message=f"Reading {text}")
        hold.reads += 1
        return text

    @step("Judging")
    async def judge(text: str) -> dict[str, Any]:
        return {"text": text}

    @step("Waiting")
    async def wait(text: str, moves: int) -> str:
        hold.entered.open()
        try:
            await hold.go.passed()
        except asyncio.CancelledError:
            hold.cancelled.open()
            raise
        for done in range(moves):
            report(done + 1, moves, f"Move {done + 1}")
            await asyncio.sleep(0.02)
        return text

    @outlast.analysis("echo", steps=[read_text, judge], title="Echo", exports={"echo.txt": ECHO})
    async def echo(text: str, size: int = 0) -> dict[str, Any]:
        judged = await judge(await read_text(text))
        return {**judged, "padding": "x" * size} if size else judged

    @outlast.analysis("held", steps=[read_text, wait])
    async def held(text: str, moves: int = 0) -> dict[str, Any]:
        return {"text": await wait(await read_text(text), moves)}

    @outlast.analysis("failing", steps=[read_text])
    async def failing(text: str) -> dict[str, Any]:
        await read_text(text)
        raise Permanent(f"There is no page for {text}.")

    @outlast.analysis("breaking")
    async def breaking(text: str) -> dict[str, Any]:
        raise ValueError(f"the secret of {text}")

    @outlast.analysis("asking", steps=[read_text])
    async def asking(text: str, only: dict[str, str] | None = None) -> dict[str, Any]:
        await read_text(text)
        if not only:
            raise InvalidInput("There are two.", "/only", questions=[WHICH])
        if only["which"] == "neither":
            raise Permanent("Then there is nothing to do.")
        return {"text": text, **only}

    async def look(name: str) -> None:
        hold.looks.append(name)
        raise InvalidInput("There is nothing in it.", "/name")

    @outlast.analysis("hollow", check=look)
    async def hollow(name: str) -> str:
        return name

    @outlast.analysis("moving")
    async def moving(to: str) -> dict[str, Any]:
        return {"redirect_url": to}

    @outlast.analysis("product", subject=_subject, short_forms={"productUrl": "source"})
    async def product(source: Upload | HttpUrl) -> dict[str, Any]:
        if isinstance(source, Upload):
            with await source.aopen() as file:
                return {"bytes": len(file.read())}
        return {"address": str(source)}


def _subject(source: Upload | HttpUrl) -> str:
    if isinstance(source, HttpUrl) and source.host == "unreadable.example":
        raise InvalidInput("That shop cannot be read: save the page and upload it.", "/source")
    return str(source)


class Visitor(httpx.AsyncClient):
    """A browser: a cookie of its own, and the token that goes with it."""

    async def arrive(self) -> "Visitor":
        answer = await self.get(self.root + "/api/analysis/token")
        self.headers["X-CSRF-Token"] = answer.raise_for_status().json()["token"]
        return self

    root = ""
    operator_token = ""

    async def log_in(self, key: str = DASHBOARD_KEY) -> "Visitor":
        """Become an operator too, or a viewer with `VIEWER_KEY`; its token is beside the owner's."""
        form = {"csrf_token": self.token, "key": key, "name": "Ada"}
        answer = await self.post(self.root + "/dashboard/enter", data=form)
        assert answer.status_code == 303, answer.text
        page = (await self.get(self.root + "/dashboard")).raise_for_status().text
        self.operator_token = re.findall(r'<meta name="csrf-token" content="(.+?)">', page)[0]
        return self

    def cookie_of(self, kind: str) -> str:
        """The value of the cookie whose name begins with `kind`, as each site has its own."""
        (value,) = [c.value for c in self.cookies.jar if c.name.removeprefix("__Host-").startswith(kind)]
        assert value is not None
        return value

    @property
    def token(self) -> str:
        return self.headers["X-CSRF-Token"]

    async def start(self, analysis: str, /, **values: Any) -> httpx.Response:
        return await self.post(self.root + "/api/analysis/start", json={"analysis": analysis, "input": values})

    async def started(self, analysis: str = "echo", /, **values: Any) -> str:
        """The id of a new session."""
        answer = await self.start(analysis, **(values or {"text": secrets.token_hex(4)}))
        assert answer.status_code == 202, answer.text
        return answer.json()["session_id"]

    async def snapshot(self, session_id: str) -> dict[str, Any]:
        answer = await self.get(f"{self.root}/api/analysis/progress/{session_id}")
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def finished(self, session_id: str) -> dict[str, Any]:
        """The final snapshot, by long polls."""
        path, tag = f"{self.root}/api/analysis/progress/{session_id}?wait=5", ""
        async with asyncio.timeout(PATIENCE):
            while True:
                answer = await self.get(path, headers={"If-None-Match": tag})
                if answer.status_code == 200:
                    snapshot, tag = answer.json(), answer.headers["etag"]
                    if snapshot["completed_at"] is not None:
                        return snapshot

    async def upload(self, content: bytes, name: str = "reviews.csv") -> httpx.Response:
        return await self.post(self.root + "/api/analysis/upload", files={"file": (name, content)})


@dataclass
class OpenSite:
    """An open site and ways to its inside."""

    outlast: Outlast
    app: ASGIApp
    engine: Engine
    hold: Hold
    clients: list[httpx.AsyncClient] = field(default_factory=list)

    def client(self, base: str = HOST, **options: Any) -> Visitor:
        """Nobody yet: no cookie, no token."""
        transport = httpx.ASGITransport(self.app, raise_app_exceptions=False, **options)
        client = Visitor(transport=transport, base_url=base)
        self.clients.append(client)
        return client

    async def visitor(self) -> Visitor:
        return await self.client().arrive()

    async def sessions(self) -> list[AnalysisSession]:
        return list(await self.engine.sessions.select(Selection(limit=1_000)))

    async def take(self, session_id: str, worker_id: str = "worker-1") -> AnalysisSession:
        """Claim it, as a living worker that knows every analysis here."""
        register_worker(self.engine.store, worker_id, analyses=ANALYSES, **_times(self.engine))
        return await claim_session(self.engine.store, session_id, worker_id)

    async def end(self, session_id: str, end: End) -> AnalysisSession:
        session = await self.take(session_id)
        assert await self.engine.store.finish(Claim(session_id, session.claim), end)
        return await read(self.engine.store, session_id)

    @asynccontextmanager
    async def working(self) -> AsyncIterator[None]:
        """With a worker in this event loop."""
        worker = self.engine.worker(runtime_of(self.outlast).worker_options(sleep=0.1))
        running = asyncio.create_task(worker.run())
        try:
            yield
        finally:
            self.hold.go.open()
            worker.stop()
            worker.stop()
            await running


def _times(engine: Engine) -> dict[str, Any]:
    now = engine.clock.now()
    return {"started_at": now, "beat_at": now}


@asynccontextmanager
async def open_site(folder: Path, workers: int = 0, **settings: Any) -> AsyncIterator[OpenSite]:
    hold = Hold()
    put_store(folder)
    outlast = make_outlast(folder, hold, **settings)
    async with outlast.lifespan(workers=workers):
        site = OpenSite(outlast, outlast.asgi(), await runtime_of(outlast).engine(), hold)
        try:
            yield site
        finally:
            hold.go.open()
            for client in site.clients:
                await client.aclose()


@asynccontextmanager
async def served(app: ASGIApp) -> AsyncIterator[str]:
    """The application behind a real server on a free port; its address."""
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(
        app, lifespan="off", ws="none", log_config=None, access_log=False, timeout_graceful_shutdown=1
    )
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        await serving
        listener.close()


@dataclass(frozen=True)
class Event:
    """One server-sent event; a comment has neither name nor id."""

    name: str | None
    id: str | None
    data: Any
    comment: str | None = None


async def events_of(response: httpx.Response) -> AsyncIterator[Event]:
    """The events of a stream, one by one."""
    fields: dict[str, str] = {}
    async for line in response.aiter_lines():
        if line:
            name, _, value = line.partition(":")
            fields[name] = value.removeprefix(" ")
        elif fields:
            data = json.loads(fields["data"]) if "data" in fields else None
            yield Event(fields.get("event"), fields.get("id"), data, fields.get(""))
            fields = {}


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    """Wait for what has no signal of its own."""
    async with asyncio.timeout(PATIENCE):
        while not await condition():  # noqa: ASYNC110 - it looks at a store, which rings no bell here
            await asyncio.sleep(0.01)
