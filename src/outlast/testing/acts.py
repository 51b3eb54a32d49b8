"""Helpers that bring a store into the state that a test needs."""

import base64
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from outlast.domain.crash_policy import Death
from outlast.domain.outcome import Cancelled, Completed, Failed, Postponed, Released
from outlast.domain.progress import Progress, StepState
from outlast.domain.session import AnalysisSession, Claim, KeptStep, NewSession
from outlast.domain.step_calls import call_identity
from outlast.ports.store import ClaimRequest, ProgressUpdate, SessionStore, StartLimits, Store
from outlast.ports.workers import WorkerInfo, WorkerRegistry
from outlast.testing.clock import NOON

HIGH_LIMITS = StartLimits(active_per_owner=1_000, pending=10_000)
WORKER = "worker-1"
OWNER = "owner-1"
STEPS = (StepState("read", "Reading", 0.5), StepState("judge", "Judging", 0.5))


def new_session(**changes: Any) -> NewSession:
    """Return a valid start, with a unique subject unless one is given."""
    session_id = base64.b32encode(secrets.token_bytes(17))[:26].decode().lower()
    plain = NewSession(
        id=session_id,
        analysis="site",
        subject=f"subject of {session_id}",
        owner=OWNER,
        input='{"url":"https://example.org/"}',
        steps=STEPS,
        max_attempts=3,
        timeout=300.0,
    )
    return replace(plain, **changes)


async def start(store: SessionStore, **changes: Any) -> AnalysisSession:
    return (await store.add(new_session(**changes), HIGH_LIMITS)).session


def register_worker(store: WorkerRegistry, worker_id: str = WORKER, **changes: Any) -> None:
    """Register a worker with a new lease."""
    lease = store.lease()
    lease.register(replace(_worker(worker_id), **changes))
    lease.close()


def _worker(worker_id: str) -> WorkerInfo:
    return WorkerInfo(
        id=worker_id,
        host="host",
        pid=4711,
        queues=("analysis",),
        analyses=("site",),
        concurrency=8,
        started_at=NOON,
        beat_at=NOON,
    )


def return_as(store: WorkerRegistry, worker_id: str, *, previous_id: str) -> None:
    """Register a worker that has lost the lease of its former id again."""
    lease = store.lease()
    lease.register(_worker(worker_id), previous_id)
    lease.close()


async def claim_next(
    store: SessionStore,
    worker_id: str = WORKER,
    *,
    limit: int = 100,
    most_crashes: int = 0,
    queues: Sequence[str] = ("analysis",),
    analyses: Sequence[str] = ("site",),
) -> list[AnalysisSession]:
    return await store.claim(worker_id, ClaimRequest(queues, analyses, limit, most_crashes))


def ids_of(sessions: Iterable[AnalysisSession]) -> set[str]:
    return {session.id for session in sessions}


async def claim_session(store: SessionStore, session_id: str, worker_id: str = WORKER) -> AnalysisSession:
    session = await store.claim_one(worker_id, session_id)
    if session is None:
        raise AssertionError(f"Session {session_id} could not be claimed by {worker_id}.")
    return session


async def started_and_claimed(store: Store, worker_id: str = WORKER, **changes: Any) -> AnalysisSession:
    register_worker(store, worker_id)
    return await claim_session(store, (await start(store, **changes)).id, worker_id)


async def read(store: SessionStore, session_id: str) -> AnalysisSession:
    session = await store.get(session_id, owner=None)
    if session is None:
        raise AssertionError(f"Session {session_id} is not in the store.")
    return session


async def worker_ids(store: WorkerRegistry) -> set[str]:
    return {worker.id for worker in await store.workers()}


def claim_of(session: AnalysisSession) -> Claim:
    return Claim(session.id, session.claim)


async def crash(store: Store, session_id: str, times: int = 1) -> None:
    """Let new workers claim the session and crash, `times` times."""
    for _ in range(times):
        worker_id = f"victim-{secrets.token_hex(8)}"
        register_worker(store, worker_id)
        await claim_session(store, session_id, worker_id)
        await store.rescue_worker(worker_id, death_of(worker_id))


def death_of(worker_id: str = WORKER) -> Death:
    """Return what a supervisor reports about a killed worker."""
    return Death(worker_id, "was killed by SIGKILL", "host", 4711)


async def lapse(store: Store, *worker_ids: str) -> list[str]:
    """Let the leases of these workers, or of all, lapse whatever the clock says; return the rescued sessions."""
    return await store.rescue([b for b in await store.heartbeats() if not worker_ids or b.worker_id in worker_ids])


def update(session: AnalysisSession, percentage: float, message: str | None = None) -> ProgressUpdate:
    progress = Progress(percentage, current_step=1, message=message, steps=session.progress.steps)
    return ProgressUpdate(claim_of(session), progress)


def kept(step: str = "read", number: int = 1, result: str = '"page"') -> KeptStep:
    return KeptStep(call_identity(step, 1, "key", number), step, result=result, duration_ms=12)


def completed(result: str = '{"grade":"A"}', redirect_url: str | None = None) -> Completed:
    return Completed(result, STEPS, redirect_url)


def failed(error: str = "The page is gone.", reference: str | None = "ref-1") -> Failed:
    return Failed(error, "gone", reference, STEPS)


def postponed(delay: float = 0.0, error: str = "The page did not answer.") -> Postponed:
    return Postponed(error, "timeout", "ref-2", delay, STEPS)


def cancelled() -> Cancelled:
    return Cancelled(STEPS)


def released() -> Released:
    return Released()
