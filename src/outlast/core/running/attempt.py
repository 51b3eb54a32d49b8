"""One claimed session, once: run the analysis under its deadline and say how it ended, as a value."""

import asyncio
import contextvars
import logging
import random
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol, cast

from outlast.core.analysis import Analysis
from outlast.core.payload import MAX_RESULT, arguments, read_input, strict_json
from outlast.core.running import context
from outlast.core.running.daemon_threads import STOP_ASKS, STOP_GRACE, in_thread
from outlast.core.running.event_loop import conceal, leave_behind
from outlast.core.running.isolation import run_isolated
from outlast.core.running.outcomes import CancelLeakError, Outcomes, exit_of
from outlast.core.running.progress_tracker import ProgressTracker
from outlast.core.running.step_journal import StoreJournal
from outlast.domain.outcome import Cancelled, Completed, Failed, Lost, Outcome, Postponed, Released
from outlast.domain.progress import StepStatus, restarted
from outlast.domain.session import AnalysisSession, Claim
from outlast.ports.clock import Clock

log = logging.getLogger(__name__)

RELEASE_GRACE = 0.8
"""Seconds that analysis code gets to end when its worker has no more time."""
LOOK_EVERY = 0.2
"""Seconds between looks whether there is still time."""


class StopReason(StrEnum):
    """Why an attempt is told to stop."""

    CANCEL = "cancel"
    RELEASE = "release"
    LOST = "lost"


@dataclass(frozen=True, slots=True)
class AttemptServices:
    """What every attempt of a worker shares."""

    journal: Callable[[AnalysisSession], StoreJournal]
    clock: Clock
    rng: random.Random


class ProgressListener(Protocol):
    """Who shows the progress of attempts: `ProgressWriter`."""

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
        surroundings: AttemptServices,
        audience: ProgressListener,
    ) -> None:
        self.session = session
        self.claim = Claim(session.id, session.claim)
        self.abandoned = False
        """Its code did not end when it was asked to, and still runs; nothing that it writes is taken."""
        self.began = surroundings.clock.monotonic()
        self.worked: dict[str, int] = {}
        """Milliseconds per step worked for, once completed."""
        self._analysis = analysis
        self._clock = surroundings.clock
        self._journal = surroundings.journal(session)
        self.tracker = ProgressTracker(
            restarted(session.progress.steps),
            session.progress.percentage,
            surroundings.clock,
            lambda: audience.mark(self.claim),
            lambda: audience.told(self.claim),
        )
        self._outcomes = Outcomes(session, analysis, self.tracker, surroundings.rng)
        self._stop_requested: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._reason: StopReason | None = None
        self._hurry = False
        self._stopping = False

    def stop(self, reason: StopReason) -> None:
        """End it soon. The first reason counts, except that a lost claim outweighs every other."""
        if self._reason is None or reason is StopReason.LOST:
            self._reason = reason
        self._hurry = self._hurry or reason is StopReason.RELEASE
        if not self._stop_requested.done():
            self._stop_requested.set_result(None)

    async def run(self) -> Outcome:
        """How it ended. Raises nothing but the cancellation of the task that calls it."""
        loop = asyncio.get_running_loop()
        attempt = context.AttemptContext(self.tracker, self._journal, self._clock, loop)
        work: asyncio.Task[tuple[str, str | None]] | None = None
        try:
            self.tracker.started()
            scope = contextvars.copy_context()
            scope.run(context.enter, attempt)
            work = loop.create_task(self._work(scope), context=scope)
            conceal(work)
            await asyncio.wait(
                {work, self._stop_requested},
                timeout=self.session.timeout,
                return_when=asyncio.FIRST_COMPLETED,
            )
            if not work.done():
                attempt.stop()
                await self._end(work)
                return self._stopped()
            return self._outcome(work)
        except Exception as error:  # noqa: BLE001 - the attempt: a session whose end is never written is lost
            return self._outcomes.of(error)
        finally:
            attempt.stop()
            self._journal.close()
            if work is not None and not work.done():
                work.cancel()

    async def _work(self, scope: contextvars.Context) -> tuple[str, str | None]:
        """The result's JSON text and its redirect. What would end the process becomes an ordinary error."""
        analysis = self._analysis
        what = f"The result of the analysis {analysis.name!r}"
        try:
            understood = read_input(analysis.input, self.session.input)
            if analysis.isolation == "process":
                text = await run_isolated(analysis, self.session.input, self.tracker, self._journal)
                return strict_json(text, what), _redirect(analysis.codec.load(text) if REDIRECT in text else None)
            given = arguments(understood)
            if analysis.is_async:
                value = await analysis.work(**given)
            else:
                value = await in_thread(lambda: scope.copy().run(analysis.work, **given))
            text, readable = analysis.codec.round_trip(value, MAX_RESULT, what)
            return strict_json(text, what), _redirect(readable)
        except (SystemExit, KeyboardInterrupt) as error:
            raise exit_of(error) from error
        except asyncio.CancelledError as error:
            if self._stopping:
                raise
            raise CancelLeakError("The analysis awaited a task that had been cancelled.") from error

    async def _end(self, work: "asyncio.Task[tuple[str, str | None]]") -> None:
        """Ask the code to stop, several times in case it swallows a request, and wait while there is time."""
        self._stopping = True
        time = asyncio.get_running_loop().time
        begin = asked = time()
        work.cancel()
        while True:
            await asyncio.wait({work}, timeout=LOOK_EVERY)
            if work.done():
                if not work.cancelled():
                    work.exception()  # nobody else looks at it
                return
            now = time()
            if now - begin >= (RELEASE_GRACE if self._hurry else STOP_GRACE):
                break
            if now - asked >= (LOOK_EVERY if self._hurry else STOP_GRACE / STOP_ASKS):
                asked = now
                work.cancel()
        self.abandoned = True
        leave_behind(work)
        log.error(
            "Session %s (%s), attempt %d: its code did not end within %.1f s after it was asked to stop. It still "
            "runs, but nothing that it writes is taken.",
            self.session.id,
            self.session.analysis,
            self.session.attempt,
            now - begin,
        )

    def timed_out(self) -> Failed | Postponed:
        """Its end when it has taken too long. From any thread."""
        return self._outcomes.timed_out()

    def _stopped(self) -> Outcome:
        match self._reason:
            case None:
                return self.timed_out()
            case StopReason.CANCEL:
                return Cancelled(self.tracker.stopped(StepStatus.PENDING))
            case StopReason.RELEASE:
                return Released()
            case StopReason.LOST:
                return Lost()

    def _outcome(self, work: "asyncio.Task[tuple[str, str | None]]") -> Outcome:
        error = CancelLeakError("The analysis was cancelled.") if work.cancelled() else work.exception()
        if error is not None:
            return self._outcomes.of(error)
        steps, self.worked = self.tracker.completed()
        text, redirect_url = work.result()
        return Completed(text, steps, redirect_url)


REDIRECT = '"redirect_url"'


def _redirect(value: Any) -> str | None:
    """The address within this site that the result names, if it names one."""
    url = cast("dict[str, Any]", value).get("redirect_url") if isinstance(value, dict) else None
    if not isinstance(url, str) or not url.startswith("/") or url.startswith("//"):
        return None
    # browsers read a backslash as a slash and leave out tabs and line ends, so that "/\t/host" is another site
    return url if url.isprintable() and "\\" not in url else None
