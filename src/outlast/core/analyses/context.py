"""The context of analysis code: runs steps, keeps results, reports progress, and stops the code on request."""

import asyncio
import contextvars
import itertools
import logging
import math
import os
import random
import tempfile
import threading
from collections.abc import (
    Callable,
    Coroutine,
    Generator,
    Mapping,
    Sequence,
)
from concurrent.futures import CancelledError
from contextlib import contextmanager, nullcontext
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, BinaryIO, Protocol, TypeVar, cast
from weakref import WeakKeyDictionary, WeakSet

from outlast.core.analyses.branch import AttemptStopped, TryOverdue, current_branch, leave_branches
from outlast.core.analyses.call_keys import CallCounter, CallKeys
from outlast.core.analyses.journal import Journal, ProgressSink, Uploads
from outlast.core.analyses.payload import MAX_STEP_RESULT, Codec, brief_fault
from outlast.core.analyses.step_tries import Tries, TryOptions
from outlast.domain.session import KeptStep
from outlast.domain.step_calls import Key
from outlast.ports.clock import Clock
from outlast.ports.tracing import AttemptTrace

log = logging.getLogger(__name__)

T = TypeVar("T")

SPOOL = 4 << 20
"""Bytes of an opened upload held in memory before it spills to a temporary file."""
LONG_STEP = 1.0
"""A step of at least this many seconds flushes its progress before its result is kept."""


class StepLike(Protocol):
    """The attributes of a step that the context uses."""

    @property
    def name(self) -> str: ...
    @property
    def title(self) -> str: ...
    @property
    def version(self) -> int: ...
    @property
    def work(self) -> Callable[..., Any]: ...
    @property
    def codec(self) -> Codec: ...
    @property
    def keys(self) -> CallKeys: ...
    @property
    def try_options(self) -> TryOptions: ...


@dataclass(frozen=True, slots=True)
class OpenCall:
    """The step call that the current code belongs to."""

    step: str
    number: int
    tries: Tries | None
    """The tries of this call, or of the innermost call around it that has any."""


class AttemptContext:
    """The running attempt, as the analysis code uses it."""

    def __init__(
        self,
        progress: ProgressSink,
        journal: Journal,
        clock: Clock,
        loop: asyncio.AbstractEventLoop,
        *,
        rng: random.Random | None = None,
        timeout: float = math.inf,
        conceal: Callable[[asyncio.Task[Any]], None] = lambda _: None,
        trace: AttemptTrace | None = None,
    ) -> None:
        """`timeout` limits the attempt, in seconds from now. `conceal` hides a task from analysis code."""
        self.progress = progress
        self.rng = rng or random.Random()  # noqa: S311 - jitter, not secrets
        self._calls = CallCounter()
        self._deadline = loop.time() + timeout
        self._conceal = conceal
        self._trace = trace
        self._journal = journal
        self._clock = clock
        self._loop = loop
        self._numbers = itertools.count(1)
        self._introduced: set[str] = set()
        self._flows: WeakKeyDictionary[object, int] | None = None
        self._lock = threading.Lock()
        self._stopped = False
        self._tasks: set[asyncio.Task[Any]] = set()
        self._unreadable_steps: set[str] = set()
        self.waiting_threads: set[int] = set()
        """Identifiers of the threads of analysis code that only wait."""
        self.uploads: Uploads = journal
        self.owner = journal.owner
        self.session_id = journal.session_id
        self.pid = os.getpid()
        """PID of the attempt's process; a forked child cannot reach the store."""

    def stop(self) -> None:
        """Refuse further results and reports: cancel running steps, and stop threads at their next step or report.

        Call it in the worker's event loop. It also ends the steps that `gather` leaves running when one fails.
        """
        self._stopped = True
        for task in list(self._tasks):
            task.cancel()
        with _active_lock:
            _active.discard(self)

    def loop_for_threads(self, what: str) -> asyncio.AbstractEventLoop:
        """Return the loop for a call from a thread; raises on the loop itself, to avoid a deadlock."""
        self.check()
        if _running_loop() is self._loop:
            raise TypeError(f"{what} is for plain def code in threads; async code awaits the async variant.")
        return self._loop

    def report(self, done: float | None, total: float | None, message: str | None) -> None:
        self.check()
        call = _call.get()
        if call is None:
            self.progress.report(None, 0, done, total, message)
        else:
            self.progress.report(call.step, call.number, done, total, message)

    async def run_step(self, step: StepLike, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        self.check()
        self.introduce(step)
        key = await step.keys.key_on_loop(args, kwargs)
        call, flow, around = self._numbered(step, key), self._flow(), _tries_around()
        found, value = await self._on_loop(self._resume(step, call, flow, around))
        if found:
            return value
        with self._cancellable(), self._working(step, flow) as (began, tries):
            work = step.work(*args, **kwargs) if tries is None else tries.run(lambda: step.work(*args, **kwargs))
            return await self._on_loop(self._keep(step, call, await work, began, around))

    def run_step_blocking(self, step: StepLike, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        self.check()
        if _running_loop() is self._loop:
            raise TypeError(
                f"The step {step.name!r} is a plain def and would block all other sessions of this worker: make "
                f"it async def, call it as await asyncio.to_thread({step.name}, …), or make the analysis a def."
            )
        self.introduce(step)
        key = step.keys.key(args, kwargs)
        call, flow, around = self._numbered(step, key), self._flow(), _tries_around()
        found, value = self._wait(self._resume(step, call, flow, around))
        if found:
            return value
        with self._working(step, flow) as (began, tries):
            if tries is None:
                value = step.work(*args, **kwargs)
            else:
                value = tries.run_blocking(lambda: step.work(*args, **kwargs))
            self.check()
            return self._wait(self._keep(step, call, value, began, around))

    @property
    def seconds_left(self) -> float:
        """Seconds until the attempt's deadline."""
        return self._deadline - self._loop.time()

    def start_timer(self, seconds: float, action: Callable[[], None]) -> Callable[[], None]:
        """Call `action` on the attempt's loop after `seconds` of its clock; return a function that cancels it."""
        timers: list[asyncio.Task[None]] = []

        async def run() -> None:
            await self._clock.sleep(seconds)
            action()

        def start() -> None:
            timer = self._loop.create_task(run(), context=contextvars.Context())
            self._conceal(timer)
            timers.append(timer)

        def cancel() -> None:
            for timer in timers:
                timer.cancel()

        def on_loop(what: Callable[[], None]) -> None:
            if _running_loop() is self._loop:
                what()
            else:
                self._loop.call_soon_threadsafe(what)

        on_loop(start)
        return lambda: on_loop(cancel)

    async def pause(self, seconds: float) -> None:
        """Wait for `seconds`; ends at once when the attempt or the current branch is stopped."""
        await self._on_loop(self._pause(seconds))

    def pause_blocking(self, seconds: float) -> None:
        """Like `pause`, in a thread."""
        try:
            self._wait(self._pause(seconds))
        except CancelledError:
            self.check()
            raise

    async def _pause(self, seconds: float) -> None:
        with self._cancellable():
            self.check()
            await self._clock.sleep(seconds)

    def introduce(self, step: StepLike) -> None:
        """Announce the step to the progress before its first call."""
        if step.name not in self._introduced:
            self._introduced.add(step.name)
            self.progress.introduce(step.name, step.title)

    async def open_upload(self, sha256: str) -> BinaryIO:
        file = cast("BinaryIO", tempfile.SpooledTemporaryFile(max_size=SPOOL))  # noqa: SIM115 - the caller closes it
        async for chunk in self._journal.upload(sha256):
            file.write(chunk)
        file.seek(0)
        return file

    def open_upload_blocking(self, sha256: str) -> BinaryIO:
        self.check()
        return self._wait(self.open_upload(sha256))

    def upload_name_blocking(self, sha256: str) -> str:
        self.check()
        return self._wait(self._journal.upload_name(sha256))

    @contextmanager
    def _cancellable(self) -> Generator[None]:
        """Register the current task, so that it is cancelled when the attempt ends."""
        task = asyncio.current_task()
        if task is None or task in self._tasks or _running_loop() is not self._loop:
            yield
            return
        self._tasks.add(task)
        branch = current_branch()
        stopping = nullcontext() if branch is None else branch.on_stop(lambda: self._cancel(task))
        try:
            with stopping:
                yield
        finally:
            self._tasks.discard(task)

    def _cancel(self, task: asyncio.Task[Any]) -> None:
        """Cancel a task of the attempt's loop. Thread-safe."""
        if _running_loop() is self._loop:
            task.cancel()
        else:
            self._loop.call_soon_threadsafe(task.cancel)

    def _numbered(self, step: StepLike, key: Key) -> str:
        """Return the identity of the next call with this key."""
        around = _tries_around()
        if around is None:
            return self._calls.next_call(step.name, step.version, key).identity
        call = self._calls.next_call(step.name, step.version, key, around.reused)
        around.number(call)
        return call.identity

    @contextmanager
    def _working(self, step: StepLike, flow: int) -> Generator[tuple[float, Tries | None]]:
        """Report the start and end of a call around its work; yields the start time and the call's own tries."""
        own, outer = None, _tries_around()
        if step.try_options:
            own = Tries(step.try_options, self, lambda note: self.progress.note(step.name, note), outer)
        call = OpenCall(step.name, next(self._numbers), own or outer)
        token = _call.set(call)
        self.progress.begin(step.name, call.number, flow)
        ended = False
        try:
            with nullcontext() if self._trace is None else self._trace.step(step.name):
                yield self._clock.monotonic(), own
            ended = True
        finally:
            _call.reset(token)
            if ended:
                self.progress.end(step.name, call.number)
            else:
                self.progress.abort(step.name, call.number)

    async def _resume(self, step: StepLike, call: str, flow: int, around: Tries | None) -> tuple[bool, Any]:
        kept = (around and around.kept(call)) or await self._journal.kept(call)
        if kept is None:
            return False, None
        try:
            value = step.codec.load(kept.result)
        except (ValueError, RecursionError) as error:  # the return type has changed since: run the step again
            self._log_unreadable(step.name, error)
            return False, None
        if around is not None:
            around.keep(kept)
        self.progress.resume(step.name, flow)
        return True, value

    def _log_unreadable(self, step: str, error: Exception) -> None:
        """Log, once per step and attempt, that the step cannot use its kept results."""
        if step not in self._unreadable_steps:
            self._unreadable_steps.add(step)
            log.warning(
                "The step %r runs again: its return type does not accept the result that an earlier attempt kept: "
                "%s.",
                step,
                brief_fault(error).rstrip("."),
            )

    async def _keep(self, step: StepLike, call: str, value: Any, began: float, around: Tries | None) -> Any:
        self.check()
        what = f"The result of the step {step.name!r}"
        long = self._clock.monotonic() - began >= LONG_STEP
        if long:  # show its progress first: serializing a large result may block this process
            await self.progress.flush()
        text = step.codec.dump(value, MAX_STEP_RESULT, what, ascii_only=True)
        del value  # free a large value before the copy is loaded
        value = step.codec.load_own(text, what)
        duration = round((self._clock.monotonic() - began) * 1000)
        kept = KeptStep(call, step.name, text, duration)
        await self._journal.keep(kept)
        if around is not None:
            around.keep(kept)
        return value

    async def _on_loop(self, work: Coroutine[Any, Any, T]) -> T:
        """Run `work` on the worker's event loop, even if analysis code runs in a loop of its own."""
        if _running_loop() is self._loop:
            return await work
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, self._loop))

    def _wait(self, work: Coroutine[Any, Any, T]) -> T:
        with self.waiting() as over:

            async def work_and_say() -> T:
                try:
                    return await work
                finally:
                    over()

            return asyncio.run_coroutine_threadsafe(work_and_say(), self._loop).result()

    @contextmanager
    def waiting(self) -> Generator[Callable[[], None]]:
        """Mark the calling thread as waiting within the block: for the attempt's loop, or for such threads.

        Whatever it waits for calls the function that the block gets, because the thread itself may wake up later.
        """
        thread = threading.get_ident()
        self.waiting_threads.add(thread)
        try:
            yield lambda: self.waiting_threads.discard(thread)
        finally:
            self.waiting_threads.discard(thread)

    def _flow(self) -> int:
        """Return the number of the calling task or thread."""
        caller = asyncio.current_task() if _running_loop() else threading.current_thread()
        with self._lock:
            if self._flows is None:
                self._flows = WeakKeyDictionary()
            return self._flows.setdefault(caller, len(self._flows) + 1)

    def check(self) -> None:
        """Raise if the calling code has to stop."""
        branch = current_branch()
        stopped = None if branch is None else branch.stopped_by
        if self._stopped or stopped is not None:
            if _running_loop() is self._loop:
                raise asyncio.CancelledError
            if stopped is not None and stopped.overdue and not self._stopped:
                raise TryOverdue(stopped)
            raise AttemptStopped


_attempt: ContextVar[AttemptContext | None] = ContextVar("outlast_attempt", default=None)
_reading: ContextVar[Uploads | None] = ContextVar("outlast_reading", default=None)
_call: ContextVar[OpenCall | None] = ContextVar("outlast_call", default=None)
_active: WeakSet[AttemptContext] = WeakSet()
_warned: set[str] = set()
_active_lock = threading.Lock()


def enter(attempt: AttemptContext) -> None:
    """Make `attempt` the current one in this context."""
    _attempt.set(attempt)
    _call.set(None)
    leave_branches()
    with _active_lock:
        _active.add(attempt)


def current() -> AttemptContext | None:
    """Return the attempt that the calling code belongs to; `None` outside one, and in a forked process."""
    attempt = _attempt.get()
    return attempt if attempt is not None and attempt.pid == os.getpid() else None


def waiting_threads() -> set[int]:
    """Return the identifiers of the threads of analysis code in this process that only wait."""
    with _active_lock:
        return {thread for attempt in _active for thread in list(attempt.waiting_threads)}


def forked() -> bool:
    """Return whether analysis code forked this process."""
    attempt = _attempt.get()
    return attempt is not None and attempt.pid != os.getpid()


def current_or_raise() -> AttemptContext:
    attempt = current()
    if attempt is None:
        raise RuntimeError("This works only inside an analysis that Outlast runs.")
    return attempt


def warn_without_context(step: str) -> None:
    """Warn that a call of `step` is not kept, if it may belong to an attempt running in this process.

    The main thread belongs to the embedding program, which may call steps as plain functions.
    """
    if step in _warned or not _active or threading.current_thread() is threading.main_thread():
        return
    with _active_lock:
        in_this_process = any(attempt.pid == os.getpid() for attempt in _active)
        if not in_this_process or step in _warned:
            return
        _warned.add(step)
    log.warning(
        "The step %r was called in the thread %r, which has no attempt in its context. If an analysis made this "
        "call, its result is not kept and its progress not shown: threads do not inherit context variables. Use "
        "%s.map(items), asyncio.to_thread, or pool.submit(contextvars.copy_context().run, %s, …).",
        step,
        threading.current_thread().name,
        step,
        step,
    )


@contextmanager
def reading_uploads(uploads: Uploads) -> Generator[None]:
    """Read uploads from `uploads` within the block, for the check of a start, which has no attempt yet."""
    token = _reading.set(uploads)
    try:
        yield
    finally:
        _reading.reset(token)


def uploads() -> Uploads:
    """Return the uploads that the calling code may read."""
    return _reading.get() or current_or_raise().uploads


def _tries_around() -> Tries | None:
    """Return the tries that the next call of a step belongs to."""
    call = _call.get()
    return None if call is None else call.tries


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None
