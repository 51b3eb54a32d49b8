"""How long a count of pending sessions is trusted, since counting may be slow."""

import pytest

from outlast.backends.postgres.pending_counts import COST_FACTOR, MAX_AGE, MAX_START_RATE, NEAR, PendingCounts
from outlast.testing.clock import FakeClock

LIMIT = 100_000


@pytest.fixture
def clock():
    return FakeClock()


@pytest.fixture
def counts(clock):
    return PendingCounts(clock)


def test_a_count_is_trusted_until_the_fastest_starts_could_reach_the_limit(counts, clock):
    assert counts.must_count(LIMIT) is None
    assert counts.record(LIMIT, 0, started=5, duration=0.0) is False
    clock.advance(LIMIT / MAX_START_RATE - 0.1)
    assert counts.must_count(LIMIT) is False
    clock.advance(0.2)
    assert counts.must_count(LIMIT) is None


def test_the_sequence_number_shows_that_capacity_remains(counts, clock):
    counts.record(LIMIT, 10_000, started=5, duration=0.0)
    clock.advance(2.1)
    assert counts.must_count_now(LIMIT, started=1_005, processing=250) is False
    assert counts.must_count(LIMIT) is False
    clock.advance(2.1)
    assert counts.must_count(LIMIT) is None


def test_starts_and_returning_sessions_use_up_the_capacity(counts, clock):
    counts.record(LIMIT, 10_000, started=5, duration=0.0)
    clock.advance(2.1)
    most = LIMIT - 10_000 - NEAR + 5
    assert counts.must_count_now(LIMIT, started=most + 1, processing=0) is None
    assert counts.must_count_now(LIMIT, started=most - 250, processing=251) is None
    assert counts.must_count_now(LIMIT, started=most - 250, processing=250) is False


def test_a_count_is_not_believed_for_long_unless_it_takes_long(counts, clock):
    counts.record(LIMIT, 0, started=5, duration=0.001)
    clock.advance(MAX_AGE)
    assert counts.must_count_now(LIMIT, started=5, processing=0) is None
    counts.record(LIMIT, 0, started=5, duration=1.0)
    clock.advance(COST_FACTOR - 1)
    assert counts.must_count_now(LIMIT, started=5, processing=0) is False
    clock.advance(1)
    assert counts.must_count_now(LIMIT, started=5, processing=0) is None


def test_near_the_limit_every_start_counts(counts, clock):
    assert counts.record(LIMIT, LIMIT - NEAR + 1, started=5, duration=0.0) is True
    assert counts.must_count(LIMIT) is True
    clock.advance(1)
    assert counts.must_count(LIMIT) is None
    assert counts.must_count_now(LIMIT, started=5, processing=0) is None
