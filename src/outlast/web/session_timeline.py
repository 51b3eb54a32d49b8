"""The picture of one session: when it waited, when each attempt ran and how it ended, and when its steps ran."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from outlast.domain.progress import StepState, StepStatus
from outlast.domain.session import AnalysisSession, AttemptRecord
from outlast.web.snapshot import MILLISECOND
from outlast.web.wording import duration, step_state

UNITS = 1_000
"""Width of the picture."""
NARROWEST = 4.0
"""Width of what took hardly any time."""
TICKS = 4
"""Intervals between the times below the picture."""


@dataclass(frozen=True, slots=True)
class TimelineRow:
    """One line of the picture."""

    label: str
    kind: str
    """How it looks: `waiting`, `step`, or how an attempt ended."""
    x: float
    width: float
    text: str
    """What happened, in words."""
    is_step: bool = False


@dataclass(frozen=True, slots=True)
class Timeline:
    """All lines over one axis of time."""

    begins: datetime
    ticks: Sequence[str]
    """Times since the beginning, in equal distances."""
    rows: Sequence[TimelineRow]


def timeline(session: AnalysisSession, attempts: Sequence[AttemptRecord], now: datetime) -> Timeline:
    """Return the picture of a session, until its end or until now."""
    begins = session.created_at
    ends = max(session.completed_at or now, begins + 10 * MILLISECOND, *(a.ended_at for a in attempts))
    length = ends - begins

    def row(
        label: str, kind: str, since: datetime, until: datetime, text: str, *, is_step: bool = False
    ) -> TimelineRow:
        x = UNITS * max(0.0, min(1.0, (since - begins) / length))
        width = UNITS * max(0.0, min(1.0, (until - begins) / length)) - x
        width = max(NARROWEST, width)
        x = min(x, UNITS - width)
        return TimelineRow(label, kind, round(x, 1), round(width, 1), text, is_step)

    rows: list[TimelineRow] = []
    free = running_since = begins
    for attempt in attempts:
        since = max(begins, attempt.started_at or free)
        if since > free:
            rows.append(row("waiting", "waiting", free, since, _took(since - free)))
        took = attempt.ended_at - since
        rows.append(
            row(f"attempt {attempt.attempt}", attempt.ended, since, attempt.ended_at, _said(attempt, took))
        )
        free = max(free, attempt.ended_at)
    if not session.status.final:
        running = session.worker_id is not None
        since = max(begins, free if not running else now - _running(session, attempts))
        if since > free:
            rows.append(row("waiting", "waiting", free, since, _took(since - free)))
        running_since = since
        label, kind = (f"attempt {session.attempt}", "running") if running else ("waiting", "waiting")
        rows.append(row(label, kind, since, now, f"for {_took(now - since)}"))
    for step in session.progress.steps:
        if step.started_at is not None:
            last = attempts[-1] if attempts else None
            since, until = _place(step, datetime.fromisoformat(step.started_at), last, running_since, ends)
            kind = "step-done" if step.resumed else f"step-{step.status.value}"
            rows.append(row(step.title, kind, since, until, _of_step(step), is_step=True))
    ticks = [duration(length * n // TICKS // MILLISECOND) if n else "0" for n in range(TICKS + 1)]
    return Timeline(begins, ticks, rows)


def _running(session: AnalysisSession, attempts: Sequence[AttemptRecord]) -> timedelta:
    """How long the current attempt has been running, by the counted time of all of them."""
    earlier = sum(a.duration_ms or 0 for a in attempts)
    return max(timedelta(0), (session.worked_ms - earlier) * MILLISECOND)


def _place(
    step: StepState, first: datetime, last: AttemptRecord | None, running_since: datetime, ends: datetime
) -> tuple[datetime, datetime]:
    """Return when the step ran last; it keeps the time at which it began in its `first` attempt."""
    if step.status is StepStatus.ACTIVE:
        return max(first, running_since), ends
    took = (step.duration_ms or 0) * MILLISECOND
    if step.status is StepStatus.FAILED and last is not None:
        return max(first, last.ended_at - took), last.ended_at
    return first, first + took


def _of_step(step: StepState) -> str:
    took = f", {duration(step.duration_ms)}" if step.duration_ms is not None else ""
    return f"{step_state(step.status)}{took}{', kept' if step.resumed else ''}"


def _said(attempt: AttemptRecord, took: timedelta) -> str:
    return f"{attempt.ended} after {_took(took)}"


def _took(length: timedelta) -> str:
    return duration(max(0, length // MILLISECOND))
