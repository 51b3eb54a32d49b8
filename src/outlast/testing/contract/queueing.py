"""Contract: turns, pauses, delays and limits: who is next, and who has to wait."""

# ruff: noqa: S101 - a contract suite consists of assertions

import random
from collections import Counter

import pytest

from outlast.domain.limits import WINDOW, KeyLimit, dump_limits, load_limits
from outlast.domain.outcome import Released
from outlast.domain.pauses import Pause
from outlast.domain.session import AnalysisSession
from outlast.ports.store import Store
from outlast.testing.acts import (
    HIGH_LIMITS,
    WORKER,
    claim_next,
    claim_of,
    completed,
    crash,
    death_of,
    failed,
    ids_of,
    lapse,
    new_session,
    postponed,
    read,
    register_worker,
    start,
)
from outlast.testing.clock import FakeClock
from outlast.testing.contract.fixtures import StoreFixtures

HOUR = 3600.0
VENDOR, TENANT = KeyLimit("vendor", 2, None), KeyLimit("tenant", 1, None)


def limited(*limits: KeyLimit) -> str | None:
    return dump_limits(limits)


async def claimed_one_by_one(store: Store, number: int, worker_id: str = WORKER) -> list[str]:
    return [session.id for _ in range(number) for session in await claim_next(store, worker_id, limit=1)]


class TurnContract(StoreFixtures):
    """`add` and `claim`: fairness between owners, priorities, and age."""

    async def test_every_owner_goes_once_before_one_goes_twice(self, store: Store, clock: FakeClock) -> None:
        flood: list[str] = []
        for _ in range(5):
            flood.append((await start(store, owner="one")).id)
            clock.advance(0.01)
        others: list[str] = []
        for n in range(3):
            others.append((await start(store, owner=f"other {n}")).id)
            clock.advance(0.01)
        register_worker(store)
        assert await store.queue_position(others[2]) == 4
        assert await store.queue_position(flood[1]) == 5
        assert await claimed_one_by_one(store, 8) == [flood[0], *others, *flood[1:]]

    async def test_an_owner_whose_sessions_no_longer_wait_is_not_behind(
        self, store: Store, clock: FakeClock
    ) -> None:
        register_worker(store)
        for _ in range(3):
            await start(store, owner="busy")
            clock.advance(1)
        assert len(await claim_next(store)) == 3
        busy = await start(store, owner="busy")
        clock.advance(1)
        other = await start(store, owner="other")
        assert await claimed_one_by_one(store, 2) == [busy.id, other.id]

    async def test_an_owner_is_behind_in_one_queue_and_priority_alone(
        self, store: Store, clock: FakeClock
    ) -> None:
        for n in range(3):
            await start(store, owner="one", subject=f"{n}")
            clock.advance(0.01)
        urgent = await start(store, owner="one", priority=1)
        elsewhere = await start(store, owner="one", queue="another")
        clock.advance(0.01)
        await start(store, owner="two", queue="another")
        register_worker(store)
        assert await store.queue_position(urgent.id) == 1
        assert await store.queue_position(elsewhere.id) == 1

    async def test_a_step_of_priority_is_worth_an_hour_of_waiting(self, store: Store, clock: FakeClock) -> None:
        old = await start(store, owner="a")
        clock.advance(HOUR - 1)
        urgent = await start(store, owner="b", priority=1)
        clock.advance(2)
        late = await start(store, owner="c", priority=1)
        lowest = await start(store, owner="d", priority=-(2**31))
        highest = await start(store, owner="e", priority=2**31 - 1)
        register_worker(store)
        expected = [highest.id, urgent.id, old.id, late.id, lowest.id]
        assert [await store.queue_position(i) for i in expected] == [1, 2, 3, 4, 5]
        assert await claimed_one_by_one(store, 5) == expected

    async def test_a_low_priority_is_served_however_many_of_a_higher_one_arrive(
        self, store: Store, clock: FakeClock
    ) -> None:
        low = await start(store, owner="low")
        register_worker(store)
        claimed: list[str] = []
        for n in range(40):
            for m in range(2):
                await start(store, owner=f"high {n} {m}", priority=3)
            clock.advance(HOUR / 4)
            claimed += await claimed_one_by_one(store, 1)
        # those that started within its first three hours go before it
        assert claimed.index(low.id) <= 2 * 3 * 4 + 1

    async def test_the_last_of_ten_thousand_waits_no_longer_than_its_turn(
        self, store: Store, clock: FakeClock
    ) -> None:
        for _ in range(3):
            await start(store, owner="flood")
            clock.advance(0.01)
        last = await start(store, owner="flood")
        clock.advance(3 * HOUR + 1)
        later = await start(store, owner="later")
        assert await store.queue_position(last.id) == 4
        assert await store.queue_position(later.id) == 5

    async def test_a_session_that_waits_again_has_the_turn_of_its_priority(
        self, store: Store, clock: FakeClock
    ) -> None:
        urgent = await start(store, owner="a", priority=1)
        register_worker(store)
        (session,) = await claim_next(store)
        await start(store, owner="b")
        clock.advance(60)
        await store.finish(claim_of(session), Released())
        assert await claimed_one_by_one(store, 1) == [urgent.id]
        await crash(store, (await start(store, owner="c", priority=2)).id)
        (session,) = await claim_next(store, limit=1)
        assert session.priority == 2
        await store.finish(claim_of(session), failed())
        await store.retry(session.id, owner=None, attempts=1)
        assert await store.queue_position(session.id) == 1


class DelayContract(StoreFixtures):
    """`add` with a delay."""

    async def test_a_delayed_session_is_claimed_when_its_time_has_come(
        self, store: Store, clock: FakeClock
    ) -> None:
        session = await start(store, delay=30.0)
        assert session == await read(store, session.id)
        assert (session.available_at - session.created_at).total_seconds() == 30
        register_worker(store)
        clock.advance(29.9)
        assert await claim_next(store) == []
        assert await store.queue_position(session.id) is None
        assert await store.offer(again_after=60, limit=10) == []
        clock.advance(0.2)
        assert [waiting.session_id for waiting in await store.offer(again_after=60, limit=10)] == [session.id]
        assert ids_of(await claim_next(store)) == {session.id}

    async def test_delayed_sessions_of_an_owner_do_not_move_its_others_back(
        self, store: Store, clock: FakeClock
    ) -> None:
        await start(store, owner="one", delay=HOUR)
        now = await start(store, owner="one")
        clock.advance(0.01)
        await start(store, owner="two")
        assert await store.queue_position(now.id) == 1


class PauseContract(StoreFixtures):
    """`pause`, `resume` and `pauses`."""

    @pytest.mark.parametrize("pause", [Pause("queue", "slow"), Pause("analysis", "site")])
    async def test_what_is_paused_is_not_claimed_until_it_is_resumed(self, store: Store, pause: Pause) -> None:
        running = await start(store, queue="slow")
        register_worker(store)
        queues, analyses = ["analysis", "slow"], ["site", "other"]
        (session,) = await claim_next(store, queues=queues, analyses=analyses)
        assert await store.pause(pause)
        assert not await store.pause(pause)
        assert list(await store.pauses()) == [pause]
        waiting = await start(store, queue="slow")
        other = await start(store, analysis="other")
        assert ids_of(await claim_next(store, queues=queues, analyses=analyses)) == {other.id}
        assert await store.claim_one(WORKER, waiting.id) is None
        assert await store.queue_position(waiting.id) == 1
        assert {depth.waiting for depth in await store.depths()} == {1}
        clock_offers = await store.offer(again_after=0.0, limit=10)
        assert [offered.session_id for offered in clock_offers] == []
        assert await store.finish(claim_of(session), completed())
        assert session.id == running.id
        assert await store.resume(pause)
        assert not await store.resume(pause)
        assert list(await store.pauses()) == []
        assert ids_of(await claim_next(store, queues=queues, analyses=analyses)) == {waiting.id}

    async def test_a_pause_of_a_queue_is_none_of_an_analysis_with_its_name(self, store: Store) -> None:
        await store.pause(Pause("queue", "site"))
        await store.pause(Pause("analysis", "analysis"))
        session = await start(store)
        register_worker(store)
        assert ids_of(await claim_next(store)) == {session.id}


class PermitContract(StoreFixtures):
    """`claim`, `claim_one` and every end, of sessions with limits."""

    async def test_no_more_run_at_once_than_a_key_allows_and_others_go_by(
        self, store: Store, clock: FakeClock
    ) -> None:
        register_worker(store)
        same: list[str] = []
        for n in range(6):
            same.append((await start(store, owner=f"{n}", limits=limited(VENDOR))).id)
            clock.advance(0.01)
        free = await start(store, owner="free")
        other = await start(store, owner="other", limits=limited(KeyLimit("another", 1, None)))
        taken = await claim_next(store)
        assert ids_of(taken) == {*same[:2], free.id, other.id}
        assert await claim_next(store) == []
        assert sum(depth.waiting for depth in await store.depths()) == 4
        held = {session.id: session for session in taken}
        await store.finish(claim_of(held[same[0]]), completed())
        assert ids_of(await claim_next(store)) == {same[2]}
        await store.finish(claim_of(held[other.id]), completed())
        assert await claim_next(store) == []

    async def test_all_keys_of_a_session_must_be_free(self, store: Store, clock: FakeClock) -> None:
        register_worker(store)
        first = await start(store, owner="a", limits=limited(VENDOR, TENANT))
        clock.advance(0.01)
        second = await start(store, owner="b", limits=limited(VENDOR, TENANT))
        clock.advance(0.01)
        third = await start(store, owner="c", limits=limited(VENDOR, KeyLimit("another tenant", 1, None)))
        taken = {session.id: session for session in await claim_next(store)}
        assert taken.keys() == {first.id, third.id}
        await store.finish(claim_of(taken[third.id]), completed())
        assert await claim_next(store) == []
        await store.finish(claim_of(taken[first.id]), completed())
        assert ids_of(await claim_next(store)) == {second.id}

    @pytest.mark.parametrize(
        "end", ["complete", "fail", "postpone", "release", "leave", "lapse", "crash", "cancel and leave"]
    )
    async def test_every_end_returns_the_permits(self, store: Store, clock: FakeClock, end: str) -> None:
        register_worker(store)
        one = KeyLimit("one", 1, None)
        first = await start(store, owner="a", limits=limited(one))
        clock.advance(0.01)
        second = await start(store, owner="b", limits=limited(one))
        (session,) = await claim_next(store)
        assert session.id == first.id
        assert await claim_next(store) == []
        match end:
            case "complete":
                await store.finish(claim_of(session), completed())
            case "fail":
                await store.finish(claim_of(session), failed())
            case "postpone":
                await store.finish(claim_of(session), postponed(9_000))
            case "release":
                await store.finish(claim_of(session), Released())
            case "leave":
                await store.release_worker(WORKER)
            case "lapse":
                await lapse(store, WORKER)
            case "crash":
                await store.rescue_worker(WORKER, death_of(WORKER))
            case _:
                await store.cancel(session.id, owner=None)
                await store.release_worker(WORKER)
        clock.advance(0.01)
        register_worker(store, "next")
        (now,) = await claim_next(store, "next")
        assert now.id in {first.id, second.id}
        assert await claim_next(store, "next") == []

    async def test_a_named_session_is_claimed_within_its_limits_too(self, store: Store, clock: FakeClock) -> None:
        register_worker(store)
        one = KeyLimit("one", 1, None)
        first, second = [await start(store, owner=owner, limits=limited(one)) for owner in ("a", "b")]
        assert len(await store.offer(again_after=0.0, limit=10)) == 2
        session = await store.claim_one(WORKER, second.id)
        assert session is not None
        assert await store.claim_one(WORKER, first.id) is None
        assert await store.offer(again_after=0.0, limit=10) == []
        await store.finish(claim_of(session), completed())
        clock.advance(0.01)
        found = await store.offer(again_after=60, limit=10) or await store.offer(again_after=60, limit=10)
        assert [waiting.session_id for waiting in found] == [first.id]
        assert await store.claim_one(WORKER, first.id) is not None

    async def test_a_postponed_session_that_is_named_early_waits_for_its_time_too(
        self, store: Store, clock: FakeClock
    ) -> None:
        register_worker(store)
        one = KeyLimit("one", 1, None)
        later = await start(store, owner="a", limits=limited(one))
        assert await store.finish(claim_of((await claim_next(store))[0]), postponed(delay=60.0))
        running = await start(store, owner="b", limits=limited(one))
        assert await claimed_one_by_one(store, 1) == [running.id]
        assert await store.claim_one(WORKER, later.id) is None
        clock.advance(1)
        assert await store.finish(claim_of(await read(store, running.id)), completed())
        clock.advance(1)
        assert await claimed_one_by_one(store, 2) == []
        clock.advance(60)
        assert await claimed_one_by_one(store, 2) == [later.id]

    async def test_a_suspect_is_claimed_within_its_limits_too(self, store: Store) -> None:
        one = KeyLimit("one", 1, None)
        suspect = await start(store, owner="a", limits=limited(one))
        await crash(store, suspect.id, times=2)
        await start(store, owner="b", limits=limited(one))
        register_worker(store)
        taken = await claim_next(store)
        assert len(taken) == 1
        register_worker(store, "another")
        assert await claim_next(store, "another") == []
        await store.finish(claim_of(taken[0]), completed())
        assert len(await claim_next(store, "another")) == 1

    async def test_a_paused_place_takes_no_permit(self, store: Store, clock: FakeClock) -> None:
        one = KeyLimit("shared", 1, None)
        await start(store, owner="a", queue="slow", limits=limited(one))
        clock.advance(0.01)
        other = await start(store, owner="b", limits=limited(one))
        await store.pause(Pause("queue", "slow"))
        register_worker(store)
        assert ids_of(await claim_next(store, queues=["analysis", "slow"])) == {other.id}

    async def test_a_rate_holds_within_any_minute(self, store: Store, clock: FakeClock) -> None:
        rate = KeyLimit("vendor", None, 30.0)
        for n in range(70):
            await store.add(new_session(owner=f"{n}", limits=limited(rate)), HIGH_LIMITS)
        register_worker(store)
        begun: list[float] = []
        for _ in range(150):
            begun += [clock.monotonic() for _ in await claim_next(store)]
            clock.advance(1)
        assert len(begun) == 70
        assert all(sum(at <= other < at + WINDOW for other in begun) <= 30 for at in begun)
        assert begun[-1] - begun[0] < 70 * 2.5
        await start(store, owner="last", limits=limited(rate))
        assert len(await claim_next(store)) == 1

    async def test_limits_hold_and_nobody_waits_in_vain_in_any_history(
        self, store: Store, clock: FakeClock
    ) -> None:
        rng = random.Random(7)  # noqa: S311 - a seed, not a secret
        keys = [KeyLimit(f"key {n}", n % 3 + 1, None) for n in range(5)]
        held: dict[str, AnalysisSession] = {}
        limits: dict[str, list[KeyLimit]] = {}
        workers = ["w1", "w2"]
        for worker in workers:
            register_worker(store, worker)
        for step in range(120):
            clock.advance(0.01)
            for _ in range(rng.randint(0, 3)):
                some = rng.sample(keys, rng.randint(0, 2))
                owner = f"{rng.randint(0, 5)}"
                added = await start(store, owner=owner, limits=limited(*some))
                limits[added.id] = load_limits(limited(*some))
            for session in rng.sample(list(held.values()), min(len(held), rng.randint(0, 3))):
                await store.finish(claim_of(session), rng.choice([completed(), failed(), Released()]))
                del held[session.id]
            if step % 40 == 39:
                dead = workers[0]
                await store.rescue_worker(dead, death_of(dead))
                register_worker(store, dead)
                held = {i: session for i, session in held.items() if session.worker_id != dead}
            clock.advance(0.01)
            taken = await claim_next(store, rng.choice(workers), limit=rng.choice([1, 3, 100]), most_crashes=1)
            held |= {session.id: session for session in taken}
            used = Counter(one.key for i in held for one in limits[i])
            assert all(used[one.key] <= one.most for one in keys if one.most is not None)
        clock.advance(1)
        for worker in workers:
            held |= {session.id: session for session in await claim_next(store, worker, most_crashes=1)}
        used = Counter(one.key for i in held for one in limits[i])
        full = {one.key for one in keys if one.most is not None and used[one.key] >= one.most}
        for session_id, of_session in limits.items():
            row = await read(store, session_id)
            if row.status == "pending" and row.crashes == 0:
                assert full & {one.key for one in of_session}
