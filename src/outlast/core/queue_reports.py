"""The state of each queue: what waits, what is in flight, what failed lately, and which workers take it."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from outlast.core.statistics import is_served
from outlast.domain.pauses import Pause
from outlast.ports.clock import Clock
from outlast.ports.overview import QueueDepth
from outlast.ports.store import Store

RECENT = timedelta(hours=1)
"""The time for which failures are counted."""


@dataclass(frozen=True, slots=True)
class QueueReport:
    """One queue at one moment."""

    queue: str
    waiting: int
    """Claimable now."""
    later: int
    """Not due yet."""
    oldest_wait: timedelta | None
    """For how long the oldest of those has been claimable; `None` if nothing waits."""
    in_flight: int
    failed: int
    """Failed within the last hour."""
    workers: int
    """Living workers, not paused ones, that take sessions of this queue."""
    unserved: Sequence[str]
    """The analyses that wait in this queue although no living worker takes them."""
    paused: bool
    """An operator has paused the whole queue."""
    paused_analyses: Sequence[str]
    """The analyses with sessions in this queue that an operator has paused."""


async def queue_reports(store: Store, clock: Clock, known: Collection[str] = ()) -> Sequence[QueueReport]:
    """Return a report on every queue that is `known`, in use, or taken by a living worker, ordered by name."""
    now = clock.now()
    depths, workers, pauses = await store.depths(), await store.workers(), await store.pauses()
    loads = {load.queue: load for load in await store.loads(now - RECENT)}
    queues = {*known, *loads, *(d.queue for d in depths), *(q for w in workers if w.alive for q in w.queues)}
    queues |= {pause.name for pause in pauses if pause.kind == "queue"}
    return [
        QueueReport(
            queue,
            waiting=sum(d.waiting for d in depths if d.queue == queue),
            later=sum(d.later for d in depths if d.queue == queue),
            oldest_wait=_oldest_wait([d for d in depths if d.queue == queue], now),
            in_flight=loads[queue].in_flight if queue in loads else 0,
            failed=loads[queue].failed if queue in loads else 0,
            workers=sum(w.takes_sessions and queue in w.queues for w in workers),
            unserved=[d.analysis for d in depths if d.queue == queue and d.waiting and not is_served(d, workers)],
            paused=Pause("queue", queue) in pauses,
            paused_analyses=sorted(
                {d.analysis for d in depths if d.queue == queue and Pause("analysis", d.analysis) in pauses}
            ),
        )
        for queue in sorted(queues)
    ]


def _oldest_wait(depths: Sequence[QueueDepth], now: datetime) -> timedelta | None:
    since = min((d.since for d in depths if d.since is not None), default=None)
    return None if since is None else max(timedelta(0), now - since)
