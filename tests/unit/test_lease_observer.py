"""Lapsed leases, as detected by one observer with its own monotonic clock."""

import pytest

from outlast.domain.lease_observer import (
    MAX_GAP,
    MAX_LAPSES,
    Heartbeat,
    LeaseObserver,
    lapse_line,
    lost_error,
    return_line,
)

LEASE = 15.0


def lapse_times(observer, beats, begin, end, every=1.0):
    """Check repeatedly; return the times at which some lease had lapsed."""
    moments = []
    at = begin
    while at <= end:
        if observer.check(beats(at) if callable(beats) else beats, at, at):
            moments.append(at)
        at += every
    return moments


def test_a_worker_without_heartbeat_lapses_after_one_full_lease():
    assert lapse_times(LeaseObserver(LEASE), [Heartbeat("w", "1")], 100, 116) == [115, 116]


def test_a_worker_with_heartbeats_never_lapses():
    assert lapse_times(LeaseObserver(LEASE), lambda at: [Heartbeat("w", str(at // 5))], 0, 100) == []


def test_a_lease_counts_from_the_beat_that_changed_last():
    assert (
        lapse_times(LeaseObserver(LEASE), lambda at: [Heartbeat("w", str(min(int(at) // 5, 4)))], 0, 40)[0]
        == 20 + LEASE
    )


def test_after_an_outage_no_worker_lapses_before_one_full_lease():
    observer, beats = LeaseObserver(LEASE), [Heartbeat("w", "1")]
    assert lapse_times(observer, beats, 0, 14) == []
    assert lapse_times(observer, beats, 36, 60)[0] == 36 + LEASE


def test_three_outages_of_22_seconds_lapse_no_worker_that_renews():
    observer, beat = LeaseObserver(LEASE), 0
    for outage in range(3):
        for at in range(40 * outage, 40 * outage + 18):
            beat += at % 5 == 4
            assert observer.check([Heartbeat("w", str(beat))], at, at) == []


def test_a_suspended_observer_reports_no_lapse():
    observer, beats = LeaseObserver(LEASE), [Heartbeat("w", "1")]
    observer.check(beats, 0, 0)
    assert observer.check(beats, 17, 17) == []


@pytest.mark.parametrize("gap", [MAX_GAP - 0.1, MAX_GAP + 0.1])
def test_a_check_with_a_late_response_restarts_the_observation(gap):
    observer, beats = LeaseObserver(LEASE), [Heartbeat("w", "1")]
    lapse_times(observer, beats, 0, 14)
    observer.check(beats, 14.5, 14 + gap)
    assert bool(observer.check(beats, 15 + gap, 15 + gap)) == (gap < MAX_GAP)


def test_the_time_that_an_answer_takes_shortens_no_lease():
    observer, beats = LeaseObserver(LEASE), [Heartbeat("w", "1")]
    observer.check(beats, 0, 4)
    assert lapse_times(observer, beats, 5, 25)[0] == 4 + LEASE


def test_an_observer_that_could_not_write_restarts_its_observation():
    observer, beats = LeaseObserver(LEASE), [Heartbeat("w", "1")]
    assert lapse_times(observer, beats, 0, 15) == [15]
    observer.reset()
    assert lapse_times(observer, beats, 16, 40)[0] == 16 + LEASE


def test_a_worker_of_another_boot_has_lapsed_at_once():
    observer = LeaseObserver(LEASE)
    rebooted, alive = Heartbeat("old", "9", rebooted=True), Heartbeat("w", "1")
    assert observer.check([rebooted, alive], 0, 0) == [rebooted]


def test_workers_are_observed_independently_and_forgotten_when_they_leave():
    observer = LeaseObserver(LEASE)
    for at in range(15):
        observer.check([Heartbeat("silent", "1"), Heartbeat("fine", str(at))], at, at)
    assert [b.worker_id for b in observer.check([Heartbeat("silent", "1"), Heartbeat("fine", "14")], 15, 15)] == [
        "silent"
    ]
    assert observer.check([], 16, 16) == []
    assert observer.next_lapse() == float("inf")
    assert observer.check([Heartbeat("silent", "1")], 17, 17) == []


def test_the_next_lapse_is_known_beforehand():
    observer = LeaseObserver(LEASE)
    observer.check([Heartbeat("first", "1")], 0, 0)
    observer.check([Heartbeat("first", "1"), Heartbeat("second", "1")], 3, 3)
    assert observer.next_lapse() == LEASE


def test_history_lines_and_error_of_a_lapse():
    assert lapse_line("w") == "Worker w was not heard of for the time of its lease."
    assert return_line("w") == "Worker w was not heard of for the time of its lease, and came back."
    assert lost_error(MAX_LAPSES) == (
        f"Its workers fell silent {MAX_LAPSES} times and none of them came back, so it is not tried again."
    )
