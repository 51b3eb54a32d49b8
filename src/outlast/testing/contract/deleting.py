"""Contract: on request, a session is deleted with everything that belongs to it, and nothing else."""

# ruff: noqa: S101 - a contract suite consists of assertions

import io
import json
from collections.abc import Callable
from datetime import timedelta

import pytest

from outlast.domain.limits import KeyLimit, dump_limits
from outlast.domain.outcome import End
from outlast.domain.session import AnalysisSession
from outlast.domain.status import Status
from outlast.ports.deletions import DeleteAnswer, Deleted
from outlast.ports.facts import StoredFact
from outlast.ports.failures import Selection
from outlast.ports.store import Store
from outlast.testing.acts import (
    OWNER,
    claim_next,
    claim_of,
    completed,
    failed,
    read,
    register_worker,
    start,
    started_and_claimed,
)
from outlast.testing.clock import FakeClock
from outlast.testing.contract.failures import fail
from outlast.testing.contract.fixtures import StoreFixtures
from outlast.testing.states import AT_WORK, FINAL, STATES, WAITING

LINK = "l" * 26


def _naming(*uploads: str) -> str:
    return json.dumps({"files": [f"upload:{sha256}" for sha256 in uploads]})


async def _upload(store: Store, content: bytes, owner: str = OWNER) -> str:
    return (await store.put(owner, "a.csv", io.BytesIO(content))).sha256


async def _done(store: Store, **changes: str) -> AnalysisSession:
    session = await started_and_claimed(store, **changes)
    await store.finish(claim_of(session), completed())
    return session


async def _remember(store: Store, clock: FakeClock, session_id: str | None, *keys: str) -> None:
    until = clock.now() + timedelta(hours=1)
    await store.remember("seen", [StoredFact(key, "", "1") for key in keys], until=until, session_id=session_id)


class DeleteContract(StoreFixtures):
    """`delete` and `delete_all`."""

    @pytest.mark.parametrize("state", FINAL)
    async def test_an_ended_session_is_deleted(self, store: Store, state: str) -> None:
        session = await STATES[state](store)
        other = await _done(store)
        assert await store.delete(session.id, owner=session.owner) is DeleteAnswer.DELETED
        assert await store.get(session.id, owner=None) is None
        assert await store.result(session.id, owner=None) is None
        assert await store.find_missing([session.id, other.id]) == {session.id}
        assert list(await store.history(session.id)) == []
        assert await store.result(other.id, owner=OWNER) is not None
        assert await store.delete(session.id, owner=session.owner) is None

    @pytest.mark.parametrize("state", [*WAITING, *AT_WORK])
    async def test_a_session_in_flight_is_not_deleted(self, store: Store, state: str) -> None:
        session = await STATES[state](store)
        assert await store.delete(session.id, owner=session.owner) is DeleteAnswer.IN_FLIGHT
        assert await read(store, session.id) == session

    @pytest.mark.parametrize("end", [completed, failed])
    async def test_a_deleted_session_leaves_its_limit_to_others(
        self, store: Store, clock: FakeClock, end: Callable[[], End]
    ) -> None:
        register_worker(store)
        limits = dump_limits([KeyLimit("vendor", 1, None)])
        first, second = [await start(store, owner=owner, limits=limits) for owner in ("a", "b")]
        (running,) = await claim_next(store)
        waiting = second if running.id == first.id else first
        assert await claim_next(store) == []
        assert await store.delete(running.id, owner=None) is DeleteAnswer.IN_FLIGHT
        await store.finish(claim_of(running), end())
        assert await store.delete(running.id, owner=None) is DeleteAnswer.DELETED
        clock.advance(0.01)
        (claimed,) = await claim_next(store)
        assert claimed.id == waiting.id
        assert await claim_next(store) == []

    async def test_a_waiting_session_that_was_cancelled_is_forgotten_with_its_limit(
        self, store: Store, clock: FakeClock
    ) -> None:
        register_worker(store)
        limits = dump_limits([KeyLimit("vendor", 1, None)])
        for owner in ("a", "b"):
            await start(store, owner=owner, limits=limits)
        (running,) = await claim_next(store)
        assert await claim_next(store) == []  # which makes the other one wait for the key
        (waiting,) = await store.select(Selection(status=Status.PENDING))
        await store.cancel(waiting.id, owner=None)
        assert await store.delete(waiting.id, owner=None) is DeleteAnswer.DELETED
        await store.finish(claim_of(running), completed())
        assert await store.delete(running.id, owner=None) is DeleteAnswer.DELETED
        clock.advance(0.01)
        third = await start(store, owner="c", limits=limits)
        (claimed,) = await claim_next(store)
        assert claimed.id == third.id

    async def test_what_its_attempts_raised_goes_with_a_session(self, store: Store) -> None:
        session = await fail(store, reference="quoted")
        assert [found.id for found in await store.find_sessions("quoted", limit=2)] == [session.id]
        await store.delete(session.id, owner=OWNER)
        assert await store.find_sessions("quoted", limit=2) == []
        assert await store.search_sessions("closed", limit=2) == []
        assert list(await store.failure_reasons(Selection())) == []
        assert await store.last_attempts([session.id]) == {}

    async def test_only_the_owner_and_an_operator_delete(self, store: Store, clock: FakeClock) -> None:
        session = await _done(store)
        await _remember(store, clock, session.id, "a")
        assert await store.delete(session.id, owner="somebody else") is None
        assert await store.delete("a" * 26, owner=None) is None
        assert await store.result(session.id, owner=OWNER) is not None
        assert await store.recall("seen", ["a"])
        assert await store.delete(session.id, owner=None) is DeleteAnswer.DELETED

    async def test_the_share_link_goes_with_the_result(self, store: Store) -> None:
        session = await _done(store)
        await store.share(session.id, LINK, owner=OWNER)
        await store.delete(session.id, owner=OWNER)
        assert await store.shared(LINK) is None

    async def test_the_result_of_a_pruned_session_is_deleted_by_its_owner(
        self, store: Store, clock: FakeClock
    ) -> None:
        session = await _done(store)
        await _remember(store, clock, session.id, "a")
        clock.advance(1)
        long_ago = clock.now() - timedelta(days=9)
        await store.prune(
            sessions_before=clock.now(), results_before=long_ago, uploads_before=long_ago, dry_run=False
        )
        assert await store.delete(session.id, owner="somebody else") is None
        assert await store.result(session.id, owner=OWNER) is not None
        assert await store.delete(session.id, owner=OWNER) is DeleteAnswer.DELETED
        assert await store.result(session.id, owner=OWNER) is None
        assert await store.recall("seen", ["a"]) == {}

    async def test_facts_go_with_the_session_that_remembered_them_last(
        self, store: Store, clock: FakeClock
    ) -> None:
        session, other = await _done(store), await _done(store)
        await _remember(store, clock, session.id, "mine", "taken over", "by an operator")
        await _remember(store, clock, other.id, "another's", "taken over")
        await _remember(store, clock, None, "by an operator")
        await store.delete(session.id, owner=OWNER)
        left = await store.recall("seen", ["mine", "taken over", "by an operator", "another's"])
        assert left.keys() == {"taken over", "by an operator", "another's"}

    @pytest.mark.parametrize("size", [0, 5_000])
    async def test_uploads_go_with_the_last_session_that_has_them_in_its_input(
        self, store: Store, size: int
    ) -> None:
        alone, common, elsewhere = [await _upload(store, content) for content in (b"1", b"2", b"3")]
        await _upload(store, b"1", owner="somebody else")
        padding = f'"{"x" * size}",'
        session = await _done(store, input=_naming(alone, common).replace("[", "[" + padding))
        other = await _done(store, input=_naming(common, elsewhere).replace("[", "[" + padding))
        await store.delete(session.id, owner=OWNER)
        assert await store.find(OWNER, alone) is None
        assert await store.find(OWNER, common) is not None
        assert await store.find("somebody else", alone) is not None
        await store.delete(other.id, owner=None)
        assert await store.find(OWNER, common) is None
        assert await store.find(OWNER, elsewhere) is None

    async def test_everything_of_one_owner_is_deleted_but_what_is_in_flight(
        self, store: Store, clock: FakeClock
    ) -> None:
        used, unused = await _upload(store, b"used"), await _upload(store, b"unused")
        theirs = await _upload(store, b"unused", owner="somebody else")
        foreign = await _done(store, owner="somebody else")
        done = [await _done(store) for _ in range(3)]
        await _remember(store, clock, done[0].id, "mine")
        await _remember(store, clock, foreign.id, "another's")
        cancelled = await start(store)
        await store.cancel(cancelled.id, owner=OWNER)
        running = await started_and_claimed(store, input=_naming(used))
        waiting = await start(store)
        await store.take_start_key(OWNER, "key", "body", "a" * 26)
        await store.take_start_key("somebody else", "key", "body", "b" * 26)
        deleted = await store.delete_all(OWNER)
        assert deleted == Deleted(sessions=4, results=3, uploads=1, facts=1, remaining=(running.id, waiting.id))
        assert await store.find(OWNER, unused) is None
        assert await store.find(OWNER, used) is not None
        assert await store.find("somebody else", theirs) is not None
        assert await store.result(foreign.id, owner="somebody else") is not None
        assert (await store.recall("seen", ["mine", "another's"])).keys() == {"another's"}
        assert (await store.take_start_key(OWNER, "key", "other", "c" * 26)).held
        assert not (await store.take_start_key("somebody else", "key", "body", "c" * 26)).held
        await store.finish(claim_of(running), completed())
        await store.cancel(waiting.id, owner=OWNER)
        assert await store.delete_all(OWNER) == Deleted(sessions=2, results=1, uploads=1)
        assert await store.delete_all(OWNER) == Deleted()
