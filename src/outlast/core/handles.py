"""Typed handles: an analysis handle starts sessions, and a session handle waits for the result."""

import asyncio
import inspect
import logging
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from datetime import datetime, timedelta
from functools import update_wrapper
from typing import Any, Final, Generic, ParamSpec, Protocol, Self, TypedDict, TypeVar, Unpack

from outlast.core.analyses import context
from outlast.core.analyses.analysis import Analysis
from outlast.core.analyses.declarations import require_delay, require_priority, require_time
from outlast.core.ids import is_text
from outlast.core.sessions import Sessions
from outlast.core.watch import SessionView
from outlast.domain.errors import AnalysisFailed, SessionGone
from outlast.domain.questions import load_asked
from outlast.domain.session import AnalysisSession
from outlast.domain.status import Status
from outlast.ports.deletions import DeleteAnswer
from outlast.ports.store import CancelAnswer, RetryAnswer

log = logging.getLogger(__name__)

P = ParamSpec("P")
R = TypeVar("R")
R_co = TypeVar("R_co", covariant=True)

T = TypeVar("T")


class UseCases(Protocol):
    """The use cases of an application. The first call opens its store."""

    async def use(self, work: Callable[[Sessions], Coroutine[Any, Any, T]]) -> T:
        """Run one use case."""
        ...

    def watch(self, session_id: str, owner: str | None) -> AsyncIterator[SessionView]:
        """See `Sessions.watch`."""
        ...


STALL_WARNING_DELAY: Final = 5.0
"""Seconds of waiting for a result before a log line says that no worker serves the session."""


class _TrustedCode(str):
    __slots__ = ()

    def __repr__(self) -> str:
        return "trusted code"


BY_TRUSTED_CODE: Final = _TrustedCode()
"""The default of `owner`, compared by identity, so that a caller who passes `None` by mistake is not trusted."""


class StartOptions(TypedDict, total=False):
    """The options of one start beside its input."""

    owner: str
    """The visitor or user who owns the session, may follow it over HTTP, and whose limits count it. Without an
    owner, the caller is trusted code: no limit per owner applies, and every start is a session of its own."""
    priority: int
    """Replaces the priority of the analysis and of the owner. Workers claim sessions of a higher priority first;
    one step is worth an hour of waiting."""
    delay: float | timedelta
    """Seconds after which the session may begin, from 0 to a year."""
    at: datetime
    """When the session may begin, with a time zone, at most a year from now; a time in the past means at once."""
    refresh: bool
    """Whether to run it anew although a result of the owner is fresh; see `fresh_for` of the analysis."""


def checked_start_options(options: StartOptions) -> StartOptions:
    """Return `options`. Raises `TypeError` or `ValueError` that says how to correct a wrong one."""
    if unknown := options.keys() - StartOptions.__annotations__.keys():
        known = ", ".join(StartOptions.__annotations__)
        raise TypeError(f"A start has no option {min(unknown)!r}; there are {known}.")
    if "owner" in options and not is_text(options["owner"]):
        raise TypeError(
            f"owner is {options['owner']!r}, which is not text. Pass the name of a user or visitor; leave owner "
            "out only in trusted code, to which no limit per owner applies."
        )
    if options.get("owner") == "":  # as of a user who is not logged in: all of them would be one owner
        raise ValueError("owner is '', which names nobody; each owner sees all sessions of that name.")
    if "priority" in options:
        require_priority("priority", options["priority"])
    if "delay" in options and "at" in options:
        raise TypeError("A start has a delay or a time at which it may begin, not both: leave out delay or at.")
    if "delay" in options:
        require_delay("delay", options["delay"])
    if "at" in options:
        require_time("at", options["at"])
    if "refresh" in options and not isinstance(options["refresh"], bool):  # pyright: ignore[reportUnnecessaryIsInstance] - as above
        raise TypeError(f"refresh is {options['refresh']!r}; it is True or False.")
    return options


class SessionHandle(Generic[R_co]):
    """A started session, for the code that has started it, which needs no owner to use it.

    `async for view in session` yields its `SessionView` now and after each change, the final one last. Every use
    may raise `StoreUnavailable`.
    """

    def __init__(
        self,
        use_cases: UseCases,
        session: AnalysisSession,
        read: Callable[[str], R_co],
        *,
        existing: bool = False,
    ) -> None:
        self._use_cases = use_cases
        self._read = read
        self.session: Final = session
        """The session as it was when this start returned."""
        self.existing: Final = existing
        """Whether the owner had this session for the same subject already: in flight, or with a fresh result."""

    @property
    def id(self) -> str:
        """The unguessable id, 26 characters."""
        return self.session.id

    def __repr__(self) -> str:
        return f"<session {self.id} of {self.session.analysis!r}>"

    async def result(self) -> R_co:
        """Wait until the session ends and return its result as the type that the analysis declares.

        Raises `AnalysisFailed` if the session failed or was cancelled, and `SessionGone` if a cleanup deleted it.
        Cancelling this wait does not cancel the session.
        """
        latest: list[SessionView] = []
        loop = asyncio.get_running_loop()
        warning: asyncio.TimerHandle | None = None
        try:
            async for view in self:
                latest[:] = [view]
                warning = warning or loop.call_later(STALL_WARNING_DELAY, self._warn_if_stalled, latest)
        finally:
            if warning is not None:
                warning.cancel()
        final = latest[0].session if latest else None
        if final is not None and final.status in {Status.FAILED, Status.CANCELLED}:
            raise _failure(final)
        stored = await self._use_cases.use(lambda sessions: sessions.result(self.id, owner=None))
        if stored is None:
            raise SessionGone(f"The session {self.id} or its result has been cleaned up or deleted.")
        try:
            return self._read(stored.result)
        except (ValueError, RecursionError) as error:
            raise AnalysisFailed(
                "unreadable",
                None,
                f"The result of the session {self.id} is not of the type that {self.session.analysis!r} declares "
                "now: another version has written it.",
            ) from error

    async def __aiter__(self) -> AsyncIterator[SessionView]:
        async for view in self._use_cases.watch(self.id, None):
            yield view

    async def view(self) -> SessionView:
        """Return the current view; raises `SessionGone` if the session has been cleaned up or deleted."""
        return self._found(await self._use_cases.use(lambda sessions: sessions.get(self.id, owner=None)))

    async def cancel(self) -> CancelAnswer:
        """Cancel the session: at once if it waits, else once its attempt has stopped. Raises `SessionGone`."""
        return self._found(await self._use_cases.use(lambda sessions: sessions.cancel(self.id, owner=None)))

    async def retry(self) -> RetryAnswer:
        """Grant the failed or cancelled session new attempts, which use its kept steps.

        Raises `SessionGone`, and `InvalidInput` if an uploaded file has expired.
        """
        return self._found(await self._use_cases.use(lambda sessions: sessions.retry(self.id, owner=None)))

    async def answer(self, answers: Mapping[str, str]) -> RetryAnswer:
        """Answer the questions of a session that failed with the code `question`, by their names.

        It restarts after its kept steps, with the answers in its input. Raises `SessionGone`, and `InvalidInput`
        for answers that do not fit the questions or are refused as a start would be.
        """
        return self._found(
            await self._use_cases.use(lambda sessions: sessions.answer(self.id, answers, owner=None))
        )

    async def delete(self) -> DeleteAnswer:
        """Delete the session, if it has ended, with everything that belongs to it: see `Outlast.delete`.

        Raises `SessionGone` if nothing is left of it.
        """
        return self._found(await self._use_cases.use(lambda sessions: sessions.delete(self.id, owner=None)))

    def _found(self, answer: "Answer | None") -> "Answer":
        if answer is None:
            raise SessionGone(f"The session {self.id} has been cleaned up or deleted.")
        return answer

    def _warn_if_stalled(self, latest: list[SessionView]) -> None:
        if context.current() is not None and latest[0].session.status is Status.PENDING:
            log.warning(
                "An analysis waits for the session %s of %r, which waits for a worker in the queue %r. Each "
                "analysis that waits occupies a place of its worker; if such analyses occupy all of them, they "
                "wait until their timeout: give %r a queue and a worker of its own.",
                self.id,
                self.session.analysis,
                self.session.queue,
                self.session.analysis,
            )
            return
        if latest[0].stalled:
            log.warning(
                "The session %s waits, and no living worker serves the queue %r with the analysis %r. Start one: "
                "`outlast workers start --app MODULE:OBJECT`, or in this process "
                "`async with outlast.lifespan(workers=1)` or `outlast.sync.open(workers=1)`.",
                self.id,
                self.session.queue,
                self.session.analysis,
            )


Answer = TypeVar("Answer")


def _failure(session: AnalysisSession) -> AnalysisFailed:
    if session.status is Status.CANCELLED:
        return AnalysisFailed("cancelled", None, f"The session {session.id} was cancelled.")
    questions = load_asked(session.asked).questions if session.asked else ()
    return AnalysisFailed(
        session.error_code or "error", session.reference, session.error or "It failed.", questions
    )


async def start_session(
    use_cases: UseCases, analysis: Analysis, values: Mapping[str, object], options: StartOptions
) -> SessionHandle[Any]:
    """Start a session of the analysis with these input values; see `AnalysisHandle.start`."""
    owner, priority, delay = options.get("owner"), options.get("priority"), options.get("delay", 0.0)
    seconds = delay.total_seconds() if isinstance(delay, timedelta) else delay
    started = await use_cases.use(
        lambda sessions: sessions.start_from_code(
            analysis.name,
            values,
            owner,
            priority=priority,
            delay=seconds,
            at=options.get("at"),
            refresh=options.get("refresh", False),
        )
    )
    return SessionHandle(use_cases, started.session, analysis.codec.load, existing=started.existing)


class AnalysisHandle(Generic[P, R]):
    """A registered analysis with the parameters and the return type `R` of its function.

    `await analyse_site.start(url="…")` starts a session, and `await analyse_site.run(url="…")` also waits for its
    result. Calling the handle itself runs the function without a session.

    `start` and `run` are for trusted code: without `options(owner=…)` no limit per owner applies. All starts share
    the limit on pending sessions, which protects the store.
    """

    def __init__(self, analysis: Analysis, use_cases: UseCases) -> None:
        self._analysis = analysis
        self._use_cases = use_cases
        self._options = StartOptions()
        wrapper: Any = self  # both subclasses are callable, which update_wrapper requires
        update_wrapper(wrapper, analysis.work)

    @property
    def name(self) -> str:
        """The name under which the analysis is registered."""
        return self._analysis.name

    @property
    def work(self) -> Callable[..., Any]:
        """The function of the analysis."""
        return self._analysis.work

    def __repr__(self) -> str:
        return f"<analysis {self.name!r}>"

    def options(self, **options: Unpack[StartOptions]) -> Self:
        """Return a handle whose starts have these `options` in addition to those of this handle.

        `owner`: the visitor or user who owns the session, may follow it over HTTP, and whose limits count it. If
        this owner has a session for the same subject in flight, the start returns that session. Without an owner,
        the caller is trusted code: no limit per owner applies, and every start is a session of its own.

        `priority`: replaces the priority of the analysis and of the owner. Workers claim sessions of a higher
        priority first; one step is worth an hour of waiting.

        `delay`: seconds, or a `timedelta`, after which the session may begin, from 0 to a year.

        `at`: when the session may begin, a `datetime` with a time zone, instead of `delay`.

        `refresh`: whether to run it anew although a result of the owner is fresh; see `fresh_for` of the analysis.

        Raises `TypeError` or `ValueError` for an unknown option or an invalid value.
        """
        prepared = object.__new__(type(self))
        vars(prepared).update(vars(self))
        prepared._options = checked_start_options({**self._options, **options})
        return prepared

    async def start(self, /, *args: P.args, **kwargs: P.kwargs) -> SessionHandle[R]:
        """Start a session with these arguments.

        It converts them to JSON and back through the annotations of the function. Raises `InvalidInput`,
        `QueueFull`, `StoreUnavailable`, `DiskAlmostFull`, and, with an owner, `TooManyActive` and
        `RefreshTooSoon`.
        """
        values: Mapping[str, object] = (
            inspect.signature(self.work).bind_partial(*args, **kwargs).arguments if args else kwargs
        )
        return await start_session(self._use_cases, self._analysis, values, self._options)

    async def run(self, /, *args: P.args, **kwargs: P.kwargs) -> R:
        """Start a session with these arguments, wait for its end and return its result.

        Raises what `start` and `SessionHandle.result` raise. Cancelling this wait does not cancel the session.
        """
        return await (await self.start(*args, **kwargs)).result()


class AsyncAnalysisHandle(AnalysisHandle[P, R]):
    """The handle of an `async def` analysis."""

    async def __call__(self, /, *args: P.args, **kwargs: P.kwargs) -> R:
        """Run the function as a plain coroutine, without a session."""
        result: R = await self.work(*args, **kwargs)
        return result


class BlockingAnalysisHandle(AnalysisHandle[P, R]):
    """The handle of a `def` analysis."""

    def __call__(self, /, *args: P.args, **kwargs: P.kwargs) -> R:
        """Run the function as a plain call, without a session."""
        result: R = self.work(*args, **kwargs)
        return result
