"""One claimed session, once: run the analysis under its deadline and say how it ended, as a value."""

import asyncio
import contextvars
import logging
import random
import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Protocol, cast

from outlast.core import context
from outlast.core.analysis import Analysis
from outlast.core.isolation import IsolatedDeathError, run_isolated
from outlast.core.journal import StoreJournal
from outlast.core.payload import MAX_RESULT, NotJson, arguments, strict_json
from outlast.core.tracker import Tracker
from outlast.domain.errors import ClaimLost, Permanent, RetryAfter, TooLarge
from outlast.domain.outcome import Cancelled, Completed, Failed, Lost, Outcome, Postponed, Released
from outlast.domain.plain import plain
from outlast.domain.progress import StepStatus, restarted
from outlast.domain.retry import backoff
from outlast.domain.session import AnalysisSession, Claim
from outlast.ports.clock import Clock

log = logging.getLogger(__name__)

STOP_GRACE = 5.0
"""Seconds that analysis code gets to end after it was told to; then it is abandoned, its writes refused."""
STOP_ASKS = 5
"""How often it is told within that time."""


class StopReason(StrEnum):
    """Why an attempt is told to stop."""

    CANCEL = "cancel"
    RELEASE = "release"
    LOST = "lost"


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What every attempt of a worker shares."""

    journal: Callable[[AnalysisSession], StoreJournal]
    clock: Clock
    rng: random.Random


class Audience(Protocol):
    """Who shows the progress of attempts: `Reporter`."""

    def mark(self, claim: Claim) -> None:
        """It has changed. From any thread."""
        ...

    async def told(self, claim: Claim) -> None:
        """Returns once it has been shown, or soon."""
        ...


class Attempt:
    """Runs one claimed session; `run` never raises but for cancellation of its own task."""

    def __init__(
        self,
        session: AnalysisSession,
        analysis: Analysis,
        surroundings: Surroundings,
        audience: Audience,
    ) -> None:
        self.session = session
        self.claim = Claim(session.id, session.claim)
        self.abandoned = False
        """Its code did not end when told to and still runs, unheard."""
        self.began = surroundings.clock.monotonic()
        self.worked: dict[str, int] = {}
        """Milliseconds per step worked for, once completed."""
        self._analysis = analysis
        self._clock = surroundings.clock
        self._rng = surroundings.rng
        self._journal = surroundings.journal(session)
        self.tracker = Tracker(
            restarted(session.progress.steps),
            session.progress.percentage,
            surroundings.clock,
            lambda: audience.mark(self.claim),
            lambda: audience.told(self.claim),
        )
        self._stop: asyncio.Future[StopReason] = asyncio.get_running_loop().create_future()

    def stop(self, reason: StopReason) -> None:
        """End it soon; the first reason counts, but a lost claim outweighs all."""
        if not self._stop.done():
            self._stop.set_result(reason)

    async def run(self) -> Outcome:
        loop = asyncio.get_running_loop()
        attempt = context.AttemptContext(self.tracker, self._journal, self._clock, loop)
        self.tracker.started()
        scope = contextvars.copy_context()
        scope.run(context.enter, attempt)
        work = loop.create_task(self._work(scope), context=scope)
        try:
            await asyncio.wait(
                {work, self._stop}, timeout=self.session.timeout, return_when=asyncio.FIRST_COMPLETED
            )
            if not work.done():
                attempt.stop()
                await self._end(work)
                return self._stopped()
            return self._outcome(work)
        finally:
            attempt.stop()
            self._journal.close()
            if not work.done():
                work.cancel()

    async def _work(self, scope: contextvars.Context) -> str:
        analysis = self._analysis
        what = f"The result of the analysis {analysis.name!r}"
        if analysis.isolation == "process":
            text = await run_isolated(analysis, self.session.input, self.tracker, self._journal)
        else:
            given = arguments(analysis.input.model_validate_json(self.session.input))
            if analysis.is_async:
                value = await analysis.work(**given)
            else:
                value = await in_thread(lambda: scope.copy().run(analysis.work, **given))
            text = analysis.codec.dump(value, MAX_RESULT, what)
        return strict_json(text, what)

    async def _end(self, work: asyncio.Task[str]) -> None:
        """Tell the code to stop and wait a grace time, asking again in case it swallowed the first request."""
        for _ in range(STOP_ASKS):
            work.cancel()
            await asyncio.wait({work}, timeout=STOP_GRACE / STOP_ASKS)
            if work.done():
                if not work.cancelled():
                    work.exception()
                return
        self.abandoned = True
        log.error(
            "Session %s (%s): its code did not end within %g s after it was told to; it runs on unheard.",
            self.session.id,
            self.session.analysis,
            STOP_GRACE,
        )

    def timed_out(self) -> Failed | Postponed:
        """Its end when it has taken too long. From any thread."""
        return self._failure(f"It took longer than the {self.session.timeout:g} s that it may take.", "timeout")

    def _stopped(self) -> Outcome:
        if not self._stop.done():
            return self.timed_out()
        match self._stop.result():
            case StopReason.CANCEL:
                return Cancelled(self.tracker.stopped(StepStatus.PENDING))
            case StopReason.RELEASE:
                return Released()
            case StopReason.LOST:
                return Lost()

    def _outcome(self, work: asyncio.Task[str]) -> Outcome:
        if work.cancelled():  # the analysis cancelled itself
            return self._failure("The analysis stopped itself.", "error")
        match work.exception():
            case None:
                steps, self.worked = self.tracker.completed()
                text = work.result()
                return Completed(text, steps, _redirect(text, self._analysis))
            case ClaimLost():
                return Lost()
            case Permanent() as error:
                return self._failed(str(error) or "The analysis cannot be done.", "permanent")
            case RetryAfter() as error:
                return self._failure(str(error), "retry_after", at_least=error.seconds)
            case IsolatedDeathError() as error:
                log.error("Session %s (%s): %s", self.session.id, self.session.analysis, error)
                return self._failure("The analysis broke down on this input.", "crashed")
            case TooLarge() | NotJson() as error:
                log.error("Session %s (%s): %s", self.session.id, self.session.analysis, error)
                code = "too_large" if isinstance(error, TooLarge) else "not_json"
                return self._failed("The result could not be stored. It is our fault, not yours.", code)
            case error:
                reference = secrets.token_hex(4)
                log.error(
                    "Session %s (%s), attempt %d failed; reference %s",
                    self.session.id,
                    self.session.analysis,
                    self.session.attempt,
                    reference,
                    exc_info=error,
                )
                return self._failure("Something went wrong on our side.", "error", reference=reference)

    def _failure(
        self, error: str, code: str, *, reference: str | None = None, at_least: float = 0.0
    ) -> Failed | Postponed:
        if self.session.attempt >= self.session.max_attempts:
            return self._failed(error, code, reference)
        delay = max(at_least, backoff(self.session.attempt, self._rng))
        return Postponed(plain(error), code, reference, delay, self.tracker.stopped(StepStatus.FAILED))

    def _failed(self, error: str, code: str, reference: str | None = None) -> Failed:
        return Failed(plain(error), code, reference, self.tracker.stopped(StepStatus.FAILED))


async def in_thread(work: Callable[[], Any]) -> Any:
    """The value of `work`, done in a daemon thread of its own, which cannot hold up the end of the process."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[Any] = loop.create_future()

    def settle(value: Any, error: BaseException | None) -> None:
        if not done.done():
            if error is None:
                done.set_result(value)
            else:
                done.set_exception(error)

    def body() -> None:
        value: Any = None
        error: BaseException | None = None
        try:
            value = work()
        except context.AttemptStopped:
            error = asyncio.CancelledError()
        except StopIteration as stop:  # a Future refuses it
            error = RuntimeError(f"The analysis raised {stop!r}.")
        except BaseException as raised:  # noqa: BLE001 - the attempt: whatever its code raised is its outcome
            error = raised
        if not loop.is_closed():
            loop.call_soon_threadsafe(settle, value, error)

    done.add_done_callback(lambda f: None if f.cancelled() else f.exception())
    threading.Thread(target=body, name="analysis", daemon=True).start()
    for _ in range(STOP_ASKS):
        try:
            return await asyncio.shield(done)
        except asyncio.CancelledError:
            if done.done():
                raise
            # the thread has been told by its context; what it raises there ends this wait
    return await asyncio.shield(done)


def _redirect(text: str, analysis: Analysis) -> str | None:
    if '"redirect_url"' not in text:
        return None
    value = analysis.codec.load(text)
    url = cast("dict[str, Any]", value).get("redirect_url") if isinstance(value, dict) else None
    if not isinstance(url, str) or not url.startswith("/") or url.startswith("//"):
        return None
    # browsers read a backslash as a slash and leave out tabs and line ends, so that "/\t/host" is another site
    return url if url.isprintable() and "\\" not in url else None


def final_attempt(session: AnalysisSession) -> AnalysisSession:
    """The session with this attempt as its last: work inside a request is not tried again."""
    return replace(session, max_attempts=session.attempt)
