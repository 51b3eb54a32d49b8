"""A site whose answers a test decides: real templates, static files and protocol, no analysis behind them."""

import asyncio
import json
import mimetypes
from collections.abc import Callable, MutableMapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs

import uvicorn
from mock_pages import ROOT, TOKEN, Pages
from mock_snapshots import SESSION, snapshot, worded

CSP = "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
API = "/api/analysis"


@dataclass(frozen=True, slots=True)
class Asked:
    """One request, as it came."""

    method: str
    path: str
    query: dict[str, list[str]]
    headers: dict[str, str]
    body: bytes

    @property
    def kind(self) -> str:
        """What the feed of the page calls it: events, wait, poll; else the path."""
        if self.path == f"{API}/progress/{SESSION}/events":
            return "events"
        if self.path == f"{API}/progress/{SESSION}":
            return "wait" if "wait" in self.query else "poll"
        return self.path

    def json(self) -> Any:
        return json.loads(self.body)


class Answer(Exception):  # noqa: N818 - it is what a handler raises to be done, and no error
    """Ends the handling of a request with a response."""

    def __init__(self, status: int, body: Any = b"", **headers: str) -> None:
        super().__init__(status)
        self.status = status
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}
        if isinstance(body, dict):
            self.headers.setdefault("content-type", "application/json")
            body = json.dumps(body).encode()
        self.body = body.encode() if isinstance(body, str) else body


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = asyncio.Event()

    async def startup(self, sockets: Any = None) -> None:
        await super().startup(sockets)
        self.ready.set()


class MockSite:
    """Attributes may be changed at any time; each change of the snapshot goes to all who listen."""

    def __init__(self) -> None:
        self.snapshot = snapshot()
        self.asked: list[Asked] = []
        self.refused: dict[str, Answer] = {}
        """Answers that stand for a kind of request or a path, until taken out."""
        self.silent = False
        """Streams open and then say nothing."""
        self.sync = False
        """Start answers in events, as in sync mode."""
        self.token = TOKEN
        self.form: dict[str, Any] = {}
        self.host: dict[str, Any] = {}
        """What the host's own page is rendered with."""
        self.host_css = ""
        self.pages = Pages()
        self._changed = asyncio.Condition()
        self._streams: set[asyncio.Queue[bytes | None]] = set()
        self._server = _Server(
            uvicorn.Config(
                self._answer,
                port=0,
                interface="asgi3",
                lifespan="off",
                log_config=None,
                timeout_graceful_shutdown=1,
            )
        )
        self._serving: asyncio.Task[None] | None = None
        self._stopping = False

    async def start(self) -> None:
        self._serving = asyncio.create_task(self._server._serve())  # serve() would take the suite's signals
        await self._server.ready.wait()

    @property
    def url(self) -> str:
        port = self._server.servers[0].sockets[0].getsockname()[1]
        return f"http://127.0.0.1:{port}"

    @property
    def page(self) -> str:
        return f"{self.url}/analysis/{SESSION}"

    async def stop(self) -> None:
        assert self._serving
        self._stopping = True
        self.end_streams()
        async with self._changed:
            self._changed.notify_all()
        self._server.should_exit = True
        await self._serving

    async def show(self, **changes: Any) -> None:
        """A next snapshot, one version on unless `changes` say otherwise."""
        changes = {"version": self.snapshot["version"] + 1} | changes
        await self.replace(worded(self.snapshot | changes) | changes)

    async def replace(self, new: dict[str, Any]) -> None:
        self.snapshot = new
        final = new["status"] in {"completed", "failed", "cancelled"}
        self.say(event("done" if final else "progress", new))
        if final:
            self.end_streams()
        async with self._changed:
            self._changed.notify_all()

    def say(self, data: bytes) -> None:
        """To every open stream, byte by byte as given."""
        for stream in self._streams if not self.silent else ():
            stream.put_nowait(data)

    def end_streams(self) -> None:
        for stream in self._streams:
            stream.put_nowait(None)

    def count(self, kind: str) -> int:
        return sum(asked.kind == kind for asked in self.asked)

    async def until(self, condition: Callable[[], bool], within: float = 20) -> None:
        """Waits for requests; look at `asked` in `condition`."""
        async with asyncio.timeout(within), self._changed:
            await self._changed.wait_for(condition)

    async def until_asked(self, kind: str, times: int = 1) -> Asked:
        await self.until(lambda: self.count(kind) >= times)
        return [asked for asked in self.asked if asked.kind == kind][times - 1]

    async def _answer(self, scope: Any, receive: Any, send: Any) -> None:
        asked = await _read(scope, receive)
        self.asked.append(asked)
        async with self._changed:
            self._changed.notify_all()
        try:
            if refusal := self.refused.get(asked.kind):
                raise refusal
            await self._route(asked, receive, send)
        except Answer as answer:
            headers = {"content-length": str(len(answer.body)), "content-security-policy": CSP} | answer.headers
            await _begin(send, answer.status, headers)
            await send({"type": "http.response.body", "body": answer.body})

    async def _route(self, asked: Asked, receive: Any, send: Any) -> None:
        match asked.method, asked.path:
            case "GET", path if path.startswith("/static/"):
                file = self.pages.files.respond(path.removeprefix("/static/"), {})
                raise Answer(200, bytes(file.body), content_type=file.headers["content-type"])
            case "GET", "/":
                raise html(self.pages.form(**self.form))
            case "GET", path if path.startswith(("/docs/gallery/", "/src/outlast/web/static/")):
                kind = mimetypes.guess_type(path)[0] or "text/plain"
                raise Answer(200, (ROOT / path[1:]).read_bytes(), content_type=kind)
            case "GET", "/host-form":
                raise html(self.pages.host_form())
            case "GET", "/host.css":
                raise Answer(200, self.host_css, content_type="text/css")
            case "GET", "/host":
                raise html(self.pages.host(**self.host))
            case "GET", "/problem":
                raise html(self.pages.problem())
            case "GET", "/elsewhere":
                raise html("<!doctype html><html lang=en><title>Elsewhere</title><h1>Elsewhere</h1>")
            case "GET", path if path == f"/analysis/{SESSION}":
                raise html(self.pages.analysis(self.snapshot))
            case "GET", path if path == f"{API}/token":
                self.token = "fresh-token"
                raise Answer(200, {"token": self.token})
            case "GET", path if path.startswith(f"{API}/progress/{SESSION}"):
                await self._progress(asked, receive, send)
            case "POST", path if path.startswith((API, "/analysis/")) or path == "/":
                await self._unsafe(asked, receive, send)
            case _:
                raise Answer(404, {"success": False, "error": "There is nothing here."})

    async def _progress(self, asked: Asked, receive: Any, send: Any) -> None:
        if asked.kind == "events":
            if (
                asked.headers.get("last-event-id") == str(self.snapshot["version"])
                and self.snapshot["completed_at"]
            ):
                raise Answer(204)
            await self._stream(receive, send)
            return
        if asked.headers.get("if-none-match") == self._etag:
            if "wait" in asked.query:
                old = self._etag
                with suppress(TimeoutError):
                    await self.until(lambda: self._etag != old or self._stopping, float(asked.query["wait"][0]))
            if asked.headers.get("if-none-match") == self._etag:
                raise Answer(304, etag=self._etag)
        raise Answer(200, self.snapshot, etag=self._etag)

    async def _unsafe(self, asked: Asked, receive: Any, send: Any) -> None:
        if "x-csrf-token" not in asked.headers:  # a form without JavaScript
            raise Answer(303, location=f"/analysis/{SESSION}")
        if asked.headers["x-csrf-token"] != self.token:
            raise Answer(403, {"success": False, "error": "Fetch /api/analysis/token and send it."})
        if asked.path == f"{API}/upload":
            raise Answer(200, {"success": True, "source": "upload:abc", "name": "reviews.csv", "bytes": 3})
        if asked.path == f"{API}/start" and self.sync:
            await self._stream(receive, send)
        else:
            body = {"success": True, "session_id": SESSION, "status": "started", "session": self.snapshot}
            raise Answer(202, body | {"links": self.snapshot["links"]})

    async def _stream(self, receive: Any, send: Any) -> None:
        stream: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._streams.add(stream)
        await _begin(send, 200, {"content-type": "text/event-stream", "cache-control": "no-store"})
        if not self.silent:
            final = self.snapshot["completed_at"] is not None
            stream.put_nowait(event("done" if final else "progress", self.snapshot))
        left = asyncio.create_task(_until_left(receive, stream))
        try:
            while (data := await stream.get()) is not None:
                await send({"type": "http.response.body", "body": data, "more_body": True})
            await send({"type": "http.response.body", "body": b""})
        finally:
            left.cancel()
            self._streams.discard(stream)
            async with self._changed:
                self._changed.notify_all()

    @property
    def streams(self) -> int:
        """How many are open."""
        return len(self._streams)

    @property
    def _etag(self) -> str:
        return f'W/"{self.snapshot["version"]}"'


def event(name: str, data: dict[str, Any]) -> bytes:
    return f"event: {name}\nid: {data.get('version', 0)}\ndata: {json.dumps(data)}\n\n".encode()


def html(page: str) -> Answer:
    return Answer(200, page, content_type="text/html; charset=utf-8", cache_control="no-store")


async def _read(scope: MutableMapping[str, Any], receive: Any) -> Asked:
    body = b""
    more = True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    headers = {name.decode(): value.decode() for name, value in scope["headers"]}
    return Asked(scope["method"], scope["path"], parse_qs(scope["query_string"].decode()), headers, body)


async def _begin(send: Any, status: int, headers: dict[str, str]) -> None:
    pairs = [(name.encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": status, "headers": pairs})


async def _until_left(receive: Any, stream: "asyncio.Queue[bytes | None]") -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    stream.put_nowait(None)
