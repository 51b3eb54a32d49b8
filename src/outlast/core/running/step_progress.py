"""One line of a plan while it is worked at: its calls, and what they add up to."""

from dataclasses import dataclass, field, replace

from outlast.domain.progress import StepState, StepStatus

UNKNOWN = 10
"""Calls that may still come, of a step of which nobody knows how many there will be."""
MOST_PEAK = 30
"""Calls at once that are expected again, so that a line does not halt whenever many begin."""
HIGHEST_OPEN = 0.99
"""The share that such a line never exceeds before it is closed."""


@dataclass(slots=True)
class StepProgress:
    """A line and the calls of its step in this attempt."""

    state: StepState
    open: dict[int, float] = field(default_factory=dict[int, float])
    """The share done of each call at work."""
    inner: float = 0.0
    """The sum of these."""
    finished: int = 0
    """Calls whose result is kept, resumed ones included."""
    resumed: int = 0
    broken: bool = False
    """A call of it has raised, and none has begun since."""
    peak: int = 0
    """Calls that were open at once at most."""
    whole: bool = False
    """It is at work from the start of the attempt, whatever is called."""
    flows: set[int] = field(default_factory=set[int])
    """The tasks and threads that have called it."""
    began: float | None = None
    worked: float = 0.0
    reported: float | None = None
    speaks: bool = False
    """Its code tells messages of its own."""
    loop_done: float = 0.0
    loop_total: float = 0.0
    maps: int = 0
    """Fan-outs under way."""
    expected: int = 0
    """Calls announced by them, or by the last ones."""
    before: int = 0
    """Calls finished before those."""
    base: float = 0.0
    """The share from which on its calls are counted."""

    @property
    def running(self) -> bool:
        return self.whole or bool(self.open)

    @property
    def rests(self) -> bool:
        return self.state.status is StepStatus.ACTIVE and self.finished > 0 and not self.running and not self.maps

    @property
    def calls(self) -> int:
        return self.finished + len(self.open)

    @property
    def done(self) -> int:
        """Of `expected`."""
        return min(self.finished - self.before, self.expected)

    def may_go_on(self, other: "StepProgress", flow: int, *, at_work: bool) -> bool:
        """Whether more calls seem to come, now that `flow` calls the step of `other`; `at_work`: a call is open.

        Several tasks or threads that each call one step and then another take turns at both. One that calls a
        third step, and has called none of the two while nothing is at work, is the code that waited for them.
        """
        if len(self.flows) < 2 or self.expected:
            return False
        return at_work or flow in self.flows or not self.flows.isdisjoint(other.flows)

    def open_call(self, call: int, flow: int, now: float) -> None:
        if self.calls == 1 and self.open:  # it was taken for the whole line until now
            self.base = min(HIGHEST_OPEN, self.inner)
        self.flows.add(flow)
        self.open[call] = 0.0
        self.peak = max(self.peak, len(self.open))
        self.broken = False
        if self.began is None:
            self.began = now

    def report_call(self, call: int, share: float) -> None:
        before = self.open.get(call)
        if before is not None and share > before:
            self.open[call] = min(1.0, share)
            self.inner += self.open[call] - before

    def close_call(self, call: int, now: float, *, kept: bool) -> None:
        share = self.open.get(call, 0.0)
        if self.calls == 1:
            self.base = min(HIGHEST_OPEN, max(self.base, share))
        self.open.pop(call, None)
        self.inner = self.inner - share if self.open else 0.0
        self.finished += kept
        self.broken = self.broken or not kept
        self.reported = None
        if not self.running:
            self._stop_clock(now)

    def count_anew(self) -> None:
        """Count what comes from where the line stands in this attempt, so that it goes on moving."""
        self.base = min(HIGHEST_OPEN, self.share())
        self.before, self.expected = self.finished, 0

    def share(self, quiet: float = 0.0) -> float:
        """How much of the line is done, as far as it can be known; `quiet` is what its history says."""
        inner = self.inner
        if self.expected:
            return self.base + (1 - self.base) * min(1.0, (self.done + inner) / self.expected)
        if self.loop_total > 0:
            # a fraction without a total speaks of everything, so a call at work adds nothing to it
            return min(1.0, (self.loop_done + (inner if self.loop_total > 1 else 0.0)) / self.loop_total)
        if self.calls == 1 and self.open:
            return max(inner, quiet)
        to_come = max(len(self.open), min(self.peak, MOST_PEAK)) + UNKNOWN
        return max(quiet, self.base + (1 - self.base) * (self.finished + inner) / (self.finished + to_come))

    def lift(self, share: float) -> None:
        """Percentages only grow, and stay below 100 while calls are open or may come."""
        if self.expected:
            highest = 1.0 if self.done == self.expected and not self.open else 0.999
        else:
            highest = HIGHEST_OPEN
        percentage = round(100 * min(share, highest), 1)
        if percentage > self.state.progress_percentage:
            self.state = replace(self.state, progress_percentage=percentage)

    def count(self) -> str | None:
        """What is said of many calls whose code says nothing."""
        if self.expected:
            return f"{self.done:,} of {self.expected:,}"
        return f"{self.finished:,} done" if self.calls > 1 and self.finished else None

    def duration(self, now: float) -> int:
        """Milliseconds of work in this attempt."""
        running = now - self.began if self.began is not None else 0.0
        return round((self.worked + running) * 1000)

    def close(self, now: float, untouched: StepStatus) -> None:
        """Its work is over; `untouched` is for a line that had none."""
        touched = self.running or self.finished or self.broken
        self._stop_clock(now)
        self.open.clear()
        self.inner = 0.0
        self.whole = self.broken = False
        if touched:
            duration = None if self.state.resumed else self.duration(now)
            self.state = replace(
                self.state, status=StepStatus.DONE, progress_percentage=100.0, duration_ms=duration, message=None
            )
        elif self.state.status is not StepStatus.DONE:
            self.state = replace(self.state, status=untouched)

    def stopped(self, now: float, status: StepStatus) -> StepState:
        """Its state after a failure or a stop of the attempt; `status` is for what was at work."""
        if self.running or self.broken:
            return replace(self.state, status=status, duration_ms=self.duration(now) or self.state.duration_ms)
        if self.state.status is StepStatus.ACTIVE:
            duration = None if self.state.resumed else self.duration(now)
            return replace(self.state, status=StepStatus.DONE, duration_ms=duration, message=None)
        return self.state

    def _stop_clock(self, now: float) -> None:
        if self.began is not None:
            self.worked += now - self.began
            self.began = None
