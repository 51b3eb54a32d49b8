"""The line of the log for each end of an attempt: its fields, its level, its words."""

import logging

import pytest

from outlast.backends.memory.store import MemoryStore
from outlast.domain.error_report import ErrorReport
from outlast.domain.outcome import Cancelled, Completed, Failed, Lost, Postponed, Released
from outlast.running.session_log import FIELDS, LEVELS, log_end, log_rescue
from outlast.testing.acts import STEPS, lapse, started_and_claimed
from outlast.testing.clock import FakeClock
from outlast.testing.states import STATES

REPORT = ErrorReport("shop.Closed", "closed at night", "Traceback")


@pytest.fixture
def store():
    return MemoryStore(FakeClock())


@pytest.fixture(autouse=True)
def _every_level(caplog):
    caplog.set_level(logging.DEBUG, "outlast")


ENDS = {
    "completed": (Completed("{}", STEPS), None, None, logging.INFO),
    "cancelled": (Cancelled(STEPS), None, None, logging.INFO),
    "released": (Released("it stops"), None, None, logging.INFO),
    "postponed": (Postponed("No.", "timeout", None, 1.0, STEPS), "timeout", None, logging.WARNING),
    "failed": (Failed("No.", "error", "0a1b", STEPS, "read", REPORT), "error", "0a1b", logging.ERROR),
    "claim_lost": (Lost(), None, None, logging.WARNING),
}


@pytest.mark.parametrize("outcome", ENDS)
async def test_each_end_has_every_field_and_the_level_of_its_outcome(store, caplog, outcome):
    end, code, reference, level = ENDS[outcome]
    session = await started_and_claimed(store)
    log_end(session, end, "w-1", 1.2345, None)
    (record,) = caplog.records
    expected = {
        "session": session.id, "analysis": "site", "attempt": 1, "outcome": outcome, "code": code,
        "duration_ms": 1234, "worker": "w-1", "reference": reference,
    }  # fmt: skip
    assert {name: getattr(record, name) for name in FIELDS} == expected
    assert record.levelno == level == LEVELS[outcome][0]
    assert session.id in record.getMessage()


async def test_a_refusal_by_the_analysis_needs_nobody(store, caplog):
    log_end(await started_and_claimed(store), Failed("No.", "permanent", None, STEPS), "w", 1.0, None)
    assert [record.levelno for record in caplog.records] == [logging.WARNING]


async def test_an_unexpected_error_has_its_words_and_its_traceback(store, caplog):
    error = ValueError("closed at night")
    log_end(await started_and_claimed(store), ENDS["failed"][0], "w", 1.0, error)
    (record,) = caplog.records
    assert "reference 0a1b: shop.Closed: closed at night" in record.getMessage()
    assert record.exc_info[1] is error


@pytest.mark.parametrize(
    ("state", "outcome", "code", "level"),
    [
        ("rescued", "crashed", None, logging.WARNING),
        ("lapsed", "lapsed", None, logging.WARNING),
        ("quarantined", "failed", "quarantined", logging.ERROR),
        ("lost", "failed", "lost", logging.ERROR),
    ],
)
async def test_an_attempt_that_its_worker_could_not_end_has_a_line_too(store, caplog, state, outcome, code, level):
    session = await STATES[state](store)
    last = (await store.last_attempts([session.id]))[session.id]
    log_rescue(session, last)
    (record,) = caplog.records
    assert (record.outcome, record.code, record.levelno) == (outcome, code, level)
    assert (record.attempt, record.worker) == (1, last.worker_id)
    assert set(FIELDS) <= set(vars(record))


async def test_a_cancelled_session_whose_worker_died_is_cancelled(store, caplog):
    session = await STATES["cancelling"](store)
    await lapse(store)
    last = (await store.last_attempts([session.id]))[session.id]
    log_rescue((await store.find_sessions(session.id, limit=1))[0], last)
    assert caplog.records[-1].outcome == "cancelled"
