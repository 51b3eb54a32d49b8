"""Claims start at the position of earlier claims while an open transaction keeps dead rows."""

from datetime import timedelta

import pytest

from outlast.backends.postgres.claim_positions import (
    COST_FACTOR,
    HIGHEST,
    LOWEST,
    MANY_ENTRIES,
    MAX_PLACES,
    MAX_PRIORITIES,
    MIN_TIME,
    OVERLAP,
    SLOW_CLAIM,
    WIDE_EVERY,
    WIDE_OVERLAP,
    ClaimedSession,
    ClaimPositions,
    PriorityRange,
)
from outlast.testing.clock import NOON, FakeClock

PLACE = ("analysis", "site")
OTHER = ("analysis", "other")


@pytest.fixture
def clock():
    return FakeClock()


@pytest.fixture
def positions(clock):
    """Those of claims that walk over very many entries."""
    positions = ClaimPositions(clock)
    positions.record_uncounted(SLOW_CLAIM)
    positions.record_full_scan(0.1, MANY_ENTRIES)
    positions.ranges([PLACE], 0)  # the first scan is a wide one
    return positions


def found(*, priority=0, seconds=0.0, crashes=0, place=PLACE):
    return ClaimedSession(place, priority, NOON + timedelta(seconds=seconds), crashes)


def since(positions, place=PLACE):
    """Where the next claim begins in each of the priorities that are known."""
    parts = positions.ranges([place], 0)
    return {part.highest: part.since for part in parts if part.highest == part.lowest and part.since != MIN_TIME}


def test_quick_claims_scan_in_full(clock):
    positions = ClaimPositions(clock)
    positions.record_uncounted(SLOW_CLAIM / 2)
    assert positions.ranges([PLACE], 0) is None
    assert not positions.counting


def test_a_slow_claim_that_walks_over_little_is_slow_for_another_reason(clock):
    positions = ClaimPositions(clock)
    positions.record_uncounted(SLOW_CLAIM)
    assert positions.counting
    positions.record_full_scan(5.0, MANY_ENTRIES - 1)
    assert positions.ranges([PLACE], 0) is None
    assert not positions.counting


def test_full_scans_recur_in_proportion_to_their_cost(positions, clock):
    assert positions.ranges([PLACE], 0) is not None
    clock.advance(COST_FACTOR * 0.1 - 1)
    assert positions.ranges([PLACE], 0) is not None
    clock.advance(2)
    assert positions.ranges([PLACE], 0) is None


def test_claims_scan_in_full_again_once_scans_are_quick(positions):
    positions.record_found([PLACE], [found()], exhausted=True, at=NOON)
    assert since(positions)
    positions.record_full_scan(0.001, 10)
    assert positions.ranges([PLACE], 0) is None
    positions.record_full_scan(0.1, MANY_ENTRIES)
    assert since(positions) == {}


def test_an_unknown_queue_is_scanned_from_its_beginning(positions):
    assert positions.ranges([PLACE], 0) == [PriorityRange(PLACE, HIGHEST, LOWEST, MIN_TIME)]


def test_unknown_priorities_are_scanned_from_the_beginning(positions):
    some = [found(priority=5), found(priority=4), found(priority=-3)]
    positions.record_found([PLACE], some, exhausted=False, at=NOON)
    assert positions.ranges([PLACE], 0) == [
        PriorityRange(PLACE, HIGHEST, 6, MIN_TIME),
        PriorityRange(PLACE, 5, 5, NOON - OVERLAP),
        PriorityRange(PLACE, 4, 4, NOON - OVERLAP),
        PriorityRange(PLACE, 3, -2, MIN_TIME),
        PriorityRange(PLACE, -3, -3, NOON - OVERLAP),
        PriorityRange(PLACE, -4, LOWEST, MIN_TIME),
    ]


def test_the_first_and_the_last_priority_leave_nothing_beyond_them(positions):
    positions.record_found([PLACE], [found(priority=HIGHEST), found(priority=LOWEST)], exhausted=False, at=NOON)
    assert [(part.highest, part.lowest) for part in positions.ranges([PLACE], 0)] == [
        (HIGHEST, HIGHEST),
        (HIGHEST - 1, LOWEST + 1),
        (LOWEST, LOWEST),
    ]


def test_a_claim_that_was_filled_leaves_off_at_its_last_session(positions):
    some = [found(seconds=-60), found(seconds=-30)]
    positions.record_found([PLACE], some, exhausted=False, at=NOON)
    assert since(positions) == {0: NOON + timedelta(seconds=-30) - OVERLAP}


def test_an_exhausting_claim_advances_the_position_to_the_claim_before(positions):
    positions.record_found([PLACE, OTHER], [found(priority=3, seconds=-60)], exhausted=True, at=NOON)
    assert since(positions) == {3: NOON - timedelta(seconds=60) - OVERLAP}
    positions.record_found([PLACE, OTHER], [], exhausted=True, at=NOON + timedelta(seconds=60))
    assert since(positions) == {3: NOON - OVERLAP, 0: NOON - OVERLAP}
    assert since(positions, OTHER) == {0: NOON - OVERLAP}


def test_a_claim_that_took_all_goes_back_for_nothing(positions):
    positions.record_found([PLACE], [], exhausted=True, at=NOON - timedelta(hours=1))
    positions.record_found([PLACE], [found()], exhausted=False, at=NOON)
    positions.record_found([PLACE], [], exhausted=True, at=NOON)
    assert since(positions) == {0: NOON - OVERLAP}


def test_behind_a_claimed_suspect_the_position_does_not_advance(positions):
    positions.record_found([PLACE], [], exhausted=True, at=NOON)
    later = NOON + timedelta(seconds=60)
    positions.record_found([PLACE], [found(seconds=-60, crashes=2)], exhausted=True, at=later)
    positions.record_found([PLACE], [found(seconds=-60, crashes=2)], exhausted=True, at=later)
    assert since(positions) == {0: NOON - timedelta(seconds=60) - OVERLAP}


def test_rows_skipped_beside_a_suspect_are_scanned_once_it_has_ended(positions):
    assert positions.ranges([PLACE], 2) is not None
    assert positions.ranges([PLACE], 1) is None
    assert positions.ranges([PLACE], 0) is not None


def test_positions_follow_a_clock_that_is_set_back(positions):
    for _ in range(2):
        positions.record_found([PLACE, OTHER], [], exhausted=True, at=NOON)
    earlier = NOON - timedelta(hours=1)
    positions.record_found([PLACE], [found(seconds=-7200)], exhausted=False, at=earlier)
    assert since(positions, OTHER) == {0: earlier - OVERLAP}


def test_now_and_then_a_claim_goes_back_further_for_sessions_committed_late(positions, clock):
    positions.record_found([PLACE], [found()], exhausted=False, at=NOON)
    for _ in range(2):
        assert since(positions) == {0: NOON - OVERLAP}
        clock.advance(WIDE_EVERY)
        assert since(positions) == {0: NOON - WIDE_OVERLAP}


@pytest.mark.slow
def test_the_number_of_positions_is_bounded(positions):
    for n in range(3 * MAX_PRIORITIES):
        positions.record_found([PLACE], [found(priority=n)], exhausted=False, at=NOON)
        assert len(positions.ranges([PLACE], 0)) <= 2 * MAX_PRIORITIES + 1
    for n in range(2 * MAX_PLACES):
        for _ in range(2):
            positions.record_found([("analysis", f"site {n}")], [], exhausted=True, at=NOON)
        assert max(len(positions._reached), len(positions._exhausted_at)) <= MAX_PLACES
    assert since(positions, ("analysis", f"site {2 * MAX_PLACES - 1}"))
