"""Whoever kills workers is quarantined, and nobody else, however many killers start beside each other."""

import asyncio
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from outlast.backends.memory.store import MemoryStore
from outlast.domain.crash_policy import SUSPECT_CRASHES, must_run_alone
from outlast.domain.session import AnalysisSession
from outlast.domain.status import Status
from outlast.testing.acts import claim_next, claim_of, completed, death_of, read, register_worker, start
from outlast.testing.clock import FakeClock

ARRIVALS = st.lists(
    st.lists(st.sampled_from(["killer", "innocent", "innocent"]), max_size=4), min_size=1, max_size=12
)
"""What starts before each turn of the worker."""


@given(arrivals=ARRIVALS, concurrency=st.integers(1, 6))
@settings(max_examples=60)
@pytest.mark.slow
def test_killers_alone_are_quarantined_after_at_most_four_deaths(
    arrivals: list[list[str]], concurrency: int
) -> None:
    asyncio.run(simulate(arrivals, concurrency))


async def simulate(arrivals: list[list[str]], concurrency: int) -> None:
    store = MemoryStore(FakeClock())
    kinds: dict[str, str] = {}
    deaths: Counter[str] = Counter()
    pending = [*arrivals, *([[]] * (5 * sum(map(len, arrivals)) + 1))]
    for turn, kinds_of_turn in enumerate(pending):
        for kind in kinds_of_turn:
            kinds[(await start(store, subject=f"{turn} {len(kinds)}")).id] = kind
        worker_id = f"worker {turn}"
        register_worker(store, worker_id)
        taken = await claim_next(store, worker_id, limit=concurrency)
        runs = await of_first_run(store, taken)
        killers = {session.id for session in runs if kinds[session.id] == "killer"}
        if not killers:
            for session in runs:
                await store.finish(claim_of(session), completed())
            runs = [session for session in taken if session not in runs]
            killers = {session.id for session in runs if kinds[session.id] == "killer"}
            if not killers:
                for session in runs:
                    await store.finish(claim_of(session), completed())
        deaths.update(killers)
        if killers:
            await store.rescue_worker(worker_id, death_of(worker_id))
    for session_id, kind in kinds.items():
        row = await read(store, session_id)
        expected = (Status.FAILED, "quarantined") if kind == "killer" else (Status.COMPLETED, None)
        assert (row.status, row.error_code) == expected, (kind, row)
    assert max(deaths.values(), default=0) <= SUSPECT_CRASHES + 2


async def of_first_run(store: MemoryStore, taken: list[AnalysisSession]) -> list[AnalysisSession]:
    """Return what a worker runs at once: not the suspect that waits until it is alone."""
    waiting = [
        session
        for session in taken
        if len(taken) > 1
        and session.crashes >= SUSPECT_CRASHES
        and must_run_alone(
            session.crashes,
            sum(record.ended == "crashed" for record in await store.history(session.id)),
        )
    ]
    return [session for session in taken if session not in waiting]
