"""Samples of the counts for monitoring, once a minute, from which pictures of the last days are drawn."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from outlast.core.metric_counts import BOUNDS, SUM
from outlast.core.metric_definitions import DURATION, QUEUE_WAIT, SECONDS, SESSIONS, STEP_DURATION
from outlast.ports.clock import Clock
from outlast.ports.metrics import MetricCount, Metrics, MetricSample

OUTCOMES = ("completed", "failed", "cancelled")
Buckets = tuple[float, ...]
"""The number of observations in each bucket of a histogram, in the order of `BOUNDS`."""
NOTHING: Buckets = (0.0,) * len(BOUNDS)


@dataclass(frozen=True, slots=True)
class Totals:
    """What was counted of all analyses and queues, up to a moment or within a span."""

    ended: Mapping[str, float] = field(default_factory=dict[str, float])
    """Sessions by outcome."""
    wait: Buckets = NOTHING
    """Waits from when a session could be claimed to its claim."""
    run: Buckets = NOTHING
    """Times that workers spent on sessions that completed or failed."""

    def since(self, earlier: "Totals") -> "Totals":
        """Return what was counted after `earlier`. Counts that became smaller have begun anew."""
        before = earlier if self._is_after(earlier) else Totals()
        return Totals(
            {outcome: self.ended.get(outcome, 0) - before.ended.get(outcome, 0) for outcome in OUTCOMES},
            tuple(now - then for now, then in zip(self.wait, before.wait, strict=True)),
            tuple(now - then for now, then in zip(self.run, before.run, strict=True)),
        )

    def _is_after(self, earlier: "Totals") -> bool:
        pairs = [(self.ended.get(outcome, 0), earlier.ended.get(outcome, 0)) for outcome in OUTCOMES]
        pairs += [*zip(self.wait, earlier.wait, strict=True), *zip(self.run, earlier.run, strict=True)]
        return all(now >= then for now, then in pairs)

    def as_text(self) -> str:
        """Return the text that the store keeps."""
        return json.dumps([self.ended, self.wait, self.run], separators=(",", ":"))

    @classmethod
    def of_text(cls, text: str) -> "Totals":
        ended, wait, run = json.loads(text)
        return cls(ended, tuple(wait), tuple(run))

    @classmethod
    def of_counts(cls, counts: Iterable[MetricCount]) -> "Totals":
        """Sum the counts of all labels."""
        ended: dict[str, float] = dict.fromkeys(OUTCOMES, 0.0)
        histograms = {QUEUE_WAIT.name: [*NOTHING], DURATION.name: [*NOTHING]}
        for count in counts:
            if count.metric == SESSIONS.name and count.labels[-1] in ended:
                ended[count.labels[-1]] += count.value
            elif count.metric in histograms and count.labels[-1] in BOUNDS:
                histograms[count.metric][BOUNDS.index(count.labels[-1])] += count.value
        return cls(ended, tuple(histograms[QUEUE_WAIT.name]), tuple(histograms[DURATION.name]))


@dataclass(frozen=True, slots=True)
class Span:
    """What was counted between two samples."""

    begins: datetime
    ends: datetime
    totals: Totals


class MetricSampler:
    """Stores a sample of the counts once a minute. The first process of an installation that does it wins."""

    def __init__(self, store: Metrics, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._sampled = -1

    async def sample(self) -> None:
        """Store a sample if the minute has none of this process. Raises `StoreUnavailable`."""
        minute = minute_of(self._clock.now())
        if minute != self._sampled:
            totals = Totals.of_counts(await self._store.metrics())
            await self._store.add_metric_sample(MetricSample(minute, totals.as_text()))
            self._sampled = minute


async def spans(store: Metrics, now: datetime, length: timedelta, every: timedelta) -> Sequence[Span]:
    """Return what was counted in the last `length`, in steps of `every`, the oldest first.

    Spans without samples at their ends are joined; the last one ends now. Raises `StoreUnavailable`.
    """
    step = every // timedelta(minutes=1)
    first = minute_of(now) - length // timedelta(minutes=1)
    samples = [
        (_time(s.minute), Totals.of_text(s.counts)) for s in await store.metric_samples(first - first % step, step)
    ]
    samples.append((now, Totals.of_counts(await store.metrics())))
    return [Span(a, b, then.since(before)) for (a, before), (b, then) in pairwise(samples) if b > a]


def merged(parts: Iterable[Buckets]) -> Buckets:
    """Return the sum of histograms."""
    return tuple(map(sum, zip(*parts, strict=True))) or NOTHING


def quantile(buckets: Buckets, share: float) -> float | None:
    """Estimate the seconds that this share of the observations did not exceed; `None` without observations.

    Within a bucket, observations are taken as evenly spread. Those beyond the last bound count as that bound.
    """
    wanted, seen, low = share * sum(buckets), 0.0, 0.0
    if not any(buckets):
        return None
    for bound, count in zip(SECONDS, buckets, strict=False):
        if count and seen + count >= wanted:
            return low + (bound - low) * max(0.0, wanted - seen) / count
        seen, low = seen + count, bound
    return SECONDS[-1]


@dataclass(frozen=True, slots=True)
class StepDurations:
    """How long one step takes, over all sessions that completed."""

    analysis: str
    step: str
    calls: int
    mean: float
    """Seconds, as the quantiles are."""
    median: float
    p95: float


def step_durations(counts: Iterable[MetricCount]) -> Sequence[StepDurations]:
    """Return the durations per step, ordered by analysis and step."""
    found: dict[tuple[str, str], dict[str, float]] = {}
    for count in counts:
        if count.metric == STEP_DURATION.name:
            analysis, step, bound = count.labels
            found.setdefault((analysis, step), {})[bound] = count.value
    result: list[StepDurations] = []
    for (analysis, step), values in sorted(found.items()):
        buckets = tuple(values.get(bound, 0.0) for bound in BOUNDS)
        calls = sum(buckets)
        median, p95 = quantile(buckets, 0.5), quantile(buckets, 0.95)
        if median is not None and p95 is not None:
            mean = values.get(SUM, 0.0) / calls
            result.append(StepDurations(analysis, step, round(calls), mean, median, p95))
    return result


def minute_of(at: datetime) -> int:
    """Return the minutes since the epoch."""
    return int(at.timestamp()) // 60


def _time(minute: int) -> datetime:
    return datetime.fromtimestamp(minute * 60, UTC)
