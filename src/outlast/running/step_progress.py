"""Progress of one step in a running attempt: its calls, and the percentage they add up to."""

from dataclasses import dataclass, field, replace

from outlast.domain.progress import StepState, StepStatus

CALLS_AHEAD = 10
"""Calls assumed to follow when the number of calls of a step is unknown."""
MAX_PEAK = 30
"""Maximum number of concurrent calls assumed to repeat, so that the percentage does not stall at each burst."""
MAX_OPEN_SHARE = 0.99
"""Maximum share of a step with an unknown number of calls before it is closed."""


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

    def stopped(self, now: float, status: StepStatus) -> StepState:
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
