"""Progress of one running attempt: updated from any thread, read as snapshots by the worker."""

import math
import threading
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace

from outlast.domain.clean_text import plain
from outlast.domain.progress import Progress, StepState, StepStatus, overall
from outlast.ports.clock import Clock
from outlast.running.step_progress import StepProgress

MESSAGE_LIMIT = 500
"""Maximum characters kept of a message."""
EXTRAPOLATE_AFTER = 1.0
"""Seconds of work after which a step without reports is extrapolated from its history."""


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
        self._lines = {s.name: StepProgress(s) for s in steps}
        self._order = [s.name for s in steps]
        self._percentage = percentage
        self._message: str | None = None
        self._current: str | None = None
        self._clock = clock
        self._on_dirty = on_dirty
        self._flush = flush
        self._dirty = False
        self._lock = threading.Lock()

    def begin(self, name: str, call: int, flow: int) -> None:
        """A call of the step starts."""
        with self._lock:
            line = self._lines.get(name)
            if line is None:
                return
            self._close_idle(line, flow)
            line.open_call(call, flow, self._clock.monotonic())
            self._activate(name, line)
            if line.has_messages or line.count_message() is None:
                self._message = None
            self._update(name, line)
        self._changed()

    async def flush(self) -> None:
        if self._flush:
            await self._flush()

    def resume(self, name: str, flow: int) -> None:
        """A call of the step returned a kept result."""
        with self._lock:
            line = self._lines.get(name)
            if line is None:
                return
            self._close_idle(line, flow)
            line.flows.add(flow)
            line.finished += 1
            line.resumed += 1
            if line.finished == line.resumed and not line.running:
                line.state = replace(line.state, status=StepStatus.ACTIVE, resumed=True)
            self._current = name
            self._update(name, line)
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
            line = self._lines.get(name)
            if line is None:
                return
            if not line.fan_outs:
                line.restart_count()
            line.fan_outs += 1
            line.expected += calls

    def fan_in(self, name: str) -> None:
        with self._lock:
            line = self._lines.get(name)
            if line is not None:
                line.fan_outs -= 1

    def report(
        self, name: str | None, call: int, done: float | None, total: float | None, message: str | None
    ) -> None:
        """Record progress of a call of the step `name`; outside any step, of the step that started last."""
        with self._lock:
            line = self._lines.get(name or self._current or (self._order[0] if self._order else ""))
            if line is None:
                return
            if message is not None:
                line.has_messages = True
                self._message = plain(message[:MESSAGE_LIMIT])
                line.state = replace(line.state, message=self._message)
            if done is not None and math.isfinite(done):
                line.reported = self._clock.monotonic()
                whole = total if total and math.isfinite(total) and total > 0 else 1.0
                if name is None:
                    line.loop_done, line.loop_total = max(0.0, done), whole
                else:
                    line.report_call(call, done / whole)
                line.raise_to(line.share())
        self._changed()

    def extrapolate(self) -> None:
        """Advance running steps without reports by their history: ever slower, never up to 100 %."""
        changed = False
        with self._lock:
            now = self._clock.monotonic()
            for line in self._lines.values():
                history = line.state.expected
                if not line.running or line.began is None or history is None or line.reported is not None:
                    continue
                if now - line.began >= EXTRAPOLATE_AFTER:
                    before = line.state.progress_percentage
                    line.raise_to(line.share(1 - math.exp(-line.duration(now) / max(history.middle, 1.0))))
                    changed = changed or line.state.progress_percentage > before
        if changed:
            self._changed()

    def take(self) -> Progress | None:
        """Return a snapshot, or `None` if nothing has changed since the last one."""
        with self._lock:
            if not self._dirty:
                return None
            self._dirty = False
            return self._snapshot()

    def started(self) -> None:
        """Activate the only step of a plan of one line, which spans the whole attempt."""
        if len(self._order) != 1:
            return
        name = self._order[0]
        with self._lock:
            line = self._lines[name]
            line.spans_attempt = True
            line.began = self._clock.monotonic()
            self._activate(name, line)
        self._changed()

    def completed(self) -> tuple[tuple[StepState, ...], dict[str, int]]:
        """Return the states after success, and the milliseconds of each step without resumed calls."""
        with self._lock:
            now = self._clock.monotonic()
            for line in self._lines.values():
                line.close(now, StepStatus.SKIPPED)
            worked = {
                n: round(line.worked * 1000)
                for n, line in self._lines.items()
                if line.state.status is StepStatus.DONE and not line.state.resumed and not line.resumed
            }
            return tuple(line.state for line in self._lines.values()), worked

    def stopped(self, status: StepStatus) -> tuple[StepState, ...]:
        """Return the states after a failure or a stop; running steps get `status`."""
        with self._lock:
            now = self._clock.monotonic()
            return tuple(line.stopped(now, status) for line in self._lines.values())

    def _close_idle(self, called: StepProgress, flow: int) -> None:
        """Close all other idle steps, unless more calls of them are likely."""
        any_open = any(line.open for line in self._lines.values())
        for line in self._lines.values():
            if line is not called and line.idle and not line.may_get_more_calls(called, flow, any_open=any_open):
                line.close(self._clock.monotonic(), StepStatus.PENDING)

    def _activate(self, name: str, line: StepProgress) -> None:
        started = line.state.started_at or self._clock.now().isoformat().replace("+00:00", "Z")
        line.state = replace(line.state, status=StepStatus.ACTIVE, started_at=started, resumed=False)
        self._current = name

    def _close_call(self, name: str, call: int, *, kept: bool) -> None:
        with self._lock:
            line = self._lines.get(name)
            if line is None:
                return
            line.close_call(call, self._clock.monotonic(), kept=kept)
            self._update(name, line)
        self._changed()

    def _update(self, name: str, line: StepProgress) -> None:
        line.raise_to(line.share())
        count = None if line.has_messages else line.count_message()
        if count is not None:
            line.state = replace(line.state, message=count)
            if self._current == name:
                self._message = count

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
