"""Ends that a store would refuse: the session is told of it, and its worker goes on."""

import asyncio
import re

import pytest

from outlast import Outlast, Permanent, report
from outlast.app import runtime_of
from outlast.domain.status import Status
from outlast.settings import load_settings

HALF = "half \ud800 a pair\x00"


async def hostile(kind: str) -> str:
    """Raises or reports what no database takes."""
    if kind == "raises":
        raise Permanent(HALF)
    report(0.5, message=HALF)
    return HALF if kind == "returns" else kind


@pytest.fixture(params=["sqlite", "postgres"])
def chosen(request):
    if request.param == "sqlite":
        return {}
    return {"database_url": request.getfixturevalue("postgres_url"), "app_key": "k" * 64}


@pytest.fixture
async def outlast(chosen, tmp_path):
    made = Outlast(load_settings(data_dir=tmp_path, concurrency=1, queue_max_tries=1, **chosen))
    made.analysis("hostile")(hostile)
    await runtime_of(made).open(workers=1)
    yield made
    await made.close()


async def final(outlast, kind):
    started = await outlast.start("hostile", owner="ann", kind=kind)
    async with asyncio.timeout(30):
        views = [view async for view in outlast.watch(started.session.id)]
    return views[-1].session


@pytest.mark.parametrize("kind", ["raises", "returns", "reports"])
async def test_text_that_no_database_takes_ends_its_session_and_keeps_no_place(outlast, kind):
    session = await final(outlast, kind)
    assert session.status is (Status.COMPLETED if kind == "reports" else Status.FAILED)
    if kind == "raises":
        assert session.error == "half \ufffd a pair\ufffd"
    assert (await final(outlast, "next")).status is Status.COMPLETED


async def test_an_end_that_the_store_refuses_fails_the_session_with_a_reference(outlast, monkeypatch, caplog):
    engine = await runtime_of(outlast).engine()
    finish, refused = engine.store.finish, []

    async def once(claim, end, **more):
        if not refused:
            refused.append(end)
            raise ValueError("not like this")
        return await finish(claim, end, **more)

    monkeypatch.setattr(engine.store, "finish", once)
    session = await final(outlast, "well")
    assert (session.status, session.error_code) == (Status.FAILED, "not_written")
    assert re.fullmatch("[0-9a-f]{8}", session.reference)
    assert (await final(outlast, "next")).status is Status.COMPLETED
    assert session.reference in caplog.text  # the worker logs after the store has the end
