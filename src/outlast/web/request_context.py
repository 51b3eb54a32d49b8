"""`RequestContext`: one authorized request, as endpoints receive it."""

from collections.abc import Mapping
from dataclasses import dataclass

from starlette.requests import Request
from starlette.types import Receive, Scope, Send

from outlast.running.engine import Engine
from outlast.settings import Settings
from outlast.web.access import Access, Visitor
from outlast.web.limits import VisitorLimits
from outlast.web.poll_cache import PollCache
from outlast.web.routes import Route


@dataclass(frozen=True, slots=True)
class RequestContext:
    """The request and what an endpoint needs to answer it; access has been checked."""

    route: Route
    parameters: Mapping[str, str]
    headers: Mapping[bytes, bytes]
    visitor: Visitor | None
    scope: Scope
    receive: Receive
    send: Send
    engine: Engine
    settings: Settings
    access: Access
    limits: VisitorLimits
    answers: PollCache

    @property
    def root(self) -> str:
        """Where the site is mounted."""
        return self.scope.get("root_path", "")

    @property
    def owner(self) -> str:
        assert self.visitor is not None  # noqa: S101 - the route's `owner` rule ensures it
        return self.visitor.owner

    @property
    def session_id(self) -> str:
        return self.parameters["session_id"]

    @property
    def media_type(self) -> bytes:
        return self.headers.get(b"content-type", b"").partition(b";")[0].strip().lower()

    @property
    def request(self) -> Request:
        return Request(self.scope, self.receive)

    async def disconnected(self) -> None:
        """Wait until the client disconnects, discarding whatever it still sends."""
        while (await self.receive())["type"] != "http.disconnect":
            pass

    def shared_address(self, link: str) -> str:
        """The absolute URL of a shared result."""
        public = self.settings.public_url
        host = self.headers.get(b"host", b"").decode("latin-1")
        origin = public.rstrip("/") if public else f"{self.scope.get('scheme', 'http')}://{host}"
        return f"{origin}{self.root}/shared/{link}"
