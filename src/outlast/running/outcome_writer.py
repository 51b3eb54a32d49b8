"""Writes the outcomes of attempts to the store and publishes them to watchers and workers."""

import logging
import random
import secrets

from outlast.core.metric_counts import MetricCounts
from outlast.core.service_loop import retry_until_available
from outlast.domain.outcome import Completed, End, Failed, Lost, Postponed, Released
from outlast.ports.clock import Clock
from outlast.ports.dispatcher import Dispatcher, WaitingSession
from outlast.ports.notifier import Notifier, Topic
from outlast.ports.results import StepSample
from outlast.ports.store import Store
from outlast.running.attempt import Attempt
from outlast.running.progress_writer import ProgressWriter

log = logging.getLogger(__name__)

NOT_WRITTEN = "The outcome could not be stored. It is our fault, not yours."


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
    ) -> None:
        self._store = store
        self._notifier = notifier
        self._progress_writer = progress_writer
        self._dispatcher = dispatcher
        self._clock = clock
        self._rng = rng
        self._metric_counts = metric_counts

    async def write(self, attempt: Attempt, outcome: End | Lost) -> None:
        """Write the outcome, retrying until the store is available; do nothing if the claim was lost."""
        if isinstance(outcome, Lost):
            return
        session = attempt.session
        try:
            await self._write(attempt, outcome)
        except Exception:
            # a store that rejects this outcome because of its content would reject every retry as well
            reference = secrets.token_hex(4)
            log.exception("The outcome of session %s cannot be written; reference %s", session.id, reference)
            outcome = Failed(NOT_WRITTEN, "not_written", reference, session.progress.steps)
            await self._write(attempt, outcome)
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

    async def _write(self, attempt: Attempt, end: End) -> None:
        worked = self._clock.monotonic() - attempt.began
        accepted = await retry_until_available(
            lambda: self._store.finish(attempt.claim, end, worked=worked), self._clock, self._rng
        )
        if accepted:
            self._metric_counts.ended(attempt.session, end, worked)
