"""The progress of each step: its calls, reports, messages, and its state after the attempt has ended."""

import math
from dataclasses import replace

import pytest

from outlast.domain.plan import Expected
from outlast.domain.progress import StepState, StepStatus
from outlast.running.progress_tracker import ProgressTracker
from outlast.testing.clock import FakeClock

PLAN = (StepState("read", "Reading", 0.5), StepState("judge", "Judging", 0.5))


def statuses(tracker, after):
    return [state.status for state in tracker.stop(after)]


def make():
    return ProgressTracker(PLAN, 0.0, FakeClock(), lambda: None)


def test_the_step_at_work_has_failed():
    tracker = make()
    tracker.begin("read", 1, 1)
    assert statuses(tracker, StepStatus.FAILED) == [StepStatus.FAILED, StepStatus.PENDING]


def test_a_step_whose_calls_have_all_ended_is_done_when_the_code_after_it_fails():
    tracker = make()
    tracker.begin("read", 1, 1)
    tracker.end("read", 1)
    assert statuses(tracker, StepStatus.FAILED) == [StepStatus.DONE, StepStatus.PENDING]


def test_a_resumed_step_is_done_when_later_code_fails():
    tracker = make()
    tracker.resume("read", 1)
    read, judge = tracker.stop(StepStatus.PENDING)
    assert (read.status, read.resumed, read.duration_ms) == (StepStatus.DONE, True, None)
    assert judge.status is StepStatus.PENDING


def test_a_resumed_step_becomes_the_current_step():
    tracker = make()
    tracker.begin("read", 1, 1)
    tracker.end("read", 1)
    tracker.resume("judge", 1)
    assert tracker.take().current_step == 2
    tracker.report(None, 0, None, None, "Judged before")
    assert [state.message for state in tracker.take().steps] == [None, "Judged before"]


def line(tracker, at=0):
    return tracker.take().steps[at]


def test_of_announced_calls_a_line_shows_how_many_are_done():
    tracker = make()
    tracker.fan_out("read", 200)
    shown = []
    for call in range(1, 201):
        tracker.begin("read", call, call % 20)
        tracker.end("read", call)
        shown.append(line(tracker))
    assert shown[31].progress_percentage == 16.0
    assert shown[31].message == "32 of 200"
    assert shown[198].progress_percentage == 99.5
    assert shown[199].progress_percentage == 100.0


def test_an_announced_call_adds_its_own_progress_and_a_resumed_one_is_done():
    tracker = make()
    tracker.fan_out("read", 4)
    tracker.resume("read", 1)
    tracker.begin("read", 1, 1)
    tracker.report("read", 1, 1, 2, None)
    assert line(tracker).progress_percentage == 37.5
    tracker.abort("read", 1)
    tracker.begin("read", 2, 1)
    assert line(tracker).progress_percentage == 37.5


def test_a_message_of_the_steps_own_is_not_covered_by_the_count():
    tracker = make()
    tracker.fan_out("read", 2)
    tracker.begin("read", 1, 1)
    tracker.report("read", 1, None, None, "page 7")
    tracker.end("read", 1)
    assert line(tracker).message == "page 7"


def test_without_a_known_number_of_calls_the_line_counts_and_moves_to_the_end():
    """200 documents behind a semaphore of 20: each is read, then judged, in its own task."""
    tracker = make()
    percentages = []

    def look():
        taken = tracker.take()
        percentages.append(tuple(s.progress_percentage for s in taken.steps))
        return taken

    call = 0
    for batch in range(10):
        flows = range(20 * batch, 20 * batch + 20)
        for name in ("read", "judge"):  # all end at the same time, so that nothing of the other step is open
            calls = {flow: (call := call + 1) for flow in flows}
            for flow, number in calls.items():
                tracker.begin(name, number, flow)
                look()
            for number in calls.values():
                tracker.end(name, number)
                seen = look()
    assert seen.steps[0].message == "200 done"
    read, judge = (list(column) for column in zip(*percentages, strict=True))
    assert read == sorted(read)
    assert judge == sorted(judge)
    assert max(judge) < 100
    assert len(set(judge)) > 90


def test_a_step_is_done_when_the_code_that_awaited_its_calls_continues():
    tracker = make()
    for flow in (2, 3):
        tracker.begin("read", flow, flow)
    for flow in (2, 3):
        tracker.end("read", flow)
    assert line(tracker).progress_percentage < 100
    tracker.begin("judge", 4, 1)
    assert line(tracker).status is StepStatus.DONE


def test_a_first_call_that_reported_progress_leaves_a_share_for_later_calls():
    tracker = make()
    tracker.begin("read", 1, 1)
    tracker.report("read", 1, 9, 10, None)
    tracker.end("read", 1)
    before = line(tracker).progress_percentage
    assert before >= 90
    for call in range(2, 6):
        tracker.begin("read", call, 1)
        tracker.end("read", call)
        after = line(tracker).progress_percentage
        assert before < after < 100
        before = after


def test_a_call_that_raised_is_no_longer_open_but_fails_the_line_when_the_analysis_ends():
    tracker = make()
    tracker.begin("read", 1, 1)
    tracker.end("read", 1)
    tracker.begin("read", 2, 1)
    tracker.abort("read", 2)
    assert statuses(tracker, StepStatus.FAILED) == [StepStatus.FAILED, StepStatus.PENDING]
    tracker.begin("judge", 3, 1)
    assert statuses(tracker, StepStatus.FAILED) == [StepStatus.DONE, StepStatus.FAILED]


def test_work_of_which_a_part_was_resumed_teaches_nothing_about_durations():
    tracker = make()
    tracker.resume("read", 1)
    tracker.begin("read", 1, 1)
    tracker.end("read", 1)
    tracker.begin("judge", 2, 1)
    tracker.end("judge", 2)
    _, worked = tracker.complete()
    assert set(worked) == {"judge"}


def percentage(tracker, at=0):
    return tracker.take().steps[at].progress_percentage


def test_a_report_of_a_call_raises_its_step_by_the_reported_share():
    tracker = make()
    tracker.begin("read", 1, 1)
    assert percentage(tracker) == 0
    tracker.report("read", 1, 0.1, None, None)
    assert percentage(tracker) == 10
    tracker.report("read", 1, 3, 10, None)
    assert percentage(tracker) == 30


@pytest.mark.parametrize("done", [0.1, 0, -5, math.nan, math.inf, -math.inf, None])
def test_a_report_never_takes_a_line_back(done):
    tracker = make()
    tracker.begin("read", 1, 1)
    tracker.report("read", 1, 0.5, None, None)
    tracker.report("read", 1, done, None, None)
    assert percentage(tracker) == 50


@pytest.mark.parametrize("total", [0, -1, math.nan, math.inf, None])
def test_an_unusable_total_counts_as_one(total):
    tracker = make()
    tracker.begin("read", 1, 1)
    tracker.report("read", 1, 0.25, total, None)
    assert percentage(tracker) == 25


def test_an_open_call_that_reports_completion_leaves_its_step_below_100():
    tracker = make()
    tracker.begin("read", 1, 1)
    tracker.report("read", 1, 50, 10, None)
    assert percentage(tracker) == 99


def test_a_report_outside_a_step_counts_for_the_step_that_started_last():
    tracker = make()
    tracker.begin("judge", 1, 1)
    tracker.report(None, 0, 4, 10, "four of ten")
    seen = tracker.take()
    assert [s.progress_percentage for s in seen.steps] == [0, 40]
    assert (seen.message, seen.current_step) == ("four of ten", 2)


def test_a_report_before_any_step_counts_for_the_first_step():
    tracker = make()
    tracker.report(None, 0, 0.2, None, None)
    assert [s.progress_percentage for s in tracker.take().steps] == [20, 0]


def test_a_report_of_a_step_that_the_plan_does_not_have_changes_nothing():
    tracker = make()
    tracker.begin("unplanned", 1, 1)
    tracker.resume("unplanned", 1)
    tracker.report("unplanned", 1, 0.5, None, "hello")
    tracker.end("unplanned", 1)
    assert tracker.take() is None


def test_a_message_is_shortened_and_cleaned():
    tracker = make()
    tracker.begin("read", 1, 1)
    tracker.report("read", 1, None, None, "\x00" + "m" * 600)
    assert tracker.take().message == "\ufffd" + "m" * 499


def test_a_step_keeps_its_message_only_while_active():
    tracker = make()
    tracker.begin("read", 1, 1)
    tracker.report("read", 1, None, None, "page 7")
    tracker.end("read", 1)
    tracker.begin("judge", 2, 1)
    seen = tracker.take()
    assert (seen.message, seen.current_step) == (None, 2)
    assert seen.steps[0].message is None


def test_a_change_marks_the_tracker_dirty_once_per_snapshot():
    changes = []
    tracker = ProgressTracker(PLAN, 0.0, FakeClock(), lambda: changes.append(1))
    assert tracker.take() is None
    tracker.begin("read", 1, 1)
    tracker.report("read", 1, 0.5, None, None)
    assert len(changes) == 1
    assert tracker.take() is not None
    assert tracker.take() is None
    tracker.end("read", 1)
    assert len(changes) == 2


def test_the_percentage_never_falls_below_an_earlier_attempts():
    tracker = ProgressTracker(PLAN, 40.0, FakeClock(), lambda: None)
    tracker.begin("read", 1, 1)
    assert tracker.take().percentage == 40
    tracker.end("read", 1)
    tracker.begin("judge", 2, 1)
    assert tracker.take().percentage == 50


def test_a_line_takes_as_long_as_its_calls_were_at_work():
    clock = FakeClock()
    tracker = ProgressTracker(PLAN, 0.0, clock, lambda: None)
    tracker.begin("read", 1, 1)
    clock.advance(2)
    tracker.begin("read", 2, 2)
    clock.advance(1)
    tracker.end("read", 1)
    tracker.end("read", 2)
    clock.advance(10)
    tracker.begin("judge", 3, 1)
    clock.advance(0.5)
    tracker.end("judge", 3)
    steps, worked = tracker.complete()
    assert worked == {"read": 3_000, "judge": 500}
    assert [s.duration_ms for s in steps] == [3_000, 500]
    assert [s.status for s in steps] == [StepStatus.DONE, StepStatus.DONE]


def test_a_step_that_was_never_called_is_skipped_in_the_end():
    tracker = make()
    tracker.begin("read", 1, 1)
    tracker.end("read", 1)
    steps, worked = tracker.complete()
    assert [s.status for s in steps] == [StepStatus.DONE, StepStatus.SKIPPED]
    assert set(worked) == {"read"}


def test_a_step_without_reports_is_extrapolated_from_its_history():
    clock = FakeClock()
    known = replace(PLAN[0], expected=Expected(5_000, 10_000, 20_000))
    tracker = ProgressTracker((known, PLAN[1]), 0.0, clock, lambda: None)
    tracker.begin("read", 1, 1)
    tracker.begin("judge", 2, 2)
    clock.advance(0.9)
    tracker.extrapolate()
    assert percentage(tracker) == 0
    clock.advance(9.1)
    tracker.extrapolate()
    after_its_time = tracker.take().steps
    assert after_its_time[0].progress_percentage == 63.2
    assert after_its_time[1].progress_percentage == 0
    clock.advance(1_000)
    tracker.extrapolate()
    assert percentage(tracker) == 99


def test_a_step_that_reports_is_not_moved_by_its_history():
    clock = FakeClock()
    known = replace(PLAN[0], expected=Expected(5_000, 10_000, 20_000))
    tracker = ProgressTracker((known,), 0.0, clock, lambda: None)
    tracker.begin("read", 1, 1)
    tracker.report("read", 1, 0.1, None, None)
    clock.advance(100)
    tracker.extrapolate()
    assert percentage(tracker) == 10


def test_the_only_step_of_a_plan_is_active_for_the_whole_attempt():
    clock = FakeClock()
    tracker = ProgressTracker((replace(PLAN[0], weight=1.0),), 0.0, clock, lambda: None)
    tracker.start()
    assert tracker.take().steps[0].status is StepStatus.ACTIVE
    clock.advance(2)
    _, worked = tracker.complete()
    assert worked == {"read": 2_000}


def test_a_longer_plan_waits_for_its_first_step():
    tracker = make()
    tracker.start()
    assert tracker.take() is None


def test_a_step_keeps_the_time_of_its_first_start():
    clock = FakeClock()
    tracker = ProgressTracker(PLAN, 0.0, clock, lambda: None)
    tracker.begin("read", 1, 1)
    first = tracker.take().steps[0].started_at
    assert first == "2026-05-04T12:00:00Z"
    tracker.end("read", 1)
    clock.advance(60)
    tracker.begin("read", 2, 1)
    assert tracker.take().steps[0].started_at == first
