"""Writes the outcomes of attempts to the store and publishes them to watchers and workers."""

import random
import secrets

from outlast.core.metric_counts import MetricCounts
from outlast.core.service_loop import retry_until_available
from outlast.core.store_outage import StoreOutage
from outlast.domain.error_report import report_of
from outlast.domain.messages import message
from outlast.domain.outcome import Completed, End, Failed, Lost, Postponed, Released
from outlast.domain.scrubbing import Scrubber
from outlast.ports.clock import Clock
from outlast.ports.dispatcher import Dispatcher, WaitingSession
from outlast.ports.notifier import Notifier, Topic
from outlast.ports.results import StepSample
from outlast.ports.store import Store
from outlast.running.attempt import Attempt
from outlast.running.progress_writer import ProgressWriter
from outlast.running.session_log import log_end

NOT_WRITTEN = message("The outcome could not be stored. It is our fault, not yours.")


class OutcomeWriter:
    """Writes the outcomes of one worker's attempts."""

    def __init__(
        self,
        store: Store,
        notifier: Notifier,
        progress_writer: ProgressWriter,
        dispatcher: Dispatcher | None,
        clock: Clock,
        rng: random.Random,
        metric_counts: MetricCounts,
        *,
        scrubber: Scrubber | None = None,
        outage: StoreOutage | None = None,
    ) -> None:
        self._store = store
        self._notifier = notifier
        self._progress_writer = progress_writer
        self._dispatcher = dispatcher
        self._clock = clock
        self._rng = rng
        self._scrubber = scrubber or Scrubber()
        self._outage = outage or StoreOutage()
        self._metric_counts = metric_counts

    async def write(self, attempt: Attempt, outcome: End | Lost) -> None:
        """Write the outcome, retrying until the store is available; do nothing if the claim was lost."""
        session = attempt.session
        worker_id, unexpected = session.worker_id or "", attempt.unexpected
        if isinstance(outcome, Lost):
            log_end(session, outcome, worker_id, max(0.0, self._clock.monotonic() - attempt.began), unexpected)
            return
        worked = max(0.0, self._clock.monotonic() - attempt.began)
        try:
            written = await self._write(attempt, outcome, worked)
        except Exception as error:  # noqa: BLE001 - the attempt: every session needs an end
            # a store that rejects this outcome because of its content would reject every retry as well
            unexpected, steps = error, session.progress.steps
            report = report_of(error, self._scrubber)
            reference = secrets.token_hex(4)
            outcome = Failed(NOT_WRITTEN, "not_written", reference, steps, report=report)
            written = await self._write(attempt, outcome, worked)
        log_end(session, outcome if written else Lost(), worker_id, worked, unexpected)
        self._notifier.publish(Topic.CHANGED, [session.id])
        match outcome:
            case Completed():
                durations = attempt.step_durations.items()
                for step, ms in durations:
                    self._metric_counts.step_ended(session.analysis, step, ms)
                self._progress_writer.record_durations(
                    [StepSample(session.analysis, step, ms) for step, ms in durations]
                )
            case Postponed() | Released():
                self._notifier.publish(Topic.WAITING, [session.queue])
                if self._dispatcher and isinstance(outcome, Released) and outcome.why is None:
                    self._dispatcher.dispatch([WaitingSession.of(session)])
            case _:
                pass

    async def _write(self, attempt: Attempt, end: End, worked: float) -> bool:
        accepted = await retry_until_available(
            lambda: self._store.finish(attempt.claim, end, worked=worked), self._clock, self._rng, self._outage
        )
        if accepted:
            self._metric_counts.ended(attempt.session, end, worked)
        return accepted
