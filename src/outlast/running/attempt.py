"""One attempt: run the analysis of a claimed session under its deadline and return the outcome as a value."""

import asyncio
import contextvars
import logging
import math
import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, Protocol, cast

from outlast.core.analyses import context
from outlast.core.analyses.analysis import Analysis
from outlast.core.analyses.payload import MAX_RESULT, arguments, strict_json
from outlast.domain.outcome import Cancelled, Completed, Failed, Lost, Outcome, Postponed, Released
from outlast.domain.progress import StepStatus, steps_for_new_attempt
from outlast.domain.scrubbing import Scrubber
from outlast.domain.session import AnalysisSession, Claim
from outlast.ports.clock import Clock
from outlast.ports.tracing import Tracing
from outlast.running.error_mapping import CancelLeakError, ErrorMapper, exit_error
from outlast.running.event_loop import abandon, conceal
from outlast.running.isolation_parent import run_isolated
from outlast.running.progress_tracker import ProgressTracker
from outlast.running.step_journal import StoreJournal
from outlast.running.threads import STOP_GRACE, STOP_REQUESTS, run_in_thread

log = logging.getLogger(__name__)

RELEASE_GRACE = 0.8
"""Seconds that analysis code gets to end when its worker must stop now."""
CHECK_EVERY = 0.2
"""Seconds between checks of the remaining time."""


class StopReason(StrEnum):
    """Why an attempt must stop."""

    CANCEL = "cancel"
    RELEASE = "release"
    LOST = "lost"


@dataclass(frozen=True, slots=True)
class AttemptServices:
    """Dependencies shared by all attempts of a worker."""

    journal: Callable[[AnalysisSession], StoreJournal]
    clock: Clock
    rng: random.Random
    scrubber: Scrubber = field(default_factory=Scrubber)
    """Removes secrets from what operators read about errors."""
    tracing: Tracing | None = None


class ProgressListener(Protocol):
    """Publishes the progress of attempts; implemented by `ProgressWriter`."""

    def mark(self, claim: Claim) -> None:
        """Mark the progress as changed. Thread-safe."""
        ...

    async def flush(self, claim: Claim) -> None:
        """Wait until watchers can see the progress, with a short timeout."""
        ...


class Attempt:
    """Runs one claimed session once."""

    def __init__(
        self,
        session: AnalysisSession,
        analysis: Analysis,
        services: AttemptServices,
        listener: ProgressListener,
    ) -> None:
        self.session = session
        self.claim = Claim(session.id, session.claim)
        self.abandoned = False
        """True if the code ignored the request to stop and still runs; its writes are refused."""
        self.began = math.inf
        """Monotonic time of the clock at which the code began; infinite before."""
        self.step_durations: dict[str, int] = {}
        """Milliseconds per executed step, once completed."""
        self._analysis = analysis
        self._clock = services.clock
        self._rng = services.rng
        self._journal = services.journal(session)
        self._trace = services.tracing.attempt(session) if services.tracing else None
        self.tracker = ProgressTracker(
            steps_for_new_attempt(session.progress.steps),
            session.progress.percentage,
            services.clock,
            lambda: listener.mark(self.claim),
            lambda: listener.flush(self.claim),
        )
        self._errors = ErrorMapper(session, analysis, self.tracker, services.rng, services.scrubber)
        self.stop_requested: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        """Done once `stop` was called."""
        self._reason: StopReason | None = None
        self._urgent = False
        self._stopping = False

    def stop(self, reason: StopReason) -> None:
        """Request a stop. The first reason counts, except that a lost claim overrides every other."""
        if self._reason is None or reason is StopReason.LOST:
            self._reason = reason
        self._urgent = self._urgent or reason is StopReason.RELEASE
        if not self.stop_requested.done():
            self.stop_requested.set_result(None)

    async def run(self) -> Outcome:
        """Run the analysis and return the outcome. Raises only if the calling task is cancelled."""
        outcome = await self._run()
        if self._trace is not None:
            self._trace.end(outcome)
        return outcome

    async def _run(self) -> Outcome:
        self.began = self._clock.monotonic()
        loop = asyncio.get_running_loop()
        attempt = context.AttemptContext(
            self.tracker,
            self._journal,
            self._clock,
            loop,
            rng=self._rng,
            timeout=self.session.timeout,
            conceal=conceal,
            trace=self._trace,
        )
        work: asyncio.Task[tuple[str, str | None]] | None = None
        try:
            self.tracker.start()
            if self.stop_requested.done():
                return self._stopped()
            scope = contextvars.copy_context()
            scope.run(context.enter, attempt)
            if self._trace is not None:
                scope.run(self._trace.enter)
            work = loop.create_task(self._work(scope), context=scope)
            conceal(work)
            await asyncio.wait(
                {work, self.stop_requested},
                timeout=self.session.timeout,
                return_when=asyncio.FIRST_COMPLETED,
            )
            if not work.done():
                attempt.stop()
                await self._stop_work(work)
                return self._stopped()
            return self._outcome(work)
        except Exception as error:  # noqa: BLE001 - the attempt: every session needs an outcome
            return self._errors.outcome_of(error)
        finally:
            attempt.stop()
            self._journal.close()
            if work is not None and not work.done():
                work.cancel()

    async def _work(self, scope: contextvars.Context) -> tuple[str, str | None]:
        """Return the result as JSON and its redirect; `SystemExit` and the like become ordinary errors."""
        analysis = self._analysis
        what = f"The result of the analysis {analysis.name!r}"
        try:
            validated = analysis.stored_input(self.session.input)
            if analysis.isolation == "process":
                upgraded = validated.model_dump_json() if analysis.upgrade else self.session.input
                session = replace(self.session, input=upgraded)
                text = await run_isolated(analysis, session, self.tracker, self._journal)
                return strict_json(text, what), _redirect(analysis.codec.load(text) if REDIRECT in text else None)
            keywords = arguments(validated)
            if analysis.is_async:
                value = await analysis.work(**keywords)
            else:
                value = await run_in_thread(lambda: scope.copy().run(analysis.work, **keywords))
            text, readable = analysis.codec.round_trip(value, MAX_RESULT, what)
            return strict_json(text, what), _redirect(readable)
        except (SystemExit, KeyboardInterrupt) as error:
            raise exit_error(error) from error
        except asyncio.CancelledError as error:
            if self._stopping:
                raise
            raise CancelLeakError("The analysis awaited a task that had been cancelled.") from error

    async def _stop_work(self, work: "asyncio.Task[tuple[str, str | None]]") -> None:
        """Cancel the code, repeatedly in case it swallows a cancellation, and wait for the grace time."""
        self._stopping = True
        time = asyncio.get_running_loop().time
        started_at = cancelled_at = time()
        work.cancel()
        while True:
            await asyncio.wait({work}, timeout=CHECK_EVERY)
            if work.done():
                if not work.cancelled():
                    work.exception()  # retrieve it, so that asyncio does not log it
                return
            now = time()
            if now - started_at >= (RELEASE_GRACE if self._urgent else STOP_GRACE):
                break
            if now - cancelled_at >= (CHECK_EVERY if self._urgent else STOP_GRACE / STOP_REQUESTS):
                cancelled_at = now
                work.cancel()
        self.abandoned = True
        abandon(work)
        log.error(
            "Session %s (%s), attempt %d: its code did not end within %.1f s after the request to stop. It still "
            "runs, but its writes are refused.",
            self.session.id,
            self.session.analysis,
            self.session.attempt,
            now - started_at,
        )

    @property
    def unexpected(self) -> BaseException | None:
        """What the analysis raised without meaning to; its traceback belongs in the log."""
        return self._errors.unexpected

    def timed_out(self) -> Failed | Postponed:
        """Return the outcome of an attempt that exceeded its timeout. Thread-safe."""
        return self._errors.timed_out()

    def _stopped(self) -> Outcome:
        match self._reason:
            case None:
                return self.timed_out()
            case StopReason.CANCEL:
                last_step = self.tracker.last_step
                return Cancelled(self.tracker.stop(StepStatus.PENDING), last_step)
            case StopReason.RELEASE:
                return Released(last_step=self.tracker.last_step)
            case StopReason.LOST:
                return Lost()

    def _outcome(self, work: "asyncio.Task[tuple[str, str | None]]") -> Outcome:
        error = CancelLeakError("The analysis was cancelled.") if work.cancelled() else work.exception()
        if error is not None:
            return self._errors.outcome_of(error)
        steps, self.step_durations = self.tracker.complete()
        text, redirect_url = work.result()
        return Completed(text, steps, redirect_url)


REDIRECT = '"redirect_url"'


def _redirect(value: Any) -> str | None:
    """Return the result's `redirect_url` if it is an address within this site."""
    url = cast("dict[str, Any]", value).get("redirect_url") if isinstance(value, dict) else None
    if not isinstance(url, str) or not url.startswith("/") or url.startswith("//"):
        return None
    # browsers treat a backslash as a slash and drop tabs and newlines, so "/\t/host" leads to another site
    return url if url.isprintable() and "\\" not in url else None
