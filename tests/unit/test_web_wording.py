"""The words of a snapshot, and the formats of durations."""

from typing import Any

import pytest

from outlast.domain.status import Phase
from outlast.web.wording import PHASES, clock, duration, step_meta, step_state, time_left, words

TONES = {"quiet", "busy", "warning", "error", "done"}
SNAPSHOT: dict[str, Any] = {
    "phase": "running",
    "stalled": False,
    "attempt": 1,
    "max_attempts": 3,
    "next_retry_at": None,
    "queue_position": None,
    "paused": False,
    "starts_at": None,
    "result_at": None,
    "questions": None,
    "started_at": "2026-03-04T05:06:07.100Z",
    "error": None,
}
RETRYING = {"phase": "retrying", "next_retry_at": "2026-03-04T05:07:08.000Z", "attempt": 2}
UNSUCCESSFUL = "Attempt 2 of 3 failed. The next one starts by itself"
RESUMED = "finished steps won't be repeated."


@pytest.mark.parametrize("phase", Phase)
def test_every_phase_has_a_title_and_a_tone(phase: Phase):
    said = words(SNAPSHOT | {"phase": phase.value})
    assert said["phase_title"]
    assert said["tone"] in TONES


def test_no_two_phases_have_the_same_title():
    assert len({title for title, _ in PHASES.values()}) == len(Phase)


@pytest.mark.parametrize(
    ("changes", "notice"),
    [
        ({}, None),
        ({"attempt": 2}, "Attempt 2 of 3; finished steps won't be repeated."),
        ({"phase": "queued"}, None),
        ({"phase": "queued", "queue_position": 1}, "Next in the queue."),
        ({"phase": "queued", "queue_position": 12}, "Place 12 in the queue."),
        ({"phase": "cancelling"}, "Stopping the work."),
        ({"phase": "completed"}, None),
        ({"phase": "failed", "error": "It has no rating."}, "It has no rating."),
        ({"phase": "failed"}, "The analysis failed."),
        (
            {"phase": "cancelled", "error": "left over"},
            "This analysis was cancelled. You can start it again; finished steps won't be repeated.",
        ),
        (RETRYING, f"{UNSUCCESSFUL} at 05:07:08 UTC; {RESUMED}"),
        (RETRYING | {"next_retry_at": None}, f"{UNSUCCESSFUL}; {RESUMED}"),
    ],
)
def test_the_notice_says_what_the_title_does_not(changes: dict[str, Any], notice: str | None):
    assert words(SNAPSHOT | changes)["notice"] == notice


@pytest.mark.parametrize(("started_at", "verb"), [(None, "start"), ("2026-03-04T05:06:07.100Z", "go on")])
@pytest.mark.parametrize("waiting", [{"phase": "queued", "queue_position": 3}, RETRYING])
def test_a_stalled_session_warns_whatever_it_waits_for(waiting: dict[str, Any], started_at: str | None, verb: str):
    said = words(SNAPSHOT | waiting | {"stalled": True, "started_at": started_at})
    assert said["tone"] == "warning"
    assert said["notice"] == f"We're a bit behind; your analysis will {verb} by itself."


def test_a_step_is_described_by_its_status_and_its_percentage_or_duration():
    assert [step_state(s) for s in ("pending", "active", "done")] == ["to come", "in progress", "done"]
    assert step_state("a status of a later version") == "a status of a later version"
    assert step_meta("active", 44.9, None) == "44%"
    assert step_meta("active", None, 10) == "0%"
    assert step_meta("done", 100.0, 3400) == "3.4 s"
    assert step_meta("pending", 0.0, None) == ""


def test_durations_are_rounded_and_clocks_are_not():
    took = {0: "< 0.1 s", 949: "0.9 s", 9949: "9.9 s", 9950: "10 s", 59_499: "59 s", 59_500: "1 min 0 s"}
    assert {ms: duration(ms) for ms in took} == took
    assert [duration(3_599_500), duration(86_400_000)] == ["1 h 0 min", "24 h 0 min"]
    assert [clock(ms) for ms in (999, 59_999, 3_599_999, 3_600_000)] == ["0:00", "0:59", "59:59", "1:00:00"]


@pytest.mark.parametrize(
    ("low", "high", "said"),
    [
        (None, 10, ""),
        (0, 0, ""),
        (1, 9, "a few seconds left"),
        (2, 10, "less than 10 s left"),
        (22, 38, "about 20–40 s left"),
        (30, 30, "about 30 s left"),
        (200, 5399, "about 3–90 min left"),
        (3599, 5400, "less than 2 h left"),
    ],
)
def test_the_time_left_is_a_range_of_round_figures(low: float | None, high: float | None, said: str):
    assert time_left(low, high) == said
