"""The state of each queue: what waits, what workers hold, what failed lately, and which workers take it."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from outlast.domain.pauses import Pause
from outlast.ports.overview import QueueDepth, QueueLoad
from outlast.ports.store import Store
from outlast.ports.workers import WorkerInfo


@dataclass(frozen=True, slots=True)
class QueueState:
    """One queue at one moment."""

    pending: int
    """Sessions whose time has come, paused and blocked ones among them."""
    blocked: int
    """How many of those wait for a limit."""
    delayed: int
    """Sessions whose time has not come."""
    processing: int
    """Sessions that workers hold."""
    failed: int
    """Sessions that failed within the time that was asked for."""
    oldest_wait: timedelta | None
    """How long ago the time of the oldest pending session came; `None` if there is none."""
    workers: int
    """Living workers that are not paused or about to end, and take sessions of this queue."""
    unserved: Sequence[str]
    """Analyses with a pending session in this queue that none of these workers takes."""
    paused: bool
    """Whether the queue is paused."""
    paused_analyses: Sequence[str]
    """Analyses with a pending session in this queue that are paused themselves."""


@dataclass(frozen=True, slots=True)
class QueueStates:
    """All queues and workers at one moment."""

    queues: Mapping[str, QueueState]
    """Every queue that is known, in use, or taken by a living worker, ordered by name."""
    workers: Sequence[WorkerInfo]
    """All registered workers, lost ones too."""


async def queue_states(
    store: Store, now: datetime, known: Collection[str] = (), *, failed_within: timedelta = timedelta(0)
) -> QueueStates:
    """Return the state of every queue; raises `StoreUnavailable`."""
    depths, pauses, workers = await store.depths(), await store.pauses(), await store.workers()
    loads = {load.queue: load for load in await store.loads(now - failed_within)}
    taken = (queue for worker in workers if worker.alive for queue in worker.queues)
    names = sorted({*known, *loads, *(depth.queue for depth in depths), *taken})
    states = {name: _state(name, now, depths, loads.get(name), pauses, workers) for name in names}
    return QueueStates(states, workers)


def is_served(depth: QueueDepth, workers: Sequence[WorkerInfo]) -> bool:
    """Return whether one of the workers takes sessions of this queue and analysis."""
    return any(w.takes_sessions and depth.queue in w.queues and depth.analysis in w.analyses for w in workers)


def longest_wait(depths: Sequence[QueueDepth], now: datetime) -> timedelta | None:
    """Return how long ago the time of the oldest pending session came; `None` without any."""
    since = min((depth.since for depth in depths if depth.since is not None), default=None)
    return None if since is None else max(timedelta(0), now - since)


def _state(
    name: str,
    now: datetime,
    all_depths: Sequence[QueueDepth],
    load: QueueLoad | None,
    pauses: Collection[Pause],
    workers: Sequence[WorkerInfo],
) -> QueueState:
    depths = [depth for depth in all_depths if depth.queue == name]
    pending = [depth for depth in depths if depth.waiting]
    return QueueState(
        pending=sum(depth.waiting for depth in depths),
        blocked=sum(depth.blocked for depth in depths),
        delayed=sum(depth.later for depth in depths),
        processing=load.in_flight if load else 0,
        failed=load.failed if load else 0,
        oldest_wait=longest_wait(depths, now),
        workers=sum(worker.takes_sessions and name in worker.queues for worker in workers),
        unserved=[depth.analysis for depth in pending if not is_served(depth, workers)],
        paused=Pause("queue", name) in pauses,
        paused_analyses=[depth.analysis for depth in pending if Pause("analysis", depth.analysis) in pauses],
    )
