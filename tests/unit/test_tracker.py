"""What the lines of a plan say when the work ends in the middle."""

from outlast.core.tracker import Tracker
from outlast.domain.progress import StepState, StepStatus
from outlast.testing.clock import FakeClock

PLAN = (StepState("read", "Reading", 0.5), StepState("judge", "Judging", 0.5))


def statuses(tracker, after):
    return [state.status for state in tracker.stopped(after)]


def make():
    return Tracker(PLAN, 0.0, FakeClock(), lambda: None)


def test_the_step_at_work_has_failed():
    tracker = make()
    tracker.begin("read", 1, 1)
    assert statuses(tracker, StepStatus.FAILED) == [StepStatus.FAILED, StepStatus.PENDING]


def test_a_step_whose_calls_have_all_ended_is_done_when_the_code_after_it_fails():
    tracker = make()
    tracker.begin("read", 1, 1)
    tracker.end("read", 1)
    assert statuses(tracker, StepStatus.FAILED) == [StepStatus.DONE, StepStatus.PENDING]


def test_so_is_one_that_was_resumed():
    tracker = make()
    tracker.resume("read", 1)
    read, judge = tracker.stopped(StepStatus.PENDING)
    assert (read.status, read.resumed, read.duration_ms) == (StepStatus.DONE, True, None)
    assert judge.status is StepStatus.PENDING
