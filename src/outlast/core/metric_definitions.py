"""Every metric of `/metrics`: its name, its labels and what it says."""

from dataclasses import dataclass
from enum import StrEnum

SECONDS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0)
"""Upper bounds of the buckets of every histogram: an analysis may take a moment or an hour."""


class MetricKind(StrEnum):
    """The type of a metric, as Prometheus has it."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


class MetricScope(StrEnum):
    """Whom a metric describes."""

    INSTALLATION = "installation"
    """The whole installation, read from the store: every process answers the same."""
    PROCESS = "process"
    """The process that answers."""


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric. A counter's samples have the suffix `_total`, which its name includes."""

    name: str
    kind: MetricKind
    description: str
    labels: tuple[str, ...] = ()
    scope: MetricScope = MetricScope.INSTALLATION


SESSIONS = Metric(
    "analysis_sessions_total",
    MetricKind.COUNTER,
    "Sessions that ended, a shared run once; the outcome is completed, failed or cancelled",
    ("analysis", "outcome"),
)
REUSED = Metric(
    "analysis_results_reused_total",
    MetricKind.COUNTER,
    "Starts that a fresh result answered, so that nothing ran; their sessions are in no other metric",
    ("analysis",),
)
DURATION = Metric(
    "analysis_duration_seconds",
    MetricKind.HISTOGRAM,
    "Time that workers spent on a session that completed or failed, all of its attempts together",
    ("analysis", "outcome"),
)
QUEUE_WAIT = Metric(
    "analysis_queue_wait_seconds",
    MetricKind.HISTOGRAM,
    "Time from when a session could be claimed to its claim",
    ("queue",),
)
STEP_DURATION = Metric(
    "analysis_step_duration_seconds",
    MetricKind.HISTOGRAM,
    "Duration of a step that ran in a session that completed",
    ("analysis", "step"),
)
CRASHES = Metric(
    "analysis_crashes_total",
    MetricKind.COUNTER,
    "Sessions taken from workers that were seen to die; a session counts once for each death",
)
LAPSES = Metric(
    "analysis_lapses_total",
    MetricKind.COUNTER,
    "Sessions taken from workers whose lease ran out; a session counts once for each lapse",
)
QUEUE_SESSIONS = Metric(
    "analysis_queue_sessions",
    MetricKind.GAUGE,
    "Sessions in flight: pending (their time has come), delayed (it has not) or processing",
    ("queue", "status"),
)
QUEUE_OLDEST_AGE = Metric(
    "analysis_queue_oldest_age_seconds",
    MetricKind.GAUGE,
    "How long ago the time of the oldest pending session came; 0 if there is none",
    ("queue",),
)
QUEUE_UNSERVED = Metric(
    "analysis_queue_unserved",
    MetricKind.GAUGE,
    "1 if a session waits in the queue that no living worker takes; paused workers take none; else 0",
    ("queue",),
)
WORKERS = Metric(
    "analysis_workers",
    MetricKind.GAUGE,
    "Workers of the store, by state: running, paused, draining, stopping, or lost (its lease has run out)",
    ("state",),
)
STORE_UP = Metric(
    "analysis_store_up",
    MetricKind.GAUGE,
    "1 if the process could read the store for this answer, else 0: no metric of the installation is there then",
    scope=MetricScope.PROCESS,
)
STREAMS = Metric(
    "analysis_streams",
    MetricKind.GAUGE,
    "Open streams of progress in this process",
    ("transport",),
    MetricScope.PROCESS,
)
BUILD = Metric(
    "analysis_build_info",
    MetricKind.GAUGE,
    "1, with the version of Outlast that this process runs",
    ("version",),
    MetricScope.PROCESS,
)
METRICS = (
    SESSIONS,
    REUSED,
    DURATION,
    QUEUE_WAIT,
    STEP_DURATION,
    CRASHES,
    LAPSES,
    QUEUE_SESSIONS,
    QUEUE_OLDEST_AGE,
    QUEUE_UNSERVED,
    WORKERS,
    STORE_UP,
    STREAMS,
    BUILD,
)
"""All of them, in the order of the reference. Processes that answer add those of `prometheus-client`."""
