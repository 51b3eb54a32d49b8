"""Claims start at the position of earlier claims while an open transaction keeps dead rows."""

from datetime import timedelta

import pytest

from outlast.backends.postgres.claim_positions import (
    COST_FACTOR,
    MANY_ENTRIES,
    MARGIN,
    MAX_PLACES,
    MAX_PRIORITIES,
    MAX_TIME,
    MIN_TIME,
    OVERLAP,
    SLOW_CLAIM,
    WIDE_EVERY,
    WIDE_OVERLAP,
    ClaimedSession,
    ClaimPositions,
    TurnRange,
)
from outlast.domain.turns import TURN_STEP
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
    """A session that became available then."""
    return ClaimedSession(place, priority, NOON + timedelta(seconds=seconds) - priority * TURN_STEP, crashes)


def begins(positions, place=PLACE):
    """Where the ranges of the next claim begin, except at the very beginning."""
    return [part.begins for part in positions.ranges([place], 0) if part.begins != MIN_TIME]


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
    assert begins(positions)
    positions.record_full_scan(0.001, 10)
    assert positions.ranges([PLACE], 0) is None
    positions.record_full_scan(0.1, MANY_ENTRIES)
    assert begins(positions) == []


def test_an_unknown_queue_is_scanned_from_its_beginning(positions):
    assert positions.ranges([PLACE], 0) == [TurnRange(PLACE, MIN_TIME, MAX_TIME)]


def test_each_priority_has_a_range_for_its_new_sessions(positions):
    some = [found(priority=5), found(), found(priority=-3)]
    positions.record_found([PLACE], some, exhausted=False, at=NOON)
    first, second, third = positions.ranges([PLACE], 0)
    assert first == TurnRange(PLACE, NOON - 5 * TURN_STEP - OVERLAP, NOON + MARGIN - 5 * TURN_STEP)
    assert second == TurnRange(PLACE, NOON - OVERLAP, NOON + MARGIN)
    assert third == TurnRange(PLACE, NOON + 3 * TURN_STEP - OVERLAP, MAX_TIME)


def test_ranges_grow_with_the_time_since_the_last_claim(positions, clock):
    positions.record_found([PLACE], [found(priority=5), found()], exhausted=False, at=NOON)
    clock.advance(7)
    first, _ = positions.ranges([PLACE], 0)
    assert first.ends == NOON + timedelta(seconds=7) + MARGIN - 5 * TURN_STEP


def test_ranges_that_meet_are_one(positions, clock):
    positions.record_found([PLACE], [found(priority=1), found()], exhausted=False, at=NOON)
    positions.record_full_scan(100.0, MANY_ENTRIES)
    clock.advance(3600)
    assert positions.ranges([PLACE], 0) == [TurnRange(PLACE, NOON - TURN_STEP - WIDE_OVERLAP, MAX_TIME)]


def test_a_claim_that_was_filled_leaves_off_at_its_last_session(positions):
    some = [found(seconds=-60), found(seconds=-30)]
    positions.record_found([PLACE], some, exhausted=False, at=NOON)
    assert begins(positions) == [NOON + timedelta(seconds=-30) - OVERLAP]


def test_an_exhausting_claim_advances_the_position_to_the_claim_before(positions):
    positions.record_found([PLACE, OTHER], [found(seconds=-60)], exhausted=True, at=NOON)
    assert begins(positions) == [NOON - timedelta(seconds=60) - OVERLAP]
    positions.record_found([PLACE, OTHER], [], exhausted=True, at=NOON + timedelta(seconds=60))
    assert begins(positions) == begins(positions, OTHER) == [NOON - OVERLAP]


def test_a_claim_that_took_all_goes_back_for_nothing(positions):
    positions.record_found([PLACE], [], exhausted=True, at=NOON - timedelta(hours=1))
    positions.record_found([PLACE], [found()], exhausted=False, at=NOON)
    positions.record_found([PLACE], [], exhausted=True, at=NOON)
    assert begins(positions) == [NOON - OVERLAP]


def test_behind_a_claimed_suspect_the_position_does_not_advance(positions):
    positions.record_found([PLACE], [found(seconds=-60)], exhausted=True, at=NOON)
    later = NOON + timedelta(seconds=60)
    positions.record_found([PLACE], [found(crashes=2)], exhausted=True, at=later)
    positions.record_found([PLACE], [found(crashes=2)], exhausted=True, at=later)
    assert begins(positions) == [NOON - timedelta(seconds=60) - OVERLAP]


def test_rows_skipped_beside_a_suspect_are_scanned_once_it_has_ended(positions):
    assert positions.ranges([PLACE], 2) is not None
    assert positions.ranges([PLACE], 1) is None
    assert positions.ranges([PLACE], 0) is not None


def test_positions_follow_a_clock_that_is_set_back(positions):
    for _ in range(2):
        positions.record_found([PLACE, OTHER], [], exhausted=True, at=NOON)
    earlier = NOON - timedelta(hours=1)
    positions.record_found([PLACE, OTHER], [found(seconds=-7200)], exhausted=False, at=earlier)
    assert begins(positions, OTHER) == [earlier - OVERLAP]


def test_the_turns_of_a_flood_do_not_move_the_position_ahead_of_new_sessions(positions):
    positions.record_found([PLACE], [found(seconds=9 * 3600)], exhausted=False, at=NOON)
    assert begins(positions) == [NOON - OVERLAP]


def test_now_and_then_a_claim_goes_back_further_for_sessions_committed_late(positions, clock):
    positions.record_found([PLACE], [found()], exhausted=False, at=NOON)
    for _ in range(2):
        assert begins(positions) == [NOON - OVERLAP]
        clock.advance(WIDE_EVERY)
        assert begins(positions) == [NOON - WIDE_OVERLAP]


@pytest.mark.slow
def test_the_number_of_positions_is_bounded(positions):
    for n in range(3 * MAX_PRIORITIES):
        positions.record_found([PLACE], [found(priority=n)], exhausted=False, at=NOON)
        assert len(positions.ranges([PLACE], 0)) <= MAX_PRIORITIES + 1
    for n in range(2 * MAX_PLACES):
        for _ in range(2):
            positions.record_found([("analysis", f"site {n}")], [], exhausted=True, at=NOON)
        assert max(len(positions._reached), len(positions._exhausted_at)) <= MAX_PLACES
    assert begins(positions, ("analysis", f"site {2 * MAX_PLACES - 1}"))
