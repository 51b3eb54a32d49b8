"""Contract: the counts for monitoring, and the trace of a start."""

# ruff: noqa: S101 - a contract suite consists of assertions

import asyncio

from outlast.ports.metrics import MetricCount
from outlast.ports.store import Store
from outlast.testing.acts import HIGH_LIMITS, claim_next, new_session, read, register_worker, start
from outlast.testing.contract.fixtures import StoreFixtures

TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


class MetricContract(StoreFixtures):
    """`add_metrics`, `metrics`; `traceparent`."""

    async def test_a_store_begins_without_counts(self, store: Store) -> None:
        assert list(await store.metrics()) == []
        await store.add_metrics([])
        assert list(await store.metrics()) == []

    async def test_additions_add_up_by_metric_and_labels(self, store: Store) -> None:
        await store.add_metrics([MetricCount("b", ("site", "failed"), 1), MetricCount("a", (), 0.5)])
        await store.add_metrics([MetricCount("b", ("site", "failed"), 2), MetricCount("b", ("site", "x"), 1)])
        assert list(await store.metrics()) == [
            MetricCount("a", (), 0.5),
            MetricCount("b", ("site", "failed"), 3),
            MetricCount("b", ("site", "x"), 1),
        ]

    async def test_labels_of_any_text_stay_apart(self, store: Store) -> None:
        labels = [('a","b', "c"), ("a", "b,c"), ("ä ' \\ %s", "\n"), ("", "")]
        await store.add_metrics([MetricCount("m", pair, n) for n, pair in enumerate(labels, start=1)])
        assert {count.labels: count.value for count in await store.metrics()} == dict(
            zip(labels, (1, 2, 3, 4), strict=True)
        )

    async def test_concurrent_additions_all_count(self, store: Store) -> None:
        series = [MetricCount("m", (str(n),), 1) for n in range(20)]
        await asyncio.gather(*(store.add_metrics(series[::step]) for step in (1, -1) * 10))
        assert [count.value for count in await store.metrics()] == [20] * 20

    async def test_a_session_keeps_the_trace_of_its_start(self, store: Store) -> None:
        traced, other = new_session(traceparent=TRACEPARENT), new_session()
        added, _ = await asyncio.gather(store.add(traced, HIGH_LIMITS), store.add(other, HIGH_LIMITS))
        assert added.session.traceparent == TRACEPARENT
        assert (await read(store, traced.id)).traceparent == TRACEPARENT
        assert (await read(store, other.id)).traceparent is None
        register_worker(store)
        claimed = {session.id: session.traceparent for session in await claim_next(store, limit=2)}
        assert claimed == {traced.id: TRACEPARENT, other.id: None}

    async def test_a_start_that_finds_a_session_leaves_its_trace(self, store: Store) -> None:
        first = await start(store, subject="one", traceparent=TRACEPARENT)
        again = await store.add(new_session(subject="one", traceparent=TRACEPARENT[::-1]), HIGH_LIMITS)
        assert again.existing
        assert (await read(store, first.id)).traceparent == TRACEPARENT
