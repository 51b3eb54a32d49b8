"""`outlast.sync`: the use cases for code without an event loop, run on an event loop in another thread."""

import asyncio
import atexit
import inspect
import os
import threading
import weakref
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Mapping, Sequence
from concurrent.futures import CancelledError, Future, wait
from contextlib import AbstractAsyncContextManager, suppress
from datetime import timedelta
from typing import Any, BinaryIO, Final, Generic, Protocol, TypeVar

from outlast.core.analyses.upload import Upload
from outlast.core.handles import BY_TRUSTED_CODE, SessionHandle
from outlast.core.watch import SessionView
from outlast.domain.session import AnalysisSession
from outlast.domain.status import Status
from outlast.ports.deletions import DeleteAnswer, Deleted
from outlast.ports.results import StoredResult
from outlast.ports.store import CancelAnswer, RetryAnswer
from outlast.running.threads import ContextThreadPool

T = TypeVar("T")
R_co = TypeVar("R_co", covariant=True)

ENDED_BEFORE: Final = (
    "This Outlast object is open in an event loop that has ended: `await outlast.close()` before that loop ends, "
    "or use `async with outlast.lifespan():` in it."
)
ENDED_MEANWHILE: Final = (
    "outlast.sync.close() was called while this call waited, or the event loop of this Outlast object ended."
)
LOOP_CHECKED_EVERY: Final = 1.0
"""Seconds between two looks, while a call waits, whether the loop has been closed."""


class AsyncOutlast(Protocol):
    """The use cases that `SyncOutlast` calls. `Outlast` implements them."""

    def lifespan(self, workers: int = 0) -> AbstractAsyncContextManager[Any]: ...
    async def close(self) -> None: ...
    async def start(self, analysis: str, /, *, owner: str = ..., **values: Any) -> SessionHandle[Any]: ...
    async def upload(self, file: BinaryIO, name: str, *, owner: str | None = None) -> Upload: ...
    async def get(self, session_id: str, *, owner: str | None = None) -> SessionView | None: ...
    def watch(self, session_id: str, *, owner: str | None = None) -> AsyncIterator[SessionView]: ...
    async def list(
        self,
        *,
        owner: str | None = None,
        status: Status | None = None,
        analysis: str | None = None,
        limit: int = 50,
        after: AnalysisSession | None = None,
    ) -> Sequence[AnalysisSession]: ...
    async def result(self, session_id: str, *, owner: str | None = None) -> StoredResult | None: ...
    async def share(
        self, session_id: str, *, owner: str | None = None, expires_in: float | timedelta | None = None
    ) -> str | None: ...
    async def unshare(self, session_id: str, *, owner: str | None = None) -> bool: ...
    async def cancel(self, session_id: str, *, owner: str | None = None) -> CancelAnswer | None: ...
    async def retry(self, session_id: str, *, owner: str | None = None) -> RetryAnswer | None: ...
    async def answer(
        self, session_id: str, answers: Mapping[str, str], *, owner: str | None = None
    ) -> RetryAnswer | None: ...
    async def log_in(self, request: Any, user: str) -> int: ...
    async def delete(self, session_id: str, *, owner: str | None = None) -> DeleteAnswer | None: ...
    async def delete_all(self, owner: str) -> Deleted: ...
    async def adopt(self, anonymous: str, owner: str) -> int: ...


class LoopThread:
    """An event loop in a daemon thread, for the coroutines of other threads."""

    def __init__(self, name: str, loop: asyncio.AbstractEventLoop | None = None) -> None:
        self.loop = loop or asyncio.new_event_loop()
        # this pool has daemon threads and accepts work while the interpreter exits, which `close` needs
        self.loop.set_default_executor(ContextThreadPool(thread_name_prefix=name))
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End the loop and its thread."""
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join()

    def _run(self) -> None:
        asyncio.set_event_loop(self.loop)
        try:
            self.loop.run_forever()
            leftovers = asyncio.all_tasks(self.loop)
            for task in leftovers:
                task.cancel()
            self.loop.run_until_complete(asyncio.gather(*leftovers, return_exceptions=True))
            self.loop.run_until_complete(self.loop.shutdown_asyncgens())
        finally:
            self.loop.close()


def wait_on(loop: asyncio.AbstractEventLoop, work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine on the loop of another thread and return what it returns, or raise what it raises.

    If the waiting thread is interrupted, the coroutine is cancelled. Raises `RuntimeError` on the loop itself.
    """
    if asyncio._get_running_loop() is loop:  # noqa: SLF001  # pyright: ignore[reportPrivateUsage, reportUnknownMemberType, reportAttributeAccessIssue] - returns None instead of raising
        work.close()
        raise RuntimeError(
            "outlast.sync was called on the event loop of this Outlast object, which it would block for ever: use "
            "the method of the object itself there, as in await outlast.start(…)."
        )
    if loop.is_closed():
        work.close()
        raise RuntimeError(ENDED_BEFORE)
    ended: Future[T] | None = None
    try:
        with suppress(RuntimeError):  # the loop was closed since the check above
            ended = asyncio.run_coroutine_threadsafe(work, loop)
        # a loop drops without a word what reaches it between its last iteration and its end
        while ended is not None and not wait([ended], LOOP_CHECKED_EVERY).done and not loop.is_closed():
            pass
        if ended is None or not ended.done():
            if inspect.getcoroutinestate(work) == inspect.CORO_CREATED:
                work.close()
            raise CancelledError
        return ended.result()
    except CancelledError:
        raise RuntimeError(ENDED_MEANWHILE) from None
    except BaseException:
        if ended is not None:
            ended.cancel()
        raise


class SyncSession(Generic[R_co]):
    """A started session, for code without an event loop. Each method blocks until it can return.

    `for view in session` yields its `SessionView` now and after each change, the final one last.
    """

    def __init__(self, sync: "SyncOutlast", handle: SessionHandle[R_co]) -> None:
        self._sync = sync
        self._handle = handle
        self.session: Final = handle.session
        """The session as it was when this start returned."""
        self.existing: Final = handle.existing
        """Whether the owner had this subject in flight already, so that this start began nothing new."""

    @property
    def id(self) -> str:
        """26 characters, which nobody can guess."""
        return self._handle.id

    def result(self) -> R_co:
        """Like `SessionHandle.result`."""
        return self._sync.wait(self._handle.result())

    def __iter__(self) -> Iterator[SessionView]:
        return self._sync.views(aiter(self._handle))

    def view(self) -> SessionView:
        """Like `SessionHandle.view`."""
        return self._sync.wait(self._handle.view())

    def cancel(self) -> CancelAnswer:
        """Like `SessionHandle.cancel`."""
        return self._sync.wait(self._handle.cancel())

    def retry(self) -> RetryAnswer:
        """Like `SessionHandle.retry`."""
        return self._sync.wait(self._handle.retry())

    def answer(self, answers: Mapping[str, str]) -> RetryAnswer:
        """Like `SessionHandle.answer`."""
        return self._sync.wait(self._handle.answer(answers))

    def delete(self) -> DeleteAnswer:
        """Like `SessionHandle.delete`."""
        return self._sync.wait(self._handle.delete())

    def __repr__(self) -> str:
        return repr(self._handle)


class SyncOutlast:
    """The use cases of one `Outlast` object for Flask, Django views, scripts and notebooks: `outlast.sync`.

    Each method takes, returns and raises what the method of the same name of `Outlast` does, and blocks the
    calling thread meanwhile. Any number of threads may call them, including one with a running event loop, as in a
    notebook. If a host has opened the store, they run on its event loop. Otherwise the first call opens the store
    on an event loop in a new thread, until the program ends or calls `close`. A forked child process opens the
    store again, for servers that fork after loading the application.
    """

    def __init__(
        self,
        outlast: AsyncOutlast,
        opened_on: Callable[[], asyncio.AbstractEventLoop | None],
    ) -> None:
        """`opened_on` returns the loop on which `outlast` is open."""
        self._outlast = outlast
        self._opened_on = opened_on
        self._opening = threading.Lock()
        self._thread: LoopThread | None = None
        self._hooked = False

    def open(self, *, workers: int = 0) -> None:
        """Open the store with `workers` worker threads in this process. Raises `RuntimeError` if it is open."""
        with self._opening:
            if self._opened_on() is not None:
                raise RuntimeError("This Outlast object is open already: call outlast.sync.open(…) before.")
            self._open(workers)

    def close(self) -> None:
        """Let workers finish (`ANALYSIS_SHUTDOWN_GRACE`), then close the store. The next call opens it again.

        Calls that other threads still wait for raise `RuntimeError`.
        """
        with self._opening:
            if self._thread is not None:
                try:
                    wait_on(self._thread.loop, self._outlast.close())
                finally:
                    self._thread.close()
                    self._thread = None

    def wait(self, work: Coroutine[Any, Any, T]) -> T:
        """Run `work`, any coroutine of this `Outlast` object; return what it returns or raise what it raises."""
        try:
            loop = self._loop()
        except BaseException:
            work.close()
            raise
        return wait_on(loop, work)

    def start(self, analysis: str, /, *, owner: str = BY_TRUSTED_CODE, **values: Any) -> "SyncSession[Any]":
        """Like `Outlast.start`."""
        return SyncSession(self, self.wait(self._outlast.start(analysis, owner=owner, **values)))

    def run(self, analysis: str, /, *, owner: str = BY_TRUSTED_CODE, **values: Any) -> Any:
        """Like `Outlast.start`, but waits until the session ends and returns its result as the declared type.

        Raises what `Outlast.start` and `SessionHandle.result` raise.
        """
        return self.start(analysis, owner=owner, **values).result()

    def upload(self, file: BinaryIO, name: str, *, owner: str | None = None) -> Upload:
        """Like `Outlast.upload`."""
        return self.wait(self._outlast.upload(file, name, owner=owner))

    def get(self, session_id: str, *, owner: str | None = None) -> SessionView | None:
        """Like `Outlast.get`."""
        return self.wait(self._outlast.get(session_id, owner=owner))

    def watch(self, session_id: str, *, owner: str | None = None) -> Iterator[SessionView]:
        """Like `Outlast.watch`."""
        yield from self.views(self._outlast.watch(session_id, owner=owner))

    def views(self, views: AsyncIterator[SessionView]) -> Iterator[SessionView]:
        """Yield the items of `views`, an asynchronous iterator of this `Outlast` object."""
        loop = self._loop()
        try:
            while (view := wait_on(loop, _next_view(views))) is not None:
                yield view
        finally:
            with suppress(RuntimeError):  # the loop was closed meanwhile
                wait_on(loop, _close_views(views))

    def list(
        self,
        *,
        owner: str | None = None,
        status: Status | None = None,
        analysis: str | None = None,
        limit: int = 50,
        after: AnalysisSession | None = None,
    ) -> Sequence[AnalysisSession]:
        """Like `Outlast.list`."""
        page = self._outlast.list(owner=owner, status=status, analysis=analysis, limit=limit, after=after)
        return self.wait(page)

    def result(self, session_id: str, *, owner: str | None = None) -> StoredResult | None:
        """Like `Outlast.result`."""
        return self.wait(self._outlast.result(session_id, owner=owner))

    def share(
        self, session_id: str, *, owner: str | None = None, expires_in: float | timedelta | None = None
    ) -> str | None:
        """Like `Outlast.share`."""
        return self.wait(self._outlast.share(session_id, owner=owner, expires_in=expires_in))

    def unshare(self, session_id: str, *, owner: str | None = None) -> bool:
        """Like `Outlast.unshare`."""
        return self.wait(self._outlast.unshare(session_id, owner=owner))

    def cancel(self, session_id: str, *, owner: str | None = None) -> CancelAnswer | None:
        """Like `Outlast.cancel`."""
        return self.wait(self._outlast.cancel(session_id, owner=owner))

    def retry(self, session_id: str, *, owner: str | None = None) -> RetryAnswer | None:
        """Like `Outlast.retry`."""
        return self.wait(self._outlast.retry(session_id, owner=owner))

    def answer(
        self, session_id: str, answers: Mapping[str, str], *, owner: str | None = None
    ) -> RetryAnswer | None:
        """Like `Outlast.answer`."""
        return self.wait(self._outlast.answer(session_id, answers, owner=owner))

    def log_in(self, request: Any, user: str) -> int:
        """Like `Outlast.log_in`."""
        return self.wait(self._outlast.log_in(request, user))

    def delete(self, session_id: str, *, owner: str | None = None) -> DeleteAnswer | None:
        """Like `Outlast.delete`."""
        return self.wait(self._outlast.delete(session_id, owner=owner))

    def delete_all(self, owner: str) -> Deleted:
        """Like `Outlast.delete_all`."""
        return self.wait(self._outlast.delete_all(owner))

    def adopt(self, anonymous: str, owner: str) -> int:
        """Like `Outlast.adopt`."""
        return self.wait(self._outlast.adopt(anonymous, owner))

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The event loop on which the object is open, for bridges such as a2wsgi's; opens it if necessary."""
        return self._loop()

    def _loop(self) -> asyncio.AbstractEventLoop:
        """Return the loop on which the object is open; open it if necessary."""
        loop = self._opened_on()
        if loop is None:
            with self._opening:
                loop = self._opened_on() or self._open(0)
        return loop

    def _open(self, workers: int) -> asyncio.AbstractEventLoop:
        if not self._hooked:
            self._hooked = True
            me: weakref.ref[SyncOutlast] = weakref.ref(self)
            atexit.register(_close_at_exit, me)
            os.register_at_fork(after_in_child=lambda: _forget_in_child(me))
        thread = LoopThread("outlast-sync")
        try:
            wait_on(thread.loop, self._outlast.lifespan(workers).__aenter__())
        except BaseException:
            thread.close()
            raise
        self._thread = thread
        return thread.loop

    def forget(self) -> None:
        """Drop the loop in a forked child: its thread exists in the parent only."""
        self._opening = threading.Lock()
        self._thread = None


def _close_at_exit(sync: "weakref.ref[SyncOutlast]") -> None:
    if (outlast := sync()) is not None:
        outlast.close()


def _forget_in_child(sync: "weakref.ref[SyncOutlast]") -> None:
    if (outlast := sync()) is not None:
        outlast.forget()


async def _next_view(views: AsyncIterator[SessionView]) -> SessionView | None:
    return await anext(views, None)


async def _close_views(views: AsyncIterator[SessionView]) -> None:
    close = getattr(views, "aclose", None)
    if close is not None:
        await close()
