"""What polls were answered, kept while it holds, so that a poll of an unchanged session costs one small read."""

import math
from typing import Final

from starlette.types import Message, Scope

from outlast.core.engine import Engine
from outlast.core.watch import POLL_EVERY, SessionView
from outlast.domain.status import Status
from outlast.web.payloads import closed

KEPT = 2_000
"""Answers kept; the one made first goes."""
LARGEST = 16 * 1024
"""Bytes of a snapshot that is kept: with `KEPT` it bounds the memory."""
PACE_HOLDS = 5.0
"""Seconds for which the pace once told is repeated."""

Header = tuple[bytes, bytes]
Sent = tuple[Message, Message]
NOSNIFF: Final[Header] = (b"x-content-type-options", b"nosniff")
NO_STORE: Final[Header] = (b"cache-control", b"no-store")
JSON: Final[Header] = (b"content-type", b"application/json")


class CachedAnswer:
    """One view of one session as the answer of a poll."""

    __slots__ = (
        "_began",
        "_elapsed_ms",
        "_full",
        "_unchanged",
        "encoded",
        "session_id",
        "tag",
        "until",
        "version",
    )

    def __init__(self, view: SessionView, encoded: bytes | None, pace_ms: int, now: float) -> None:
        """`encoded` is the snapshot, where it was asked for; `now` by the monotonic clock."""
        session = view.session
        # not the session: its input may be large
        self.session_id = session.id
        self._began = view.began
        self._elapsed_ms = session.elapsed_ms if session.status.final else None
        self.version = session.version
        self.tag = b'W/"%s"' % view.tag.encode()
        self.encoded = encoded
        # what is derived of a waiting session is at most so old
        self.until = now + (POLL_EVERY if session.status is Status.PENDING else PACE_HOLDS)
        headers: list[Header] = [(b"etag", self.tag), NO_STORE]
        if not session.status.final:
            headers.append((b"retry-after", b"%d" % math.ceil(pace_ms / 1000)))
        self._unchanged = headers
        self._full = [*headers, JSON, NOSNIFF]

    def unchanged(self) -> Sent:
        """`304`. A new list each time, as hosts add headers in place."""
        start = {"type": "http.response.start", "status": 304, "headers": [*self._unchanged]}
        return start, {"type": "http.response.body", "body": b""}

    def full(self, encoded: bytes, engine: Engine) -> Sent:
        """The snapshot as of now."""
        elapsed = self._elapsed_ms
        if elapsed is None:
            elapsed = max(0, round((engine.clock.monotonic() - self._began) * 1000))
        body = closed(encoded, elapsed)
        headers = [*self._full, (b"content-length", b"%d" % len(body))]
        start = {"type": "http.response.start", "status": 200, "headers": headers}
        return start, {"type": "http.response.body", "body": body}


class PollCache:
    """The answers of one process by where the site is mounted and the address asked for."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, str], CachedAnswer] = {}

    def keep(self, scope: Scope, answer: CachedAnswer) -> None:
        if answer.encoded is not None and len(answer.encoded) > LARGEST:
            return
        key = (scope.get("root_path", ""), scope["path"])
        self._kept.pop(key, None)
        if len(self._kept) >= KEPT:
            del self._kept[next(iter(self._kept))]
        self._kept[key] = answer

    def find(self, scope: Scope) -> CachedAnswer | None:
        """The answer to another `GET` of the same address, whoever asks: see `again`."""
        answer = self._kept.get((scope.get("root_path", ""), scope["path"]))
        return answer if answer is not None and scope["method"] == "GET" and not scope["query_string"] else None


async def again(answer: CachedAnswer, owner: str, wanted: bytes | None, engine: Engine) -> Sent | None:
    """The same answer, where the store says that the session is this owner's and has not changed; else `None`.

    `owner` is the hash that the store knows; `wanted` the tag that the poll brings.
    """
    if answer.until < engine.clock.monotonic():
        return None
    if await engine.polled_store.version(answer.session_id, owner=owner) != answer.version:
        return None
    if wanted is not None and wanted == answer.tag:
        return answer.unchanged()
    # other ways to write the tag are seen to by the long way
    return answer.full(answer.encoded, engine) if wanted is None and answer.encoded is not None else None
