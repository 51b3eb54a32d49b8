"""Contract: one store serves several threads and event loops at once, and closes cleanly."""

# ruff: noqa: S101 - a contract suite consists of assertions

import asyncio
from collections import Counter
from threading import Barrier

from outlast.domain.status import Status
from outlast.ports.store import Store
from outlast.testing.acts import (
    HIGH_LIMITS,
    claim_next,
    claim_of,
    completed,
    new_session,
    register_worker,
    start,
    update,
)
from outlast.testing.contract.fixtures import StoreFixtures

SECONDS_TO_WAIT = 20.0


class ConcurrentUseContract(StoreFixtures):
    """Threads, loops, `check`, `close`."""

    async def test_two_loops_in_two_threads_share_the_work_without_doing_any_twice(self, store: Store) -> None:
        started = [(await start(store)).id for _ in range(16)]
        barrier = Barrier(2)

        async def drain(worker_id: str) -> list[str]:
            register_worker(store, worker_id)
            barrier.wait(SECONDS_TO_WAIT)
            done: list[str] = []
            while sessions := await claim_next(store, worker_id, limit=2):
                assert await store.report([update(session, 50) for session in sessions]) == set()
                for session in sessions:
                    assert await store.finish(claim_of(session), completed(f'"{worker_id}"'))
                    done.append(session.id)
            return done

        halves = await asyncio.gather(
            *(asyncio.to_thread(asyncio.run, drain(f"worker-{number}")) for number in range(2))
        )
        assert Counter(session_id for half in halves for session_id in half) == Counter(started)
        assert (await store.count())[Status.COMPLETED] == len(started)

    async def test_starts_of_one_subject_from_two_loops_make_one_session(self, store: Store) -> None:
        barrier = Barrier(2)

        async def start_many() -> set[str]:
            barrier.wait(SECONDS_TO_WAIT)
            answers = await asyncio.gather(
                *(store.add(new_session(subject="the same"), HIGH_LIMITS) for _ in range(25))
            )
            return {answer.session.id for answer in answers}

        one, other = await asyncio.gather(
            asyncio.to_thread(asyncio.run, start_many()), asyncio.to_thread(asyncio.run, start_many())
        )
        assert len(one | other) == 1
        assert (await store.count())[Status.PENDING] == 1

    async def test_a_loop_that_has_ended_leaves_the_store_usable(self, store: Store) -> None:
        for _ in range(3):
            await asyncio.to_thread(asyncio.run, start(store))
        assert (await store.count())[Status.PENDING] == 3

    async def test_a_caller_that_gives_up_does_not_harm_the_store(self, store: Store) -> None:
        for _ in range(20):
            call = asyncio.create_task(start(store))
            await asyncio.sleep(0)
            call.cancel()
            await asyncio.wait({call})
        session = await start(store)
        assert await store.get(session.id, owner=None) == session

    async def test_a_healthy_store_passes_its_own_check(self, store: Store) -> None:
        await store.check()
        assert await store.count() == dict.fromkeys(Status, 0)

    async def test_closing_twice_is_closing_once(self, store: Store) -> None:
        await start(store)
        await store.close()
        await store.close()
