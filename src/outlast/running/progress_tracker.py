"""Progress of one running attempt: updated from any thread, read as snapshots by the worker."""

import logging
import math
import threading
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace

from outlast.domain.progress import Progress, StepState, StepStatus, overall_percentage
from outlast.domain.storable_text import storable_text
from outlast.ports.clock import Clock

log = logging.getLogger(__name__)

MAX_STEPS = 1_000
"""Maximum number of steps shown for one session."""
MAX_WARNED = 1_000
"""Maximum number of steps outside of a plan that are logged."""
CALLS_AHEAD = 10
"""Calls assumed to follow when the number of calls of a step is unknown."""
MAX_PEAK = 30
"""Maximum number of concurrent calls assumed to repeat, so that the percentage does not stall at each burst."""
MAX_OPEN_SHARE = 0.99
"""Maximum share of a step with an unknown number of calls before it is closed."""
MESSAGE_LIMIT = 500
"""Maximum characters kept of a message."""
EXTRAPOLATE_AFTER = 1.0
"""Seconds of work after which a step without reports is extrapolated from its history."""


_warned: set[tuple[str, str]] = set()


@dataclass(slots=True)
class StepProgress:
    """The state of a step and its calls in this attempt."""

    state: StepState
    open: dict[int, float] = field(default_factory=dict[int, float])
    """Completed share of each open call."""
    open_share: float = 0.0
    """Sum of the shares of the open calls."""
    finished: int = 0
    """Number of calls whose result is kept, including resumed ones."""
    resumed: int = 0
    interrupted: bool = False
    """A call has raised, and none has started since."""
    peak: int = 0
    """Highest number of concurrently open calls."""
    spans_attempt: bool = False
    """The step is active for the whole attempt, whatever is called."""
    flows: set[int] = field(default_factory=set[int])
    """Tasks and threads that have called the step."""
    began: float | None = None
    worked: float = 0.0
    reported: float | None = None
    has_messages: bool = False
    """The step reports messages of its own."""
    note: str | None = None
    """A sentence shown in place of the message."""
    message_before_note: str | None = None
    loop_done: float = 0.0
    loop_total: float = 0.0
    fan_outs: int = 0
    """Number of running fan-outs."""
    expected: int = 0
    """Calls announced by the running fan-outs, or by the last ones."""
    finished_before: int = 0
    """Calls finished before the announced ones."""
    base: float = 0.0
    """Share of the step from which its calls are counted."""

    @property
    def running(self) -> bool:
        return self.spans_attempt or bool(self.open)

    @property
    def idle(self) -> bool:
        return self.state.status is StepStatus.ACTIVE and self.finished > 0 and not (self.running or self.fan_outs)

    @property
    def calls(self) -> int:
        return self.finished + len(self.open)

    @property
    def done(self) -> int:
        """Number of finished calls among the expected ones."""
        return min(self.finished - self.finished_before, self.expected)

    def may_get_more_calls(self, other: "StepProgress", flow: int, *, any_open: bool) -> bool:
        """Return whether more calls are likely, now that `flow` calls the step of `other`.

        Several tasks or threads that each call one step and then another interleave their calls. A flow that
        called neither step before, while no call is open (`any_open`), is the code that waited for them.
        """
        if len(self.flows) < 2 or self.expected:
            return False
        return any_open or flow in self.flows or not self.flows.isdisjoint(other.flows)

    def open_call(self, call: int, flow: int, now: float) -> None:
        if self.calls == 1 and self.open:  # until now this call counted as the whole step
            self.base = min(MAX_OPEN_SHARE, self.open_share)
        self.flows.add(flow)
        self.open[call] = 0.0
        self.peak = max(self.peak, len(self.open))
        self.interrupted = False
        if self.began is None:
            self.began = now

    def report_call(self, call: int, share: float) -> None:
        previous = self.open.get(call)
        if previous is not None and share > previous:
            self.open[call] = min(1.0, share)
            self.open_share += self.open[call] - previous

    def close_call(self, call: int, now: float, *, kept: bool) -> None:
        share = self.open.get(call, 0.0)
        if self.calls == 1:
            self.base = min(MAX_OPEN_SHARE, max(self.base, share))
        self.open.pop(call, None)
        self.open_share = self.open_share - share if self.open else 0.0
        self.finished += kept
        self.interrupted = self.interrupted or not kept
        self.reported = None
        if not self.running:
            self._stop_clock(now)

    def restart_count(self) -> None:
        """Count later calls from the current share, so that the percentage keeps moving."""
        self.base = min(MAX_OPEN_SHARE, self.share())
        self.finished_before, self.expected = self.finished, 0

    def share(self, estimate: float = 0.0) -> float:
        """Return the completed share of the step, from 0 to 1; `estimate` is the share by its history."""
        inner = self.open_share
        if self.expected:
            return self.base + (1 - self.base) * min(1.0, (self.done + inner) / self.expected)
        if self.loop_total > 0:
            # a fraction without a total covers everything, so an open call adds nothing
            return min(1.0, (self.loop_done + (inner if self.loop_total > 1 else 0.0)) / self.loop_total)
        if self.calls == 1 and self.open:
            return max(inner, estimate)
        ahead = max(len(self.open), min(self.peak, MAX_PEAK)) + CALLS_AHEAD
        return max(estimate, self.base + (1 - self.base) * (self.finished + inner) / (self.finished + ahead))

    def raise_to(self, share: float) -> None:
        """Raise the percentage to `share`; it stays below 100 while calls are open or may follow."""
        if self.expected:
            limit = 1.0 if self.done == self.expected and not self.open else 0.999
        else:
            limit = MAX_OPEN_SHARE
        percentage = round(100 * min(share, limit), 1)
        if percentage > self.state.progress_percentage:
            self.state = replace(self.state, progress_percentage=percentage)

    def count_message(self) -> str | None:
        """Return a message that counts the calls, or `None` for a single call."""
        if self.expected:
            return f"{self.done:,} of {self.expected:,}"
        return f"{self.finished:,} done" if self.calls > 1 and self.finished else None

    def duration(self, now: float) -> int:
        """Return the milliseconds of work in this attempt."""
        running = now - self.began if self.began is not None else 0.0
        return round((self.worked + running) * 1000)

    def close(self, now: float, unused_status: StepStatus) -> None:
        """Mark the step as done, or as `unused_status` if it was never called."""
        used = self.running or self.finished or self.interrupted
        self._stop_clock(now)
        self.open.clear()
        self.open_share = 0.0
        self.spans_attempt = self.interrupted = False
        if used:
            duration = None if self.state.resumed else self.duration(now)
            self.state = replace(
                self.state, status=StepStatus.DONE, progress_percentage=100.0, duration_ms=duration, message=None
            )
        elif self.state.status is not StepStatus.DONE:
            self.state = replace(self.state, status=unused_status)

    def stop(self, now: float, status: StepStatus) -> StepState:
        """Return the state after the attempt failed or stopped; a running step gets `status`."""
        if self.running or self.interrupted:
            return replace(self.state, status=status, duration_ms=self.duration(now) or self.state.duration_ms)
        if self.state.status is StepStatus.ACTIVE:
            duration = None if self.state.resumed else self.duration(now)
            return replace(self.state, status=StepStatus.DONE, duration_ms=duration, message=None)
        return self.state

    def _stop_clock(self, now: float) -> None:
        if self.began is not None:
            self.worked += now - self.began
            self.began = None


class ProgressTracker:
    """Progress of each step. Percentages only grow; `on_dirty` is called at the first change after a `take`."""

    def __init__(
        self,
        steps: Sequence[StepState],
        percentage: float,
        clock: Clock,
        on_dirty: Callable[[], None],
        flush: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        self._steps = {s.name: StepProgress(s) for s in steps}
        self._order = [s.name for s in steps]
        self._percentage = percentage
        self._message: str | None = None
        self._current: str | None = None
        self._clock = clock
        self._on_dirty = on_dirty
        self._flush = flush
        self._dirty = False
        self._lock = threading.Lock()

    def introduce(self, name: str, title: str) -> None:
        """Show a step that is not in the plan, without a share of the bar, and warn once about it."""
        with self._lock:
            if name in self._steps:
                return
            plan = ", ".join(n for n, step in self._steps.items() if step.state.weight > 0)
            if len(self._steps) < MAX_STEPS:
                self._order.append(name)
                self._steps[name] = StepProgress(StepState(name, title, 0.0))
        if (name, plan) not in _warned and len(_warned) < MAX_WARNED:
            _warned.add((name, plan))
            log.warning(
                "The step %r is called and is not in the plan of its analysis (%s). Its results are kept, and it "
                "is shown, but it has no share of the progress bar: add it to steps=[…].",
                name,
                plan,
            )

    def begin(self, name: str, call: int, flow: int) -> None:
        """A call of the step starts."""
        with self._lock:
            step = self._steps.get(name)
            if step is None:
                return
            self._close_idle(step, flow)
            step.open_call(call, flow, self._clock.monotonic())
            self._activate(name, step)
            if step.has_messages or step.count_message() is None:
                self._message = None
            self._update(name, step)
        self._changed()

    async def flush(self) -> None:
        if self._flush:
            await self._flush()

    def resume(self, name: str, flow: int) -> None:
        """A call of the step returned a kept result."""
        with self._lock:
            step = self._steps.get(name)
            if step is None:
                return
            self._close_idle(step, flow)
            step.flows.add(flow)
            step.finished += 1
            step.resumed += 1
            if step.finished == step.resumed and not step.running:
                step.state = replace(step.state, status=StepStatus.ACTIVE, resumed=True)
            self._current = name
            self._update(name, step)
        self._changed()

    def end(self, name: str, call: int) -> None:
        """A call of the step has ended, and its result is kept."""
        self._close_call(name, call, kept=True)

    def abort(self, name: str, call: int) -> None:
        """A call of the step raised or was cancelled."""
        self._close_call(name, call, kept=False)

    def fan_out(self, name: str, calls: int) -> None:
        """Announce `calls` calls of the step, until `fan_in`."""
        with self._lock:
            step = self._steps.get(name)
            if step is None:
                return
            if not step.fan_outs:
                step.restart_count()
            step.fan_outs += 1
            step.expected += calls

    def fan_in(self, name: str) -> None:
        with self._lock:
            step = self._steps.get(name)
            if step is not None:
                step.fan_outs -= 1

    def note(self, name: str, note: str | None) -> None:
        """Show a sentence in place of the step's message, until another call with `None` or another message."""
        with self._lock:
            step = self._steps.get(name)
            if step is None:
                return
            if step.note is None or step.state.message != step.note:
                step.message_before_note = step.state.message
            shown = note if note is not None else step.message_before_note
            if note is not None or step.state.message == step.note:
                step.state = replace(step.state, message=shown)
                if self._current == name:
                    self._message = shown
            step.note = note
        self._changed()

    def report(
        self, name: str | None, call: int, done: float | None, total: float | None, message: str | None
    ) -> None:
        """Record progress of a call of the step `name`; outside any step, of the step that started last."""
        with self._lock:
            step = self._steps.get(name or self._current or (self._order[0] if self._order else ""))
            if step is None:
                return
            if message is not None:
                step.has_messages = True
                self._message = storable_text(message[:MESSAGE_LIMIT])
                step.state = replace(step.state, message=self._message)
            if done is not None and math.isfinite(done):
                step.reported = self._clock.monotonic()
                whole = total if total and math.isfinite(total) and total > 0 else 1.0
                if name is None:
                    step.loop_done, step.loop_total = max(0.0, done), whole
                else:
                    step.report_call(call, done / whole)
                step.raise_to(step.share())
        self._changed()

    def extrapolate(self) -> None:
        """Advance running steps without reports by their history: ever slower, never up to 100%."""
        changed = False
        with self._lock:
            now = self._clock.monotonic()
            for step in self._steps.values():
                history = step.state.expected
                if not step.running or step.began is None or history is None or step.reported is not None:
                    continue
                if now - step.began >= EXTRAPOLATE_AFTER:
                    before = step.state.progress_percentage
                    step.raise_to(step.share(1 - math.exp(-step.duration(now) / max(history.middle, 1.0))))
                    changed = changed or step.state.progress_percentage > before
        if changed:
            self._changed()

    def take(self) -> Progress | None:
        """Return a snapshot, or `None` if nothing has changed since the last one."""
        with self._lock:
            if not self._dirty:
                return None
            self._dirty = False
            return self._snapshot()

    def start(self) -> None:
        """Activate the only step of a plan of one step, which spans the whole attempt."""
        planned = [name for name, step in self._steps.items() if step.state.weight > 0]
        if len(planned) != 1:  # others have been called without being planned, by an earlier attempt
            return
        name = planned[0]
        with self._lock:
            step = self._steps[name]
            step.spans_attempt = True
            step.began = self._clock.monotonic()
            self._activate(name, step)
        self._changed()

    def complete(self) -> tuple[tuple[StepState, ...], dict[str, int]]:
        """Return the states after success, and the milliseconds of each step without resumed calls."""
        with self._lock:
            now = self._clock.monotonic()
            for step in self._steps.values():
                step.close(now, StepStatus.SKIPPED)
            worked = {
                n: round(step.worked * 1000)
                for n, step in self._steps.items()
                if step.state.status is StepStatus.DONE and not step.state.resumed and not step.resumed
            }
            return tuple(step.state for step in self._steps.values()), worked

    @property
    def last_step(self) -> str | None:
        """The name of the step that runs or was interrupted, or else of the one that was called last."""
        with self._lock:
            running = [name for name, step in self._steps.items() if step.running or step.interrupted]
            return self._current if self._current in running or not running else running[-1]

    def stop(self, status: StepStatus) -> tuple[StepState, ...]:
        """Return the states after a failure or a stop; running steps get `status`."""
        with self._lock:
            now = self._clock.monotonic()
            return tuple(step.stop(now, status) for step in self._steps.values())

    def _close_idle(self, called: StepProgress, flow: int) -> None:
        """Close all other idle steps, unless more calls of them are likely."""
        any_open = any(step.open for step in self._steps.values())
        for step in self._steps.values():
            if step is not called and step.idle and not step.may_get_more_calls(called, flow, any_open=any_open):
                step.close(self._clock.monotonic(), StepStatus.PENDING)

    def _activate(self, name: str, step: StepProgress) -> None:
        started = step.state.started_at or self._clock.now().isoformat().replace("+00:00", "Z")
        step.state = replace(step.state, status=StepStatus.ACTIVE, started_at=started, resumed=False)
        self._current = name

    def _close_call(self, name: str, call: int, *, kept: bool) -> None:
        with self._lock:
            step = self._steps.get(name)
            if step is None:
                return
            step.close_call(call, self._clock.monotonic(), kept=kept)
            self._update(name, step)
        self._changed()

    def _update(self, name: str, step: StepProgress) -> None:
        step.raise_to(step.share())
        count = None if step.has_messages else step.count_message()
        if count is not None:
            step.state = replace(step.state, message=count)
            if self._current == name:
                self._message = count

    def _changed(self) -> None:
        with self._lock:
            first, self._dirty = not self._dirty, True
        if first:
            self._on_dirty()

    def _snapshot(self) -> Progress:
        steps = tuple(step.state for step in self._steps.values())
        self._percentage = max(self._percentage, overall_percentage(steps))
        number = self._order.index(self._current) + 1 if self._current in self._steps else 0
        return Progress(self._percentage, number, self._message, steps)
