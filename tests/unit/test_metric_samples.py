"""Samples of the counts, and what is computed from them."""

from datetime import timedelta

import pytest

from outlast.backends.memory.store import MemoryStore
from outlast.core.metric_counts import BOUNDS, SUM
from outlast.core.metric_definitions import DURATION, QUEUE_WAIT, SECONDS, SESSIONS, STEP_DURATION
from outlast.core.metric_samples import (
    NOTHING,
    MetricSampler,
    Totals,
    merged,
    minute_of,
    quantile,
    spans,
    step_durations,
)
from outlast.ports.metrics import MetricCount
from outlast.testing.clock import FakeClock


def buckets(**counts: float) -> tuple[float, ...]:
    """A histogram by bucket: `b0=1` is one observation in the first."""
    return tuple(counts.get(f"b{n}", 0.0) for n in range(len(BOUNDS)))


def test_counts_of_all_labels_are_summed():
    counts = [
        MetricCount(SESSIONS.name, ("a", "completed"), 2),
        MetricCount(SESSIONS.name, ("b", "completed"), 3),
        MetricCount(SESSIONS.name, ("b", "failed"), 1),
        MetricCount(QUEUE_WAIT.name, ("slow", BOUNDS[0]), 4),
        MetricCount(QUEUE_WAIT.name, ("fast", BOUNDS[0]), 1),
        MetricCount(QUEUE_WAIT.name, ("fast", SUM), 99),
        MetricCount(DURATION.name, ("a", "completed", BOUNDS[-1]), 7),
    ]
    totals = Totals.of_counts(counts)
    assert totals.ended == {"completed": 5, "failed": 1, "cancelled": 0}
    assert (totals.wait, totals.run) == (buckets(b0=5), buckets(**{f"b{len(BOUNDS) - 1}": 7}))
    assert Totals.of_text(totals.as_text()) == totals


def test_counts_that_begin_anew_count_from_nothing():
    before, after = Totals({"completed": 10}, buckets(b1=5)), Totals({"completed": 3}, buckets(b1=2))
    assert after.since(before).ended["completed"] == 3
    assert after.since(before).wait == buckets(b1=2)
    assert Totals({"completed": 12}, buckets(b1=6)).since(before).wait == buckets(b1=1)


@pytest.mark.parametrize(
    ("histogram", "share", "seconds"),
    [
        (NOTHING, 0.5, None),
        (buckets(b0=10), 0.5, SECONDS[0] / 2),
        (buckets(b0=1, b4=1), 0.5, SECONDS[0]),
        (buckets(b4=4), 0.25, SECONDS[3] + (SECONDS[4] - SECONDS[3]) / 4),
        (buckets(**{f"b{len(BOUNDS) - 1}": 3}), 0.99, SECONDS[-1]),
    ],
)
def test_a_quantile_is_within_its_bucket(histogram: tuple[float, ...], share: float, seconds: float | None):
    assert quantile(histogram, share) == (None if seconds is None else pytest.approx(seconds))


def test_histograms_are_added():
    assert merged([buckets(b0=1, b1=2), buckets(b1=3)]) == buckets(b0=1, b1=5)
    assert merged([]) == NOTHING


async def test_a_process_samples_once_a_minute_and_spans_are_what_came_between():
    clock = FakeClock()
    store = MemoryStore(clock)
    sampler, other = MetricSampler(store, clock), MetricSampler(store, clock)
    for n in range(1, 6):
        await sampler.sample()
        await store.add_metrics([MetricCount(SESSIONS.name, ("a", "completed"), n)])
        await sampler.sample()
        await other.sample()
        clock.advance(60)
    assert len(await store.metric_samples(0, 1)) == 5
    counted = await spans(store, clock.now(), timedelta(hours=1), timedelta(minutes=1))
    assert [span.totals.ended["completed"] for span in counted] == [1, 2, 3, 4, 5]
    assert counted[-1].ends == clock.now()
    assert minute_of(counted[0].begins) == minute_of(clock.now()) - 5
    coarse = await spans(store, clock.now(), timedelta(hours=1), timedelta(minutes=30))
    assert sum(span.totals.ended["completed"] for span in coarse) == 15


def test_durations_are_told_by_analysis_and_step():
    counts = [
        MetricCount(STEP_DURATION.name, ("site", "read", BOUNDS[4]), 8),
        MetricCount(STEP_DURATION.name, ("site", "read", SUM), 6),
        MetricCount(STEP_DURATION.name, ("site", "judge", BOUNDS[0]), 1),
        MetricCount(SESSIONS.name, ("site", "completed"), 8),
    ]
    judge, read = step_durations(counts)
    assert (judge.step, judge.calls, read.step, read.calls, read.mean) == ("judge", 1, "read", 8, 0.75)
    assert SECONDS[3] < read.median < read.p95 <= SECONDS[4]
