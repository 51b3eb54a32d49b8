"""`RequestContext`: one authorized request, as handlers receive it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from outlast.running.engine import Engine
from outlast.settings import Settings
from outlast.web.access import Access, Identity
from outlast.web.headers import own_origin
from outlast.web.limits import VisitorLimits
from outlast.web.operators import Operator
from outlast.web.page_templates import PageTemplates
from outlast.web.permissions import Actor
from outlast.web.poll_cache import PollCache
from outlast.web.static_files import accepts_gzip
from outlast.web.throttled_warning import ThrottledWarning
from outlast.web.translations import Translations

MAX_QUERY_FIELDS: Final = 20
"""Fields of a query string that are used: the last ones."""


@dataclass(frozen=True, slots=True)
class RequestContext:
    """The request and what a handler needs to answer it; access has been checked."""

    parameters: Mapping[str, str]
    headers: Mapping[bytes, bytes]
    identity: Identity | None
    actor: Actor
    scope: Scope
    receive: Receive
    send: Send
    engine: Engine
    settings: Settings
    access: Access
    limits: VisitorLimits
    poll_cache: PollCache
    templates: PageTemplates
    held_events: ThrottledWarning
    """Tells the operator about browsers behind a proxy that holds events."""
    routes: Sequence[Any]
    """The table of all routes, each a `Route`."""

    @property
    def language(self) -> str:
        """The language of the response, one of those that the site offers."""
        return self.templates.languages.of(self.scope)

    @property
    def language_headers(self) -> Mapping[str, str]:
        """The headers that say the language; none on a site in English only."""
        return self.templates.languages.headers(self.language)

    @property
    def translations(self) -> Translations:
        """The words in the language of the response."""
        return self.templates.languages.translations(self.language)

    @property
    def root(self) -> str:
        """Where the site is mounted."""
        return self.scope.get("root_path", "")

    @property
    def owner(self) -> str:
        assert self.identity is not None  # noqa: S101 - the rule of the route ensures it
        return self.identity.owner

    @property
    def operator(self) -> Operator:
        """Who has signed in to the dashboard."""
        assert self.identity is not None  # noqa: S101 - the rule of the route ensures it
        assert self.identity.operator is not None  # noqa: S101 - as above
        return self.identity.operator

    @property
    def session_owner(self) -> str | None:
        """The owner that the store compares with a session's; `None`: the session may be anybody's."""
        return None if self.actor.sees_all else self.owner

    @property
    def read_only(self) -> bool:
        """A read token is for one session, which it cannot change."""
        return self.actor.session_id is not None

    @property
    def session_id(self) -> str:
        return self.parameters["session_id"]

    @property
    def query(self) -> dict[str, str]:
        """The last query parameters; of several with one name, the last."""
        text = self.scope.get("query_string", b"").decode("latin-1")
        return dict(parse_qsl(text, max_num_fields=None)[-MAX_QUERY_FIELDS:])

    @property
    def media_type(self) -> bytes:
        return self.headers.get(b"content-type", b"").partition(b";")[0].strip().lower()

    @property
    def traceparent(self) -> str | None:
        """The trace that the client's request belongs to, by W3C Trace Context."""
        given = self.headers.get(b"traceparent")
        return None if given is None else given.decode("latin-1")

    @property
    def request(self) -> Request:
        return Request(self.scope, self.receive)

    def page(
        self,
        template: str,
        status: int = 200,
        headers: Mapping[str, str] | None = None,
        *,
        secret: bool = False,
        **values: Any,
    ) -> Response:
        """Render a page for this visitor; `headers` extend or override those of every page.

        It is compressed unless it shows a `secret`, such as a share link, which every answer repeats next to texts
        that others may choose (BREACH). The CSRF token differs each time.
        """
        token = self.access.masked_token(self.identity) if self.identity else ""
        compress = accepts_gzip(self.headers) and not secret
        reads = self.scope["method"] in {"GET", "HEAD"}
        session = self.parameters.get("session_id")
        readable = f"{self.root}/analysis/{session}" if session else f"{self.root}/"
        return self.templates.page(
            template,
            self.root,
            token,
            status,
            headers,
            language=self.language,
            here=("", self.scope.get("query_string", b"")) if reads else (readable, b""),
            compress=compress,
            **values,
        )

    async def disconnected(self) -> None:
        """Wait until the client disconnects, discarding whatever it still sends."""
        while (await self.receive())["type"] != "http.disconnect":
            pass

    def shared_address(self, link: str) -> str:
        """The absolute URL of a shared result."""
        return f"{own_origin(self.scope, self.settings)}{self.root}/shared/{link}"
