"""Progress of one attempt while it works: fed from any thread, read as snapshots by the worker."""

import math
import threading
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace

from outlast.domain.plain import plain
from outlast.domain.progress import Progress, StepState, StepStatus, overall
from outlast.ports.clock import Clock

MESSAGE_LIMIT = 500
"""Characters of a message that are kept."""
QUIET_AFTER = 1.0
"""Seconds without a report after which a step with a history moves by it."""


@dataclass(slots=True)
class _Line:
    state: StepState
    running: int = 0
    finished: int = 0
    began: float | None = None
    worked: float = 0.0
    reported: float | None = None
    loop_done: float = 0.0
    loop_total: float = 0.0

    def fraction(self, inner: float) -> float:
        """Of the whole line, when the current call of the step is at `inner`."""
        if self.loop_total > 0:
            return min(1.0, (self.loop_done + inner) / self.loop_total)
        return 1 - (1 - inner) / 2.0**self.finished


class Tracker:
    """The plan's lines. Percentages only grow; `on_dirty` is called once per change until `take`."""

    def __init__(
        self,
        steps: Sequence[StepState],
        percentage: float,
        clock: Clock,
        on_dirty: Callable[[], None],
        told: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        self._lines = {s.name: _Line(s) for s in steps}
        self._order = [s.name for s in steps]
        self._percentage = percentage
        self._message: str | None = None
        self._current: str | None = None
        self._clock = clock
        self._on_dirty = on_dirty
        self._told = told
        self._dirty = False
        self._lock = threading.Lock()

    def begin(self, name: str) -> None:
        """A call of the step starts to work; lines that came before and rest are done."""
        with self._lock:
            line = self._lines.get(name)
            if line is None:
                return
            self._rest_done(besides=name)
            line.running += 1
            if line.began is None:
                line.began = self._clock.monotonic()
            started = line.state.started_at or self._clock.now().isoformat().replace("+00:00", "Z")
            line.state = replace(line.state, status=StepStatus.ACTIVE, started_at=started, resumed=False)
            self._current, self._message = name, None
        self._changed()

    async def told(self) -> None:
        if self._told:
            await self._told()

    def resume(self, name: str) -> None:
        """A call of the step was answered by a kept result."""
        with self._lock:
            line = self._lines.get(name)
            if line is None:
                return
            self._rest_done(besides=name)
            line.finished += 1
            self._current = name
            if line.began is None:
                line.state = replace(line.state, status=StepStatus.ACTIVE, resumed=True)
            self._lift(line, line.fraction(0.0))
        self._changed()

    def end(self, name: str) -> None:
        """A call of the step has its result kept."""
        with self._lock:
            line = self._lines.get(name)
            if line is None:
                return
            line.running -= 1
            line.finished += 1
            line.reported = None
            if not line.running and line.began is not None:
                line.worked += self._clock.monotonic() - line.began
                line.began = None
            self._lift(line, line.fraction(0.0))
        self._changed()

    def report(self, name: str | None, done: float | None, total: float | None, message: str | None) -> None:
        """Progress of the step `name`; outside any step, of the line begun last, over all its calls."""
        with self._lock:
            inside = name is not None
            line = self._lines.get(name or self._current or (self._order[0] if self._order else ""))
            if line is None:
                return
            if message is not None:
                self._message = plain(message[:MESSAGE_LIMIT])
                line.state = replace(line.state, message=self._message)
            if done is not None and math.isfinite(done):
                line.reported = self._clock.monotonic()
                whole = total if total and math.isfinite(total) and total > 0 else 1.0
                if inside or len(self._order) == 1:
                    self._lift(line, line.fraction(min(1.0, max(0.0, done / whole))))
                else:
                    line.loop_done, line.loop_total = max(0.0, done), whole
                    self._lift(line, line.fraction(0.0))
        self._changed()

    def move_quiet(self) -> None:
        """Let lines at work that never report move by their history, ever slower, never to their end."""
        moved = False
        with self._lock:
            now = self._clock.monotonic()
            for line in self._lines.values():
                expected = line.state.expected
                if not line.running or line.began is None or expected is None or line.reported is not None:
                    continue
                if now - line.began >= QUIET_AFTER:
                    elapsed = (now - line.began) * 1000
                    before = line.state.progress_percentage
                    self._lift(line, line.fraction(1 - math.exp(-elapsed / max(expected.middle, 1.0))))
                    moved = moved or line.state.progress_percentage > before
        if moved:
            self._changed()

    def take(self) -> Progress | None:
        """The snapshot, if anything changed since the last one taken."""
        with self._lock:
            if not self._dirty:
                return None
            self._dirty = False
            return self._snapshot()

    def started(self) -> None:
        """An analysis without steps is one line, at work from the start."""
        if len(self._order) == 1:
            self.begin(self._order[0])

    def completed(self) -> tuple[tuple[StepState, ...], dict[str, int]]:
        """The lines after success, and the milliseconds worked in each that was not resumed."""
        with self._lock:
            for line in self._lines.values():
                self._close(line, StepStatus.SKIPPED)
            worked = {
                n: round(line.worked * 1000)
                for n, line in self._lines.items()
                if line.state.status is StepStatus.DONE and not line.state.resumed
            }
            return tuple(line.state for line in self._lines.values()), worked

    def stopped(self, status: StepStatus) -> tuple[StepState, ...]:
        """The lines after a failure or a stop: those at work get `status`; what broke between steps is none."""
        with self._lock:
            return tuple(self._stopped(line, status) for line in self._lines.values())

    def _stopped(self, line: _Line, status: StepStatus) -> StepState:
        if line.running:
            return replace(line.state, status=status, duration_ms=self._duration(line) or line.state.duration_ms)
        if line.state.status is StepStatus.ACTIVE:
            duration = None if line.state.resumed else self._duration(line)
            return replace(line.state, status=StepStatus.DONE, duration_ms=duration, message=None)
        return line.state

    def _rest_done(self, besides: str) -> None:
        for name, line in self._lines.items():
            if name != besides and line.state.status is StepStatus.ACTIVE and not line.running:
                self._close(line, StepStatus.PENDING)

    def _close(self, line: _Line, untouched: StepStatus) -> None:
        if line.running and line.began is not None:
            line.worked += self._clock.monotonic() - line.began
            line.began, line.running, line.finished = None, 0, line.finished + 1
        if line.finished:
            duration = None if line.state.resumed else self._duration(line)
            line.state = replace(
                line.state, status=StepStatus.DONE, progress_percentage=100.0, duration_ms=duration, message=None
            )
        elif line.state.status is not StepStatus.DONE:
            line.state = replace(line.state, status=untouched)

    def _duration(self, line: _Line) -> int:
        running = self._clock.monotonic() - line.began if line.began is not None else 0.0
        return round((line.worked + running) * 1000)

    def _lift(self, line: _Line, fraction: float) -> None:
        percentage = round(min(100.0, max(line.state.progress_percentage, fraction * 100)), 1)
        line.state = replace(line.state, progress_percentage=percentage)

    def _changed(self) -> None:
        with self._lock:
            first, self._dirty = not self._dirty, True
        if first:
            self._on_dirty()

    def _snapshot(self) -> Progress:
        steps = tuple(line.state for line in self._lines.values())
        self._percentage = max(self._percentage, overall(steps))
        number = self._order.index(self._current) + 1 if self._current in self._lines else 0
        return Progress(self._percentage, number, self._message, steps)
