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
    tracker.leave("read", 1)
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
    """200 documents behind a semaphore of 20: each is read, then judged, in a task of its own."""
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


def test_a_line_is_done_when_the_code_that_waited_for_its_calls_goes_on():
    tracker = make()
    for flow in (2, 3):
        tracker.begin("read", flow, flow)
    for flow in (2, 3):
        tracker.end("read", flow)
    assert line(tracker).progress_percentage < 100
    tracker.begin("judge", 4, 1)
    assert line(tracker).status is StepStatus.DONE


def test_a_first_call_that_told_its_progress_leaves_room_for_more():
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
    tracker.leave("read", 2)
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
    _, worked = tracker.completed()
    assert set(worked) == {"judge"}
