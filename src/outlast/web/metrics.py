"""`/metrics`: what Prometheus reads, of the whole installation and of this process."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta
from importlib.metadata import version

from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import Metric as MetricFamily
from prometheus_client.registry import Collector
from starlette.responses import Response

from outlast.core.metric_counts import BOUNDS, SUM
from outlast.core.metric_definitions import (
    BUILD,
    METRICS,
    QUEUE_OLDEST_AGE,
    QUEUE_SESSIONS,
    QUEUE_UNSERVED,
    STORE_UP,
    STREAMS,
    WORKERS,
    Metric,
    MetricKind,
)
from outlast.core.queue_states import QueueState, QueueStates
from outlast.domain.errors import StoreUnavailable
from outlast.domain.worker_control import WorkerState
from outlast.ports.metrics import MetricCount
from outlast.ports.workers import LOST
from outlast.web.request_context import RequestContext

Samples = Iterable[tuple[Sequence[str], float]]
"""Values by labels."""

NONE, SECOND = timedelta(0), timedelta(seconds=1)
STATES = (*(state.value for state in WorkerState if state is not WorkerState.STOPPED), LOST)
"""States of workers; only a supervisor can be stopped and alive."""


async def metrics(context: RequestContext) -> Response:
    """Metrics for Prometheus, as text or OpenMetrics."""
    limits, engine = context.limits, context.engine
    families = [
        _gauge(STREAMS, (([transport], count) for transport, count in limits.open_streams.items())),
        _gauge(BUILD, [([version("outlast")], 1)]),
    ]
    try:
        counts = await engine.guarded_store.metrics()
        families += [*_counted(counts), *_gauges(await engine.statistics.queues())]
        families.append(_gauge(STORE_UP, [((), 1)]))
    except StoreUnavailable:  # that must not look as if the process were down
        families.append(_gauge(STORE_UP, [((), 0)]))
    registry = CollectorRegistry()
    registry.register(_Collected(families))
    for of_process in (ProcessCollector, PlatformCollector, GCCollector):
        of_process(registry=registry)
    encode, media_type = choose_encoder(context.headers.get(b"accept", b"").decode("latin-1"))
    return Response(encode(registry), headers={"Cache-Control": "no-store"}, media_type=media_type)


class _Collected(Collector):
    """Hands over what has been read already: a registry asks its collectors synchronously."""

    def __init__(self, families: Sequence[MetricFamily]) -> None:
        self._families = families

    def collect(self) -> Iterable[MetricFamily]:
        return self._families


def _counted(counts: Sequence[MetricCount]) -> Iterator[MetricFamily]:
    """Counters and histograms, those without a value too."""
    by_metric = defaultdict[str, list[MetricCount]](list)
    for count in counts:
        by_metric[count.metric].append(count)
    for metric in METRICS:
        match metric.kind:
            case MetricKind.COUNTER:
                yield _counter(metric, by_metric[metric.name])
            case MetricKind.HISTOGRAM:
                yield _histogram(metric, by_metric[metric.name])
            case MetricKind.GAUGE:
                pass


def _counter(metric: Metric, counts: Sequence[MetricCount]) -> MetricFamily:
    family = CounterMetricFamily(metric.name, metric.description, labels=metric.labels)
    for count in counts:
        family.add_metric(count.labels, count.value)
    if not metric.labels and not counts:
        family.add_metric((), 0)
    return family


def _histogram(metric: Metric, counts: Sequence[MetricCount]) -> MetricFamily:
    """Add up the stored buckets, each of which has only the observations between it and the one below."""
    family = HistogramMetricFamily(metric.name, metric.description, labels=metric.labels)
    found = defaultdict[tuple[str, ...], dict[str, float]](dict)
    for count in counts:
        found[count.labels[:-1]][count.labels[-1]] = count.value
    for labels, values in found.items():
        total, buckets = 0.0, list[tuple[str, float]]()
        for bound in BOUNDS:
            total += values.get(bound, 0.0)
            buckets.append((bound, total))
        family.add_metric(labels, buckets, values.get(SUM, 0.0))
    return family


def _gauges(states: QueueStates) -> Iterator[MetricFamily]:
    queues = states.queues.items()
    yield _gauge(QUEUE_SESSIONS, ((labels, n) for q, state in queues for labels, n in _sessions(q, state)))
    yield _gauge(QUEUE_OLDEST_AGE, (([q], (state.oldest_wait or NONE) / SECOND) for q, state in queues))
    yield _gauge(QUEUE_UNSERVED, (([q], float(bool(state.unserved))) for q, state in queues))
    by_state: dict[str, int] = dict.fromkeys(STATES, 0)
    for worker in states.workers:
        by_state[worker.shown_state] += 1
    yield _gauge(WORKERS, (([state], n) for state, n in by_state.items()))


def _sessions(queue: str, state: QueueState) -> Samples:
    yield [queue, "pending"], state.pending
    yield [queue, "delayed"], state.delayed
    yield [queue, "processing"], state.processing


def _gauge(metric: Metric, samples: Samples) -> MetricFamily:
    family = GaugeMetricFamily(metric.name, metric.description, labels=metric.labels)
    for labels, value in samples:
        family.add_metric(labels, value)
    return family
