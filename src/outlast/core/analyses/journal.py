"""Protocols for progress, kept steps and uploads, which the code of an attempt uses."""

from collections.abc import AsyncIterator
from typing import Protocol

from outlast.domain.session import KeptStep


class ProgressSink(Protocol):
    """Receives progress: `ProgressTracker`, or the pipe to it from an isolated process.

    `call` numbers the executed calls within an attempt; `flow` numbers the calling tasks and threads.
    """

    def introduce(self, name: str, title: str) -> None:
        """Announce a step before its first call in this attempt, since the plan of the analysis may lack it."""
        ...

    def begin(self, name: str, call: int, flow: int) -> None: ...
    def resume(self, name: str, flow: int) -> None: ...
    def end(self, name: str, call: int) -> None: ...
    def abort(self, name: str, call: int) -> None:
        """Record that the call raised or was cancelled."""
        ...

    def fan_out(self, name: str, calls: int) -> None:
        """Announce `calls` calls of this step, until `fan_in`."""
        ...

    def fan_in(self, name: str) -> None: ...
    def note(self, name: str, note: str | None) -> None:
        """Show a sentence in place of the step's message, until the next call passes `None`."""
        ...

    def report(
        self, name: str | None, call: int, done: float | None, total: float | None, message: str | None
    ) -> None:
        """Record progress; outside any step `name` is `None` and `call` is 0."""
        ...

    async def flush(self) -> None:
        """Wait until watchers can see the progress so far, with a short timeout."""
        ...


class Uploads(Protocol):
    """The uploads of one owner."""

    def upload(self, sha256: str) -> AsyncIterator[bytes]:
        """Yield the content in chunks; raises `Permanent` if there is no such upload."""
        ...

    async def upload_name(self, sha256: str) -> str:
        """Return the file name; raises `Permanent` if there is no such upload."""
        ...


class Journal(Uploads, Protocol):
    """Kept steps and uploads: the store fenced by the claim, or the pipe to it from an isolated process."""

    session_id: str
    owner: str
    """Hash of the session's owner."""

    async def kept(self, call: str) -> KeptStep | None:
        """Return the result that an earlier attempt kept for this call, if any."""
        ...

    async def keep(self, kept: KeptStep) -> None:
        """Store a result; returns once it is durable. Raises `ClaimLost`."""
        ...
