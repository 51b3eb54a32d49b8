"""Contract: whatever happens to sessions that share runs, each is as its run."""

# ruff: noqa: S101 - a contract suite consists of assertions

import random

import pytest

from outlast.domain.session import AnalysisSession
from outlast.domain.status import Status
from outlast.ports.failures import Selection
from outlast.ports.store import Store
from outlast.testing.acts import (
    WORKER,
    cancelled,
    claim_next,
    claim_of,
    completed,
    death_of,
    failed,
    lapse,
    postponed,
    register_worker,
    released,
    update,
)
from outlast.testing.clock import FakeClock
from outlast.testing.contract.fixtures import StoreFixtures
from outlast.testing.contract.sharing import join


class SharedHistoryContract(StoreFixtures):
    """Random histories of sessions that share runs."""

    @pytest.mark.parametrize("seed", range(5))
    async def test_whatever_happens_each_session_is_as_its_run(
        self, store: Store, clock: FakeClock, seed: int
    ) -> None:
        rng = random.Random(seed)  # noqa: S311 - histories that can be repeated
        history = History(store, rng)
        for _ in range(40):
            clock.advance(rng.choice([0.001, 1.0, 60.0]))
            await history.next_act()
            await history.check()


class History:
    """Random acts on sessions that share runs, and what holds after each."""

    def __init__(self, store: Store, rng: random.Random) -> None:
        self._store, self._rng = store, rng
        self._seen: dict[str, tuple[int, float]] = {}

    async def next_act(self) -> None:
        store, rng = self._store, self._rng
        register_worker(store)
        rows = await self._rows()
        own = [row for row in rows if not row.is_shared_run]
        held = [row for row in rows if row.is_shared_run and row.status is Status.PROCESSING]
        match rng.choice(
            ("join", "join", "claim", "claim", "report", "end", "end", "leave", "retry", "crash", "delete")
        ):
            case "join":
                await join(store, rng.choice(("ann", "bob", "cat")), subject=rng.choice(("one", "two")))
            case "claim":
                await claim_next(store)
            case "report" if held:
                run = rng.choice(held)
                await store.report([update(run, rng.uniform(0, 99))])
            case "end" if held:
                run = rng.choice(held)
                ends = (completed(), failed(), postponed(), cancelled(), postponed(delay=30), released())
                assert await store.finish(claim_of(run), rng.choice(ends))
            case "leave" if own:
                await store.cancel(rng.choice(own).id, owner=None)
            case "retry" if rows:
                await store.retry(rng.choice(rows).id, owner=None, attempts=2)
            case "crash":
                await rng.choice((lambda: lapse(store), lambda: store.rescue_worker(WORKER, death_of())))()
            case "delete" if own:
                await store.delete(rng.choice(own).id, owner=None)
            case _:
                pass

    async def check(self) -> None:
        store = self._store
        rows = {row.id: row for row in await self._rows()}
        assert await store.count() == {one: sum(r.status is one for r in rows.values()) for one in Status}
        for row in rows.values():
            version, percentage = self._seen.get(row.id, (0, 0.0))
            assert row.version >= version
            assert row.progress.percentage >= percentage
            self._seen[row.id] = (row.version, row.progress.percentage)
            assert await store.get(row.id, owner=row.owner) == row
            assert await store.changed({row.id: row.version}) == []
            if row.follows:
                run = rows[row.run_id or ""]
                assert (run.status, run.progress.steps) == (row.status, row.progress.steps)
                assert row.progress.percentage >= run.progress.percentage
            if row.is_shared_run:
                following = [one for one in rows.values() if one.follows and one.run_id == row.id]
                assert bool(following) == row.cancellable or row.cancel_requested_at is not None
                assert await store.result(row.id, owner=None) is None
            elif row.status is Status.COMPLETED:
                assert await store.result(row.id, owner=row.owner) is not None
        wanted = [
            (r.owner, r.subject) for r in rows.values() if not r.status.final and r.cancel_requested_at is None
        ]
        assert len(wanted) == len(set(wanted))
        depths = sum(depth.waiting + depth.later for depth in await store.depths())
        assert depths == sum(r.status is Status.PENDING and not r.follows for r in rows.values())

    async def _rows(self) -> list[AnalysisSession]:
        return await self._store.select(Selection(limit=1_000))
