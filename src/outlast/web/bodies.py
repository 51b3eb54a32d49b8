"""Limits on request bodies: their size, unexpected ones, and the bytes of those being received."""

from collections import Counter
from collections.abc import Generator
from contextlib import contextmanager

from starlette.requests import ClientDisconnect
from starlette.types import Message, Receive, Scope

from outlast.domain.messages import message
from outlast.web.problems import Problem

MAX_BODY = 1_000_000
"""Bytes of a body that is not an upload."""
LONGEST_LENGTH = 18
"""Digits of a `Content-Length` that is parsed."""
UPLOAD_OVERHEAD = 64 * 1024
"""Bytes that a multipart body may add to its file."""
IGNORED_BODY = 1_000
"""Bytes of an unexpected body that are read and ignored: some clients always send an empty object."""
OWNERS_UPLOADS = 3
"""Uploads of the largest size that one owner may be sending at the same time."""
ALL_UPLOADS = 40
"""The same for all owners of a process."""


async def refuse_body(scope: Scope, receive: Receive) -> None:
    """Read and discard a body that the route does not use; raises 413 beyond `IGNORED_BODY` bytes."""
    length = 0
    for name, value in scope["headers"]:
        if name == b"content-length" and value.lstrip(b"0"):
            if not (value.isdigit() and len(value) <= LONGEST_LENGTH and int(value) <= IGNORED_BODY):
                raise _no_body_allowed()
            break
        if name == b"transfer-encoding":
            break
    else:
        return
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        length += len(message.get("body", b""))
        more = message.get("more_body", False)
        if length > IGNORED_BODY:
            raise _no_body_allowed()


def limit_body(scope: Scope, receive: Receive, limit: int) -> Receive:
    """Wrap `receive` to raise 413 beyond `limit` bytes; raises at once if `Content-Length` exceeds it."""
    length = next((v for k, v in scope["headers"] if k == b"content-length"), b"")
    if length.isdigit() and (len(length) > LONGEST_LENGTH or int(length) > limit):
        raise _too_large(limit)
    seen = 0

    async def counted() -> Message:
        nonlocal seen
        message = await receive()
        if message["type"] == "http.request":
            seen += len(message.get("body", b""))
            if seen > limit:
                raise _too_large(limit)
        return message

    return counted


class UnfinishedBodies:
    """Counts the bytes of bodies being received, in memory or on disk, by owner and in total."""

    def __init__(self, largest: int) -> None:
        """`largest` is the size in bytes of the largest upload."""
        self._per_owner = OWNERS_UPLOADS * largest
        self._in_total = ALL_UPLOADS * largest
        self._bytes: Counter[str] = Counter()
        self._total = 0

    @contextmanager
    def reading(self, owner: str, receive: Receive) -> Generator[Receive]:
        """Wrap `receive` to raise 429 or 503 beyond the limits; bytes count until the end of the block."""
        own = 0

        async def counted() -> Message:
            nonlocal own
            received = await receive()
            size = len(received.get("body", b""))
            own += size
            self._bytes[owner] += size
            self._total += size
            if self._bytes[owner] > self._per_owner:
                raise Problem(
                    429, message("You are sending too much at once. Please wait for it to end."), retry_after=10
                )
            if self._total > self._in_total:
                raise Problem(
                    503, message("Too much is being sent to us just now. Please try again soon."), retry_after=10
                )
            return received

        try:
            yield counted
        finally:
            self._total -= own
            self._bytes[owner] -= own
            if not self._bytes[owner]:
                del self._bytes[owner]


def _no_body_allowed() -> Problem:
    return Problem(413, "This address takes no body.")


def _too_large(limit: int) -> Problem:
    return Problem(413, message("That is too large: at most {limit:g} MB are accepted.", limit=limit / 1_000_000))
