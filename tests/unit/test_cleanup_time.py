"""A process prunes once an hour, or once a day at the time that the operator has chosen."""

import random
import time
from datetime import UTC, datetime, timedelta
from datetime import time as wall_time

import pytest

from outlast.running.cleanup_time import SPREAD, CleanupTime
from outlast.testing.clock import FakeClock

LOOK_EVERY = 600.0
"""Seconds between two questions whether it is time."""
NEW_YORK = "EST5EDT,M3.2.0,M11.1.0"
CHANGES = (datetime(2026, 3, 8, tzinfo=UTC), datetime(2026, 11, 1, tzinfo=UTC))
"""Days on which the clocks of New York change."""


@pytest.fixture
def zone(request, monkeypatch):
    monkeypatch.setenv("TZ", request.param)
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def prunes(clock, cleanup, days):
    """The local times at which it prunes in these days."""
    for _ in range(round(days * 86_400 / LOOK_EVERY)):
        if cleanup.is_due():
            cleanup.succeeded()
            yield clock.now().astimezone()
        clock.advance(LOOK_EVERY)


@pytest.mark.parametrize("zone", ["UTC0", NEW_YORK, "NPT-5:45"], indirect=True)
@pytest.mark.parametrize(
    "at", [wall_time(0), wall_time(1, 30), wall_time(2, 30), wall_time(12), wall_time(23, 59)]
)
@pytest.mark.parametrize("change", CHANGES, ids=["spring", "autumn"])
@pytest.mark.usefixtures("zone")
def test_it_prunes_once_a_day_at_that_time_of_this_machine(at, change):
    clock = FakeClock(now=change - timedelta(days=3, minutes=7))
    found = [*prunes(clock, CleanupTime(clock, random.Random(1), at), 8)]
    assert len(found) == 8
    for moment in found:
        late = moment.replace(tzinfo=None) - datetime.combine(moment.date(), at)
        usual = timedelta(0) <= late % timedelta(days=1) <= timedelta(seconds=SPREAD + LOOK_EVERY)
        assert usual or moment.date() == change.date()  # there is no 02:30 in spring


@pytest.mark.parametrize("zone", ["UTC0"], indirect=True)
@pytest.mark.usefixtures("zone")
def test_a_process_that_starts_after_that_time_waits_for_the_next_day():
    clock = FakeClock(now=datetime(2026, 1, 1, 2, 30, tzinfo=UTC))
    (first,) = prunes(clock, CleanupTime(clock, random.Random(1), wall_time(2)), 1)
    assert first.day == 2


def test_without_a_time_it_prunes_once_an_hour():
    clock = FakeClock()
    found = [*prunes(clock, CleanupTime(clock, random.Random(1), None), 1)]
    assert found[0] - clock.now() + timedelta(days=1) <= timedelta(seconds=3600)
    assert 23 <= len(found) <= 24
