"""Contract: on login, an anonymous visitor's sessions and results become the owner's."""

# ruff: noqa: S101 - a contract suite consists of assertions

import io

from outlast.ports.store import Store
from outlast.testing.acts import claim_of, completed, read, start, started_and_claimed
from outlast.testing.contract.fixtures import StoreFixtures


class AdoptContract(StoreFixtures):
    """`adopt`."""

    async def test_sessions_results_and_uploads_are_adopted(self, store: Store) -> None:
        waiting = await start(store, owner="nobody")
        done = await started_and_claimed(store, owner="nobody")
        await store.finish(claim_of(done), completed())
        foreign = await start(store, owner="a third")
        upload = await store.put("nobody", "a.csv", io.BytesIO(b"a,b"))
        assert await store.adopt("nobody", "ann") == 2
        for session in (waiting, done):
            assert await store.get(session.id, owner="nobody") is None
            adopted = await store.get(session.id, owner="ann")
            assert adopted is not None
            assert adopted.version > session.version
        assert await store.result(done.id, owner="nobody") is None
        assert await store.result(done.id, owner="ann") is not None
        assert await store.find("nobody", upload.sha256) is None
        assert await store.find("ann", upload.sha256) is not None
        assert [chunk async for chunk in store.chunks("ann", upload.sha256)] == [b"a,b"]
        assert await read(store, foreign.id) == foreign
        assert await store.adopt("nobody", "ann") == 0

    async def test_a_claim_stays_valid_under_the_new_owner(self, store: Store) -> None:
        session = await started_and_claimed(store, owner="nobody")
        await store.adopt("nobody", "ann")
        assert await store.finish(claim_of(session), completed())
        assert await store.result(session.id, owner="ann") is not None

    async def test_sessions_in_flight_and_uploads_that_the_new_owner_has_too_are_not_adopted(
        self, store: Store
    ) -> None:
        theirs = await start(store, owner="ann", subject="the same")
        ours = await start(store, owner="nobody", subject="the same")
        await store.put("ann", "mine.csv", io.BytesIO(b"a,b"))
        upload = await store.put("nobody", "yours.csv", io.BytesIO(b"a,b"))
        assert await store.adopt("nobody", "ann") == 0
        assert await read(store, ours.id) == ours
        assert await read(store, theirs.id) == theirs
        assert (await store.find("nobody", upload.sha256)) is not None
        found = await store.find("ann", upload.sha256)
        assert found is not None
        assert found.name == "mine.csv"

    async def test_an_ended_session_of_the_same_subject_is_adopted(self, store: Store) -> None:
        await start(store, owner="ann", subject="the same")
        ours = await start(store, owner="nobody", subject="the same")
        await store.cancel(ours.id, owner=None)
        assert await store.adopt("nobody", "ann") == 1
        assert await store.get(ours.id, owner="ann") is not None

    async def test_ended_sessions_of_the_new_owner_prevent_no_adoption(self, store: Store) -> None:
        theirs = await started_and_claimed(store, owner="ann", subject="the same")
        await store.finish(claim_of(theirs), completed())
        ours = await start(store, owner="nobody", subject="the same")
        assert await store.adopt("nobody", "ann") == 1
        assert await store.get(ours.id, owner="ann") is not None

    async def test_adopting_from_oneself_changes_nothing(self, store: Store) -> None:
        session = await start(store, owner="ann")
        assert await store.adopt("ann", "ann") == 0
        assert await read(store, session.id) == session
