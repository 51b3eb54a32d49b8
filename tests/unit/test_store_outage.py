"""The log of an outage of the store: one error when it begins, one count when it is over."""

import logging
import threading

import pytest

from outlast.core.store_outage import StoreOutage
from outlast.domain.errors import StoreUnavailable

AWAY = StoreUnavailable("connection refused")


@pytest.fixture
def outage(caplog):
    caplog.set_level(logging.DEBUG, "outlast")
    return StoreOutage()


def told(caplog):
    return [(record.levelname, record.getMessage()) for record in caplog.records]


def test_an_outage_is_one_error_and_then_a_count(outage, caplog):
    for _ in range(3):
        outage.failed("A claim", AWAY)
    assert told(caplog) == [
        ("ERROR", "A claim is waiting for the store, which is unavailable: connection refused")
    ]
    outage.answered("A claim")
    ((level, message),) = told(caplog)[1:]
    assert level == "WARNING"
    assert "3 call(s) had failed" in message
    outage.answered("A claim")
    assert len(caplog.records) == 2


def test_it_lasts_until_every_part_has_had_an_answer(outage, caplog):
    outage.failed("A claim", AWAY)
    outage.failed("A lease", AWAY)
    outage.answered("A claim")
    outage.failed("A claim", AWAY)
    outage.answered("A lease")
    assert len(caplog.records) == 1
    outage.answered("A claim")
    assert "3 call(s)" in told(caplog)[-1][1]
    outage.failed("A lease", AWAY)
    assert [level for level, _ in told(caplog)] == ["ERROR", "WARNING", "ERROR"]


def test_an_answer_without_an_outage_says_nothing(outage, caplog):
    outage.answered("A claim")
    assert told(caplog) == []


def test_many_threads_see_one_outage(outage, caplog):
    barrier = threading.Barrier(8)

    def call(n):
        barrier.wait()
        for _ in range(200):
            outage.failed(f"Part {n}", AWAY)

    threads = [threading.Thread(target=call, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for n in range(8):
        outage.answered(f"Part {n}")
    assert [level for level, _ in told(caplog)] == ["ERROR", "WARNING"]
    assert "1600 call(s)" in told(caplog)[-1][1]
