"""Readiness: one check for all concurrent callers, with a timeout."""

import asyncio

import pytest

from outlast.core import readiness
from outlast.core.readiness import Readiness
from outlast.domain.errors import SchemaOutdated, StoreUnavailable


class Checked:
    """A store whose check ends when it is let go, with `error` or well."""

    def __init__(self) -> None:
        self.asked = 0
        self.error: Exception | None = None
        self.answers = asyncio.Event()

    async def check(self) -> None:
        self.asked += 1
        await self.answers.wait()
        if self.error is not None:
            raise self.error


async def test_a_store_that_says_nothing_is_trouble_and_is_asked_once(monkeypatch):
    monkeypatch.setattr(readiness, "ANSWER_WITHIN", 0.01)
    store = Checked()
    asked = Readiness(store)
    assert all("has not answered" in told for told in await asyncio.gather(*(asked.problem() for _ in range(5))))
    assert "has not answered" in (await asked.problem() or "")
    assert store.asked == 1
    store.answers.set()
    await asyncio.sleep(0)
    assert await asked.problem() is None
    asked.close()


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (StoreUnavailable("The disk of db.internal is full."), "the store cannot be written."),
        (SchemaOutdated("db.internal is at 7."), "the schema of the store is not current."),
    ],
)
async def test_a_store_error_is_logged_once_and_only_its_kind_is_public(error, told, caplog):
    store = Checked()
    store.answers.set()
    store.error = error
    asked = Readiness(store)
    assert [await asked.problem() for _ in range(2)] == [told, told]
    assert caplog.text.count(str(error)) == 1
    store.error = None
    assert await asked.problem() is None
    store.error = error
    await asked.problem()
    assert caplog.text.count(str(error)) == 2


def test_an_answer_comes_within_a_second():
    assert readiness.ANSWER_WITHIN < 1
