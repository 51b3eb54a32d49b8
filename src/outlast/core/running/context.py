"""What runs around analysis code: kept steps, `report`, and the point where a stopped attempt notices it."""

import asyncio
import itertools
import os
import tempfile
import threading
from collections.abc import Coroutine, Generator, Iterable, Iterator, Mapping, Sequence, Sized
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, BinaryIO, TypeVar, cast
from weakref import WeakKeyDictionary

from outlast.core.payload import MAX_STEP_RESULT
from outlast.core.running import context_warnings
from outlast.core.running.attempt_ports import Journal, ProgressSink, StepLike, Uploads
from outlast.core.running.call_keys import CallCounter
from outlast.domain.session import KeptStep
from outlast.ports.clock import Clock

T = TypeVar("T")
SPOOL = 4 << 20
"""Bytes of an opened upload held in memory before it goes to an unnamed temporary file."""
LONG = 1.0
"""Seconds from which on a step is watched by people, who should see it move twice in each."""


class AttemptStopped(BaseException):
    """Ends a thread whose attempt was stopped. Not an `Exception`, so that analysis code does not swallow it."""


@dataclass(frozen=True, slots=True)
class OpenCall:
    """The call of a step that the code around is in."""

    step: str
    number: int


class Branch:
    """Calls that are stopped together: the rest of a `map` whose first failure is known."""

    def __init__(self, outer: "Branch | None") -> None:
        self._outer = outer
        self._stopped = False

    def stop(self) -> None:
        self._stopped = True

    @property
    def stopped(self) -> bool:
        return self._stopped or (self._outer is not None and self._outer.stopped)


class AttemptContext:
    """One attempt as the code of the analysis meets it."""

    def __init__(
        self, progress: ProgressSink, journal: Journal, clock: Clock, loop: asyncio.AbstractEventLoop
    ) -> None:
        self.progress = progress
        self._journal = journal
        self._clock = clock
        self._loop = loop
        self._calls = CallCounter()
        self._numbers = itertools.count(1)
        self._flows: WeakKeyDictionary[object, int] | None = None
        self._lock = threading.Lock()
        self._stopped = False
        self._tasks: set[asyncio.Task[Any]] = set()
        self.uploads: Uploads = journal
        self.owner = journal.owner
        self.pid = os.getpid()
        """The process it works in: a child forked from it has no way to the store."""

    def stop(self) -> None:
        """From now on nothing more is kept or reported: steps are cancelled, threads end at their next call of us.

        In the worker's event loop. `gather` leaves the other steps running when one of them fails.
        """
        self._stopped = True
        for task in list(self._tasks):
            task.cancel()
        context_warnings.ended(self)

    def loop_for_threads(self, what: str) -> asyncio.AbstractEventLoop:
        """The worker's event loop, for a thread to call into; on the loop itself that would wait for ever."""
        self._check()
        if _running_loop() is self._loop:
            raise TypeError(f"{what} is for plain def code in threads; async code awaits the same without it.")
        return self._loop

    def report(self, done: float | None, total: float | None, message: str | None) -> None:
        self._check()
        call = _call.get()
        if call is None:
            self.progress.report(None, 0, done, total, message)
        else:
            self.progress.report(call.step, call.number, done, total, message)

    async def run_step(self, step: StepLike, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        self._check()
        call = self._calls.next_call(step.name, step.version, await step.keys.key_on_loop(args, kwargs))
        flow = self._flow()
        found, value = await self._on_loop(self._resume(step, call, flow))
        if found:
            return value
        with self._cancellable(), self._working(step, flow) as began:
            return await self._on_loop(self._keep(step, call, await step.work(*args, **kwargs), began))

    def run_step_blocking(self, step: StepLike, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        self._check()
        if _running_loop() is self._loop:
            raise TypeError(
                f"The step {step.name!r} is a plain def and would hold up all other sessions of this worker: make "
                f"it async def, call it as await asyncio.to_thread({step.name}, …), or make the analysis a def."
            )
        call = self._calls.next_call(step.name, step.version, step.keys.key(args, kwargs))
        flow = self._flow()
        found, value = self._wait(self._resume(step, call, flow))
        if found:
            return value
        with self._working(step, flow) as began:
            value = step.work(*args, **kwargs)
            self._check()
            return self._wait(self._keep(step, call, value, began))

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

    @contextmanager
    def _cancellable(self) -> Generator[None]:
        """Around a step: its task does not outlast the attempt."""
        task = asyncio.current_task()
        if task is None or task in self._tasks or _running_loop() is not self._loop:
            yield
            return
        self._tasks.add(task)
        try:
            yield
        finally:
            self._tasks.discard(task)

    @contextmanager
    def _working(self, step: StepLike, flow: int) -> Generator[float]:
        """Around the work of a call; gives when it began."""
        call = OpenCall(step.name, next(self._numbers))
        token = _call.set(call)
        self.progress.begin(step.name, call.number, flow)
        ended = False
        try:
            yield self._clock.monotonic()
            ended = True
        finally:
            _call.reset(token)
            if ended:
                self.progress.end(step.name, call.number)
            else:
                self.progress.leave(step.name, call.number)

    async def _resume(self, step: StepLike, call: str, flow: int) -> tuple[bool, Any]:
        kept = await self._journal.kept(call)
        if kept is None:
            return False, None
        try:
            value = step.codec.load(kept.result)
        except (ValueError, RecursionError):  # its return type has changed since: work again
            return False, None
        self.progress.resume(step.name, flow)
        return True, value

    async def _keep(self, step: StepLike, call: str, value: Any, began: float) -> Any:
        self._check()
        what = f"The result of the step {step.name!r}"
        long = self._clock.monotonic() - began >= LONG
        if long:  # writing and reading a large result holds up everything else in this process
            await self.progress.told()
        text = step.codec.dump(value, MAX_STEP_RESULT, what, ascii_only=True)
        del value  # it may be large, and comes again
        value = step.codec.load_own(text, what)
        duration = round((self._clock.monotonic() - began) * 1000)
        await self._journal.keep(KeptStep(call, step.name, text, duration))
        return value

    async def _on_loop(self, work: Coroutine[Any, Any, T]) -> T:
        """Its value, worked for on the worker's event loop; the code of an analysis may run in one of its own."""
        if _running_loop() is self._loop:
            return await work
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, self._loop))

    def _wait(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    def _flow(self) -> int:
        """The number of the task or thread that calls."""
        caller = asyncio.current_task() if _running_loop() else threading.current_thread()
        with self._lock:
            if self._flows is None:
                self._flows = WeakKeyDictionary()
            return self._flows.setdefault(caller, len(self._flows) + 1)

    def _check(self) -> None:
        branch = _branch.get()
        if self._stopped or (branch is not None and branch.stopped):
            if _running_loop() is self._loop:
                raise asyncio.CancelledError
            raise AttemptStopped


_attempt: ContextVar[AttemptContext | None] = ContextVar("outlast_attempt", default=None)
_reading: ContextVar[Uploads | None] = ContextVar("outlast_reading", default=None)
_call: ContextVar[OpenCall | None] = ContextVar("outlast_call", default=None)
_branch: ContextVar[Branch | None] = ContextVar("outlast_branch", default=None)


def enter(attempt: AttemptContext) -> None:
    """Make `attempt` the current one of this thread's or coroutine's context."""
    _attempt.set(attempt)
    _call.set(None)
    _branch.set(None)
    context_warnings.began(attempt)


def current() -> AttemptContext | None:
    """The attempt that the code around belongs to; `None` outside one, and in a process forked from its own."""
    attempt = _attempt.get()
    return attempt if attempt is not None and attempt.pid == os.getpid() else None


def forked() -> bool:
    """Whether this process was forked by the code of an analysis."""
    attempt = _attempt.get()
    return attempt is not None and attempt.pid != os.getpid()


def branch_off() -> Branch:
    """A branch of the current one, for calls made in this context from now on."""
    branch = Branch(_branch.get())
    _branch.set(branch)
    return branch


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


def owner() -> str:
    """Whose session it is: equal for all sessions of one owner, and "" outside an analysis."""
    attempt = current()
    return attempt.owner if attempt is not None else ""


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
