"""A cache of responses to polls: a poll of an unchanged session costs one small read of the store."""

import math
from collections.abc import Sequence
from typing import Final

from starlette.types import Message, Scope

from outlast.core.watch import POLL_EVERY, SessionView
from outlast.domain.status import Status
from outlast.running.engine import Engine
from outlast.web.snapshot import with_elapsed
from outlast.web.translations import ENGLISH

MAX_RESPONSES = 2_000
"""Responses in the cache; beyond it the oldest is evicted."""
MAX_SNAPSHOT = 16 * 1024
"""Bytes of a snapshot that is cached; with `MAX_RESPONSES` it bounds the memory."""
INTERVAL_HOLDS = 5.0
"""Seconds for which a cached polling interval stays valid."""

Header = tuple[bytes, bytes]
Messages = tuple[Message, Message]
NO_STORE: Final[Header] = (b"cache-control", b"no-store")
JSON: Final[Header] = (b"content-type", b"application/json")


def entity_tag(view: SessionView, language: str) -> bytes:
    """The opaque tag of a view in a language; that of English is the view's own."""
    return (view.tag if language == ENGLISH else f"{view.tag}.{language}").encode()


class CachedResponse:
    """The response to a poll of one view of one session."""

    __slots__ = (
        "_began",
        "_elapsed_ms",
        "_full",
        "_unchanged",
        "encoded",
        "language",
        "session_id",
        "tag",
        "until",
        "version",
    )

    def __init__(
        self,
        view: SessionView,
        encoded: bytes | None,
        interval_ms: int,
        now: float,
        language: str = ENGLISH,
        of_language: Sequence[Header] = (),
    ) -> None:
        """`encoded` is the snapshot in this language, if it has been encoded; `now` is monotonic.

        `of_language` are the headers that say the language.
        """
        session = view.session
        # not the session itself, as its input may be large
        self.session_id = session.id
        self._began = view.began
        self._elapsed_ms = session.elapsed_ms if session.status.final else None
        self.version = session.version
        self.language = language
        self.tag = b'W/"%s"' % entity_tag(view, language)
        self.encoded = encoded
        # a waiting session's queue position goes stale
        self.until = now + (POLL_EVERY if session.status is Status.PENDING else INTERVAL_HOLDS)
        headers: list[Header] = [(b"etag", self.tag), NO_STORE, *of_language]
        if not session.status.final:
            headers.append((b"retry-after", b"%d" % math.ceil(interval_ms / 1000)))
        self._unchanged = headers
        self._full = [*headers, JSON]

    def not_modified(self) -> Messages:
        """The `304` response, with a new list of headers each time: hosts append to it."""
        start = {"type": "http.response.start", "status": 304, "headers": [*self._unchanged]}
        return start, {"type": "http.response.body", "body": b""}

    def full(self, encoded: bytes, engine: Engine) -> Messages:
        """The `200` response with the current `elapsed_ms`."""
        elapsed = self._elapsed_ms
        if elapsed is None:
            elapsed = max(0, round((engine.clock.monotonic() - self._began) * 1000))
        body = with_elapsed(encoded, elapsed)
        headers = [*self._full, (b"content-length", b"%d" % len(body))]
        start = {"type": "http.response.start", "status": 200, "headers": headers}
        return start, {"type": "http.response.body", "body": body}


class PollCache:
    """The cached responses of one process, by mount path, request path and language."""

    def __init__(self) -> None:
        self._responses: dict[tuple[str, str, str], CachedResponse] = {}

    def keep(self, scope: Scope, response: CachedResponse) -> None:
        if response.encoded is not None and len(response.encoded) > MAX_SNAPSHOT:
            return
        key = (scope.get("root_path", ""), scope["path"], response.language)
        self._responses.pop(key, None)
        if len(self._responses) >= MAX_RESPONSES:
            del self._responses[next(iter(self._responses))]
        self._responses[key] = response

    def find(self, scope: Scope, language: str = ENGLISH) -> CachedResponse | None:
        """The cached response for a `GET` of the same path, from any client: pass it to `revalidate`."""
        response = self._responses.get((scope.get("root_path", ""), scope["path"], language))
        return (
            response if response is not None and scope["method"] == "GET" and not scope["query_string"] else None
        )


async def revalidate(
    response: CachedResponse, owner: str, if_none_match: bytes | None, engine: Engine
) -> Messages | None:
    """The cached response, if the session still has this version and owner in the store; else `None`.

    `owner` is the owner's hash, `if_none_match` the header of the poll.
    """
    if response.until < engine.clock.monotonic():
        return None
    if await engine.polled_store.version(response.session_id, owner=owner) != response.version:
        return None
    if if_none_match is not None and if_none_match == response.tag:
        return response.not_modified()
    # the full path parses other forms of the header
    return (
        response.full(response.encoded, engine) if if_none_match is None and response.encoded is not None else None
    )
