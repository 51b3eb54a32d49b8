"""What runs around analysis code: kept steps, `report`, and the point where a stopped attempt notices it."""

import asyncio
import tempfile
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Generator, Iterable, Iterator, Sized
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, BinaryIO, Protocol, TypeVar, cast

from pydantic import ValidationError

from outlast.core.payload import MAX_STEP_RESULT, Codec
from outlast.domain.session import KeptStep
from outlast.ports.clock import Clock

T = TypeVar("T")
SPOOL = 4 << 20
"""Bytes of an opened upload held in memory before it goes to an unnamed temporary file."""
LONG = 1.0
"""Seconds from which on a step is watched by people, who should see it move twice in each."""


class AttemptStopped(BaseException):
    """Ends a thread whose attempt was stopped. Not an `Exception`, so that analysis code does not swallow it."""


class StepLike(Protocol):
    """What the context needs to know of a step."""

    @property
    def name(self) -> str: ...
    @property
    def version(self) -> int: ...
    @property
    def codec(self) -> Codec: ...


class ProgressSink(Protocol):
    """Where the lines of the plan are kept: `Tracker`, or the pipe to it."""

    def begin(self, name: str) -> None: ...
    def resume(self, name: str) -> None: ...
    def end(self, name: str) -> None: ...
    def report(self, name: str | None, done: float | None, total: float | None, message: str | None) -> None: ...
    async def told(self) -> None:
        """Returns once all this can be seen, or soon."""
        ...


class Uploads(Protocol):
    """Where the uploads of one owner are."""

    def upload(self, sha256: str) -> AsyncIterator[bytes]:
        """Raises `Permanent` when there is none."""
        ...

    async def upload_name(self, sha256: str) -> str:
        """Raises `Permanent` when there is none."""
        ...


class Journal(Uploads, Protocol):
    """Where kept steps and uploads are: the store under the claim, or the pipe to it."""

    owner: str
    """The hash of whose session it is."""

    async def kept(self, step: str, occurrence: int) -> KeptStep | None: ...

    async def keep(self, kept: KeptStep) -> None:
        """Returns once durable; raises `ClaimLost`."""
        ...


class AttemptContext:
    """One attempt as the code of the analysis meets it."""

    def __init__(
        self, progress: ProgressSink, journal: Journal, clock: Clock, loop: asyncio.AbstractEventLoop
    ) -> None:
        self._progress = progress
        self._journal = journal
        self._clock = clock
        self._loop = loop
        self._occurrences: dict[str, int] = {}
        self._stopped = threading.Event()
        self.uploads: Uploads = journal
        self.owner = journal.owner

    def stop(self) -> None:
        """From now on threads end at their next report or step, and nothing more is kept or reported."""
        self._stopped.set()

    def loop_for_threads(self, what: str) -> asyncio.AbstractEventLoop:
        """The worker's event loop, for a thread to call into; on the loop itself that would wait for ever."""
        self._check()
        if _running_loop() is self._loop:
            raise TypeError(f"{what} is for plain def code in threads; async code awaits the same without it.")
        return self._loop

    def report(self, done: float | None, total: float | None, message: str | None) -> None:
        self._check()
        self._progress.report(_step.get(), done, total, message)

    async def run_step(self, step: StepLike, work: Callable[[], Awaitable[Any]]) -> Any:
        self._check()
        occurrence = self._next(step)
        found, value = await self._resume(step, occurrence)
        if found:
            return value
        token = _step.set(step.name)
        try:
            self._progress.begin(step.name)
            began = self._clock.monotonic()
            return await self._keep(step, occurrence, await work(), began)
        finally:
            _step.reset(token)

    def run_step_blocking(self, step: StepLike, work: Callable[[], Any]) -> Any:
        self._check()
        if _running_loop() is self._loop:
            raise TypeError(
                f"The step {step.name!r} is a plain def and would hold up all other sessions of this worker: make "
                f"it async def, call it as await asyncio.to_thread({step.name}, …), or make the analysis a def."
            )
        occurrence = self._next(step)
        found, value = self._wait(self._resume(step, occurrence))
        if found:
            return value
        token = _step.set(step.name)
        try:
            self._progress.begin(step.name)
            began = self._clock.monotonic()
            return self._wait(self._keep(step, occurrence, work(), began))
        finally:
            _step.reset(token)

    async def open_upload(self, sha256: str) -> BinaryIO:
        file = cast("BinaryIO", tempfile.SpooledTemporaryFile(max_size=SPOOL))  # noqa: SIM115 - the caller closes it
        async for chunk in self._journal.upload(sha256):
            file.write(chunk)
        file.seek(0)
        return file

    def open_upload_blocking(self, sha256: str) -> BinaryIO:
        self._check()
        return self._wait(self.open_upload(sha256))

    def upload_name_blocking(self, sha256: str) -> str:
        self._check()
        return self._wait(self._journal.upload_name(sha256))

    def _next(self, step: StepLike) -> int:
        # counted at the call, so that steps under gather() get the same numbers in every attempt
        occurrence = self._occurrences.get(step.name, 0) + 1
        self._occurrences[step.name] = occurrence
        return occurrence

    async def _resume(self, step: StepLike, occurrence: int) -> tuple[bool, Any]:
        kept = await self._journal.kept(step.name, occurrence)
        if kept is None or kept.version != step.version:
            return False, None
        try:
            value = step.codec.load(kept.result)
        except ValidationError:  # its return type has changed since: work again
            return False, None
        self._progress.resume(step.name)
        return True, value

    async def _keep(self, step: StepLike, occurrence: int, value: Any, began: float) -> Any:
        self._check()
        what = f"The result of the step {step.name!r}"
        long = self._clock.monotonic() - began >= LONG
        if long:  # writing and reading a large result holds up everything else in this process
            await self._progress.told()
        text = step.codec.dump(value, MAX_STEP_RESULT, what, ascii_only=True)
        del value  # it may be large, and comes again
        duration = round((self._clock.monotonic() - began) * 1000)
        await self._journal.keep(KeptStep(step.name, occurrence, step.version, text, duration))
        self._progress.end(step.name)
        if long:
            await self._progress.told()
        return step.codec.load(text)

    def _wait(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    def _check(self) -> None:
        if self._stopped.is_set():
            if _running_loop() is self._loop:
                raise asyncio.CancelledError
            raise AttemptStopped


_attempt: ContextVar[AttemptContext | None] = ContextVar("outlast_attempt", default=None)
_reading: ContextVar[Uploads | None] = ContextVar("outlast_reading", default=None)
_step: ContextVar[str | None] = ContextVar("outlast_step", default=None)


def enter(attempt: AttemptContext) -> None:
    """Make `attempt` the current one of this thread's or coroutine's context."""
    _attempt.set(attempt)
    _step.set(None)


def current() -> AttemptContext | None:
    return _attempt.get()


def current_or_raise() -> AttemptContext:
    attempt = current()
    if attempt is None:
        raise RuntimeError("This works only inside an analysis that Outlast runs.")
    return attempt


@contextmanager
def reading(uploads: Uploads) -> Generator[None]:
    """Within it uploads are read from there: for the check of a start, which is no attempt yet."""
    token = _reading.set(uploads)
    try:
        yield
    finally:
        _reading.reset(token)


def uploads() -> Uploads:
    """Those that the code which asks may read."""
    return _reading.get() or current_or_raise().uploads


def report(done: float | None = None, total: float | None = None, message: str | None = None) -> None:
    """Say how far the current step is: `done` of `total` (without `total`: a fraction from 0 to 1).

    Never blocks; call it as often as you like. Outside a step it speaks of all calls of the step begun last.
    Outside an analysis it does nothing. A percentage never falls: a smaller value than before changes nothing.
    """
    attempt = current()
    if attempt is not None:
        attempt.report(done, total, message)


def track(items: Iterable[T], total: float | None = None, message: str | None = None) -> Iterator[T]:
    """The items again, with a report after each. `total` is needed where `items` has no length."""
    count = total if total is not None else len(items) if isinstance(items, Sized) else None
    if count is not None:
        report(0, count, message)
    for done, item in enumerate(items, start=1):
        yield item
        if count is None:
            report(message=message)
        else:
            report(done, count)


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None
