"""Two machines on one PostgreSQL: what one starts, a worker of the other hears of."""

import asyncio

import pytest

from outlast import Outlast
from outlast.settings import load_settings


@pytest.fixture(params=["through postgres", "through redis", "behind a pooler"])
def settings(request, postgres_url, redis_url, tmp_path):
    return load_settings(
        database_url=postgres_url,
        redis_url=redis_url if request.param == "through redis" else None,
        pg_listen=request.param != "behind a pooler",
        data_dir=tmp_path,
        app_key="k" * 32,
        worker_sleep=60.0,  # by itself a worker looks less often than this test waits
    )


def machine(settings):
    outlast = Outlast(settings)

    @outlast.analysis("quick")
    async def quick() -> str:
        return "done"

    return outlast


@pytest.mark.slow
async def test_a_start_wakes_the_worker_of_another_machine_and_its_end_the_watcher(settings):
    site, workers = machine(settings), machine(settings)
    async with site.lifespan(), workers.lifespan(workers=1), asyncio.timeout(30):
        for n in range(3):
            started = await site.start("quick", owner=f"anna {n}")
            seen = [view.session.status.value async for view in site.watch(started.session.id)]
            assert seen[-1] == "completed"
