"""Every state of a session, and a function that brings a session into it."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from outlast.domain.crash_policy import MAX_CRASHES
from outlast.domain.lease_observer import MAX_LAPSES
from outlast.domain.session import AnalysisSession
from outlast.ports.store import Store
from outlast.testing.acts import (
    cancelled,
    claim_of,
    claim_session,
    completed,
    crash,
    failed,
    lapse,
    postponed,
    read,
    register_worker,
    released,
    start,
    started_and_claimed,
)

Reach = Callable[[Store], Awaitable[AnalysisSession]]


async def _queued(store: Store) -> AnalysisSession:
    return await start(store)


async def _postponed(store: Store) -> AnalysisSession:
    session = await started_and_claimed(store)
    await store.finish(claim_of(session), postponed())
    return await read(store, session.id)


async def _released(store: Store) -> AnalysisSession:
    session = await started_and_claimed(store)
    await store.finish(claim_of(session), released())
    return await read(store, session.id)


async def _rescued(store: Store) -> AnalysisSession:
    session = await start(store)
    await crash(store, session.id)
    return await read(store, session.id)


async def _lapsed(store: Store) -> AnalysisSession:
    session = await started_and_claimed(store)
    await lapse(store)
    return await read(store, session.id)


async def _lost(store: Store) -> AnalysisSession:
    session = await start(store)
    for n in range(MAX_LAPSES):
        register_worker(store, f"silent {n}")
        await claim_session(store, session.id, f"silent {n}")
        await lapse(store, f"silent {n}")
    return await read(store, session.id)


async def _running(store: Store) -> AnalysisSession:
    return await started_and_claimed(store)


async def _cancelling(store: Store) -> AnalysisSession:
    session = await started_and_claimed(store)
    await store.cancel(session.id, owner=None)
    return await read(store, session.id)


async def _completed(store: Store) -> AnalysisSession:
    session = await started_and_claimed(store)
    await store.finish(claim_of(session), completed('{"first":true}'))
    return await read(store, session.id)


async def _failed(store: Store) -> AnalysisSession:
    session = await started_and_claimed(store)
    await store.finish(claim_of(session), failed("It failed at first."))
    return await read(store, session.id)


async def _quarantined(store: Store) -> AnalysisSession:
    session = await start(store)
    await crash(store, session.id, MAX_CRASHES)
    return await read(store, session.id)


async def _cancelled_while_waiting(store: Store) -> AnalysisSession:
    session = await start(store)
    await store.cancel(session.id, owner=None)
    return await read(store, session.id)


async def _cancelled_at_work(store: Store) -> AnalysisSession:
    session = await _cancelling(store)
    await store.finish(claim_of(session), cancelled())
    return await read(store, session.id)


STATES: Final[Mapping[str, Reach]] = {
    "queued": _queued,
    "postponed": _postponed,
    "released": _released,
    "rescued": _rescued,
    "lapsed": _lapsed,
    "running": _running,
    "cancelling": _cancelling,
    "completed": _completed,
    "failed": _failed,
    "quarantined": _quarantined,
    "lost": _lost,
    "cancelled while waiting": _cancelled_while_waiting,
    "cancelled at work": _cancelled_at_work,
}
"""The states by name; every path to a status has one."""

WAITING: Final = ("queued", "postponed", "released", "rescued", "lapsed")
AT_WORK: Final = ("running", "cancelling")
FINAL: Final = ("completed", "failed", "quarantined", "lost", "cancelled while waiting", "cancelled at work")
