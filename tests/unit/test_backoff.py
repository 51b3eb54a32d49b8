"""Backoff: exponential, with full jitter and a maximum."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outlast.domain.backoff import FIRST_DELAY, LONGEST_DELAY, backoff
from outlast.domain.crash_policy import MAX_CRASHES, SUSPECT_CRASHES


@pytest.mark.slow
@given(st.integers(1, 10_000), st.randoms(use_true_random=False))
def test_a_wait_is_never_negative_nor_longer_than_the_longest(attempt, rng):
    assert 0 <= backoff(attempt, rng) <= LONGEST_DELAY


class _Extreme(random.Random):
    """Draws the upper end of every range."""

    def random(self):
        return 1.0


@pytest.mark.parametrize("attempt", range(1, 8))
def test_the_limit_doubles_with_each_attempt(attempt):
    assert backoff(attempt, _Extreme()) == FIRST_DELAY * 2 ** (attempt - 1)


def test_the_limit_stops_at_the_longest():
    assert backoff(50, _Extreme()) == backoff(1_000_000, _Extreme()) == LONGEST_DELAY


def test_backoff_is_uniform_over_the_whole_range():
    rng = random.Random(7)
    waits = sorted(backoff(4, rng) for _ in range(400))
    limit = FIRST_DELAY * 8
    assert waits[0] < 0.05 * limit
    assert waits[-1] > 0.95 * limit
    assert 0.4 * limit < waits[200] < 0.6 * limit


def test_a_session_is_suspected_before_it_is_quarantined():
    assert 0 < SUSPECT_CRASHES < MAX_CRASHES


def test_the_retry_limits_are_the_documented_ones():
    assert (FIRST_DELAY, LONGEST_DELAY) == (2.0, 300.0)
    assert (SUSPECT_CRASHES, MAX_CRASHES) == (2, 3)
