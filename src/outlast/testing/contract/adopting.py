"""Contract: on login, an anonymous visitor's sessions and results become the owner's."""

# ruff: noqa: S101 - a contract suite consists of assertions

import io

from outlast.testing.acts import WholeStore, completed, read, right, start, started_and_claimed
from outlast.testing.contract.fixtures import StoreFixtures


class AdoptContract(StoreFixtures):
    """`adopt`."""

    async def test_sessions_results_and_uploads_change_hands(self, store: WholeStore) -> None:
        waiting = await start(store, owner="nobody")
        done = await started_and_claimed(store, owner="nobody")
        await store.finish(right(done), completed())
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

    async def test_a_claim_goes_on_under_the_new_owner(self, store: WholeStore) -> None:
        session = await started_and_claimed(store, owner="nobody")
        await store.adopt("nobody", "ann")
        assert await store.finish(right(session), completed())
        assert await store.result(session.id, owner="ann") is not None

    async def test_what_the_new_owner_has_in_flight_or_uploaded_too_stays(self, store: WholeStore) -> None:
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

    async def test_an_ended_session_of_the_same_subject_changes_hands(self, store: WholeStore) -> None:
        await start(store, owner="ann", subject="the same")
        ours = await start(store, owner="nobody", subject="the same")
        await store.cancel(ours.id, owner=None)
        assert await store.adopt("nobody", "ann") == 1
        assert await store.get(ours.id, owner="ann") is not None

    async def test_what_the_new_owner_had_of_the_same_subject_and_has_ended_keeps_nothing_back(
        self, store: WholeStore
    ) -> None:
        theirs = await started_and_claimed(store, owner="ann", subject="the same")
        await store.finish(right(theirs), completed())
        ours = await start(store, owner="nobody", subject="the same")
        assert await store.adopt("nobody", "ann") == 1
        assert await store.get(ours.id, owner="ann") is not None

    async def test_who_adopts_from_oneself_changes_nothing(self, store: WholeStore) -> None:
        session = await start(store, owner="ann")
        assert await store.adopt("ann", "ann") == 0
        assert await read(store, session.id) == session
