"""What a process counts for monitoring: nothing is lost while the store is away, and labels are bounded."""

import asyncio
from collections.abc import Sequence

import pytest

from outlast.core.metric_counts import BOUNDS, MAX_LABELS, OTHER, SUM, MetricCounts
from outlast.core.metric_definitions import CRASHES, SECONDS, SESSIONS, STEP_DURATION
from outlast.domain.errors import StoreUnavailable
from outlast.ports.metrics import MetricCount


class Told:
    """Where counts are added; `away` refuses them."""

    def __init__(self) -> None:
        self.away = False
        self.held = asyncio.Event()
        self.held.set()
        self.found: dict[tuple[str, tuple[str, ...]], float] = {}

    async def add_metrics(self, counts: Sequence[MetricCount]) -> None:
        await self.held.wait()
        if self.away:
            raise StoreUnavailable("away")
        for count in counts:
            series = count.metric, count.labels
            self.found[series] = self.found.get(series, 0) + count.value

    async def metrics(self) -> Sequence[MetricCount]:
        return [MetricCount(*series, value) for series, value in self.found.items()]


async def test_each_observation_is_in_the_bucket_that_ends_at_or_above_it():
    counts, told = MetricCounts(), Told()
    for seconds in (0, SECONDS[0], SECONDS[0] + 0.001, SECONDS[-1] + 1, -5):
        counts.observe(STEP_DURATION, seconds, "site", "read")
    await counts.flush(told)
    of_step = {labels[-1]: value for (_, labels), value in told.found.items()}
    assert of_step == {
        BOUNDS[0]: 3,
        BOUNDS[1]: 1,
        "+Inf": 1,
        SUM: pytest.approx(SECONDS[0] * 2 + SECONDS[-1] + 1.001),
    }


async def test_what_the_store_did_not_take_is_added_later():
    counts, told = MetricCounts(), Told()
    counts.add(CRASHES, by=2)
    told.away = True
    with pytest.raises(StoreUnavailable):
        await counts.flush(told)
    await counts.flush_last(told)
    counts.add(CRASHES)
    told.away = False
    await counts.flush(told)
    await counts.flush(told)
    assert told.found == {(CRASHES.name, ()): 3}


async def test_a_cancelled_flush_loses_nothing():
    counts, told = MetricCounts(), Told()
    counts.add(CRASHES)
    told.held.clear()
    flushing = asyncio.create_task(counts.flush(told))
    await asyncio.sleep(0)
    flushing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await flushing
    told.held.set()
    await counts.flush(told)
    assert told.found == {(CRASHES.name, ()): 1}


async def test_endless_labels_count_together():
    counts, told = MetricCounts(), Told()
    for n in range(MAX_LABELS + 7):
        counts.add(SESSIONS, f"analysis {n}", "completed")
    await counts.flush(told)
    assert len(told.found) == MAX_LABELS + 1
    assert told.found[SESSIONS.name, (OTHER, OTHER)] == 7
