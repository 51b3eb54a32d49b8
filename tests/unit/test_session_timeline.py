"""The picture of a session: what it shows, where, and in which words."""

from dataclasses import replace
from datetime import timedelta
from typing import Any, cast

from outlast.domain.progress import Progress, StepState, StepStatus
from outlast.domain.session import AnalysisSession, AttemptEnd, AttemptRecord, pending_session
from outlast.domain.status import Status
from outlast.testing.acts import new_session
from outlast.testing.clock import NOON
from outlast.web.session_timeline import UNITS, timeline


def at(seconds: float) -> timedelta:
    return timedelta(seconds=seconds)


def session(**changes: object) -> AnalysisSession:
    return replace(pending_session(new_session(), NOON, 1), **cast("dict[str, Any]", changes))


def attempt(number: int, ended: AttemptEnd, ends: float, took: float) -> AttemptRecord:
    return AttemptRecord(number, number, "w-1", ended, NOON + at(ends), duration_ms=round(took * 1000))


def test_waits_and_attempts_follow_each_other_without_gaps():
    attempts = [attempt(1, "postponed", 40, 30), attempt(2, "completed", 100, 20)]
    done = session(status=Status.COMPLETED, completed_at=NOON + at(100), started_at=NOON + at(10))
    rows = timeline(done, attempts, NOON + at(5_000)).rows
    assert [(row.kind, row.x, row.x + row.width) for row in rows] == [
        ("waiting", 0, UNITS * 0.1),
        ("postponed", UNITS * 0.1, UNITS * 0.4),
        ("waiting", UNITS * 0.4, UNITS * 0.8),
        ("completed", UNITS * 0.8, UNITS),
    ]
    assert rows[1].text == "postponed after 30 s"


def test_what_waits_or_runs_reaches_until_now():
    (row,) = timeline(session(), [], NOON + at(60)).rows
    assert (row.kind, row.x, row.width) == ("waiting", 0, UNITS)
    working = session(status=Status.PROCESSING, worker_id="w-1", attempt=1, worked_ms=15_000)
    rows = timeline(working, [], NOON + at(60)).rows
    assert [(row.kind, row.x, row.width) for row in rows] == [("waiting", 0, 750), ("running", 750, 250)]


def test_steps_are_where_they_ran_last():
    began = (NOON + at(10)).isoformat()
    steps = (
        StepState("a", "A", 0.5, StepStatus.DONE, started_at=began, duration_ms=20_000, resumed=True),
        StepState("b", "B", 0.5, StepStatus.FAILED, started_at=(NOON + at(30)).isoformat(), duration_ms=10_000),
        StepState("c", "C", 0.0),
    )
    attempts = [attempt(1, "postponed", 40, 30), attempt(2, "failed", 100, 20)]
    over = session(status=Status.FAILED, completed_at=NOON + at(100), progress=Progress(steps=steps))
    rows = [row for row in timeline(over, attempts, NOON + at(100)).rows if row.is_step]
    assert [(row.label, row.kind, row.x, row.width) for row in rows] == [
        ("A", "step-done", 100, 200),
        ("B", "step-failed", 900, 100),
    ]
    assert rows[0].text.endswith("20 s, kept")


def test_an_attempt_of_no_time_is_seen():
    (_, row) = timeline(
        session(status=Status.FAILED, completed_at=NOON + at(10)), [attempt(1, "failed", 10, 0)], NOON + at(10)
    ).rows
    assert row.width > 0
    assert row.x + row.width <= UNITS
