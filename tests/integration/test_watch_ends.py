"""The reader of watched sessions stops when it is told, also in the turn of the loop in which it wakes."""

import asyncio

import pytest

from outlast import Outlast
from outlast.app import runtime_of
from outlast.core.watch import Watch
from outlast.settings import load_settings
from sqlite_template import with_store


@pytest.mark.parametrize("turns", range(6))
async def test_watching_stops_in_any_turn_of_the_loop(tmp_path, turns):
    outlast = Outlast(load_settings(data_dir=with_store(tmp_path)))
    outlast.analysis("nap")(_nap)
    async with outlast.lifespan():
        engine = await runtime_of(outlast).engine()
        started = await outlast.start("nap", owner="somebody")
        watch = Watch(engine.store, engine.notifier, engine.clock)
        await watch.open()
        await asyncio.sleep(0.01)
        async with watch.follow(started.session):
            for _ in range(turns):
                await asyncio.sleep(0)
            ended, _ = await asyncio.wait([asyncio.create_task(watch.close())], timeout=5)
            assert ended


async def _nap() -> None:
    await asyncio.sleep(1)
