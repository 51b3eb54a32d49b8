"""Rate and body limits of the web layer."""

import pytest

from outlast.settings import load_settings
from outlast.web.bodies import limit_body
from outlast.web.limits import LONGEST_INTERVAL, VisitorLimits
from outlast.web.problems import Problem
from outlast.web.rates import Rates


def limits(**settings: object) -> VisitorLimits:
    return VisitorLimits(load_settings(**settings), Rates())


def chunks(*sizes: int):
    messages = [{"type": "http.request", "body": b"x" * s, "more_body": True} for s in sizes]

    async def receive():
        return messages.pop(0) if messages else {"type": "http.request", "body": b"", "more_body": False}

    return receive


async def drained(receive) -> int:
    read = 0
    while True:
        message = await receive()
        read += len(message["body"])
        if not message["more_body"]:
            return read


async def test_a_body_within_the_limit_passes_whole():
    assert await drained(limit_body({"headers": []}, chunks(4, 4, 2), 10)) == 10


async def test_a_body_beyond_the_limit_is_refused_when_it_passes_it():
    receive = limit_body({"headers": []}, chunks(6, 5, 1_000), 10)
    await receive()
    with pytest.raises(Problem) as refused:
        await receive()
    assert refused.value.status == 413


@pytest.mark.parametrize(
    ("length", "refused"), [(b"10", False), (b"11", True), (b"-1", False), (b"many", False), (b"9" * 5_000, True)]
)
def test_an_announced_length_is_judged_at_once(length: bytes, refused: bool):
    scope = {"headers": [(b"content-length", length)]}
    if refused:
        with pytest.raises(Problem):
            limit_body(scope, chunks(), 10)
    else:
        limit_body(scope, chunks(), 10)


@pytest.mark.parametrize(
    ("place", "wanted"), [(None, 2000), (1, 2000), (10, 2000), (20, 4000), (50, 10_000), (10_000, 10_000)]
)
def test_the_pace_follows_the_place_in_the_queue(place: int | None, wanted: int):
    assert limits().interval_ms(place) == wanted


def test_the_pace_has_a_slowest_unless_the_setting_is_slower():
    assert limits(polling_interval=10_000).interval_ms(100) == LONGEST_INTERVAL
    assert limits(polling_interval=30_000).interval_ms(100) == 30_000


def test_many_polls_a_second_slow_the_pace(monkeypatch: pytest.MonkeyPatch):
    now = [100.0]
    monkeypatch.setattr("outlast.web.limits.time.monotonic", lambda: now[0])
    counted = limits()
    for _ in range(60):  # ten thousand who keep to the pace they are told
        for _ in range(10_000 * 1000 // counted.interval_ms(None)):
            counted.count_poll()
        now[0] += 1
    assert counted.interval_ms(None) == pytest.approx(10_000, rel=0.02)
    now[0] += 30
    counted.count_poll()
    assert counted.interval_ms(None) < 8000
    for _ in range(10):
        now[0] += 1
        counted.count_poll()
    assert counted.interval_ms(None) == 2000


def test_streams_are_counted_per_owner_and_forgotten_when_closed():
    counted = limits(streams_per_owner=1)
    with counted.stream("anna"):
        with counted.stream("ben"), pytest.raises(Problem) as refused, counted.stream("anna"):
            pass
        assert refused.value.status == 429
    with counted.stream("anna"):
        pass
    assert not counted._streams


async def test_uploads_and_retries_are_counted_one_by_one():
    counted = limits(starts_per_minute=2)
    await counted.count_or_refuse("anna", "")
    await counted.count_or_refuse("anna", "")
    with pytest.raises(Problem) as refused:
        await counted.count_or_refuse("anna", "")
    assert (refused.value.status, "Retry-After" in refused.value.headers) == (429, True)
    await counted.count_or_refuse("ben", "")


async def test_loopback_stands_for_everybody_and_is_not_counted():
    counted = limits(starts_per_minute=1)
    for n in range(12):
        await counted.count_or_refuse(f"visitor {n}", "")
