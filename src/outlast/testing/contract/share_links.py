"""Contract: a share link reads its result until the link is revoked or the result is deleted."""

# ruff: noqa: S101 - a contract suite consists of assertions

import asyncio
from datetime import timedelta

from outlast.domain.session import AnalysisSession
from outlast.ports.store import Store
from outlast.testing.acts import OWNER, claim_of, completed, started_and_claimed
from outlast.testing.clock import FakeClock
from outlast.testing.contract.fixtures import StoreFixtures

LINK, OTHER = "l" * 26, "o" * 26


async def _done(store: Store, owner: str = OWNER, result: str = '{"grade":"A"}') -> AnalysisSession:
    session = await started_and_claimed(store, owner=owner)
    await store.finish(claim_of(session), completed(result))
    return session


class ShareLinkContract(StoreFixtures):
    """`share`, `unshare`, `shared`."""

    async def test_a_result_is_read_by_its_link(self, store: Store) -> None:
        session = await _done(store)
        await _done(store)
        assert await store.shared(LINK) is None
        assert await store.share(session.id, LINK, owner=OWNER) == LINK
        shared = await store.shared(LINK)
        assert shared is not None
        assert (shared.session_id, shared.share) == (session.id, LINK)
        assert await store.result(session.id, owner=OWNER) == shared
        assert await store.shared(OTHER) is None

    async def test_a_large_result_is_read_whole(self, store: Store) -> None:
        text = '"' + "grün " * 200_000 + '"'
        session = await _done(store, result=text)
        await store.share(session.id, LINK, owner=OWNER)
        shared = await store.shared(LINK)
        assert shared is not None
        assert shared.result == text

    async def test_a_result_keeps_its_first_link_under_any_race(self, store: Store) -> None:
        session = await _done(store)
        links = [str(n) * 26 for n in range(8)]
        given = await asyncio.gather(*(store.share(session.id, link, owner=OWNER) for link in links))
        assert len(set(given)) == 1
        assert [link for link in links if await store.shared(link)] == [given[0]]

    async def test_only_the_owner_makes_and_revokes_a_link(self, store: Store) -> None:
        session = await _done(store)
        assert await store.share(session.id, LINK, owner="somebody else") is None
        assert await store.shared(LINK) is None
        assert await store.share(session.id, LINK, owner=None) == LINK
        assert not await store.unshare(session.id, owner="somebody else")
        assert await store.shared(LINK) is not None
        assert await store.share("a" * 26, OTHER, owner=None) is None
        assert not await store.unshare("a" * 26, owner=None)

    async def test_a_revoked_link_is_invalid_and_the_next_one_differs(self, store: Store) -> None:
        session = await _done(store)
        await store.share(session.id, LINK, owner=OWNER)
        assert await store.unshare(session.id, owner=OWNER)
        assert await store.unshare(session.id, owner=OWNER)
        assert await store.shared(LINK) is None
        assert await store.share(session.id, OTHER, owner=OWNER) == OTHER
        assert await store.shared(LINK) is None
        assert await store.shared(OTHER) is not None

    async def test_there_is_no_link_before_there_is_a_result(self, store: Store) -> None:
        session = await started_and_claimed(store)
        assert await store.share(session.id, LINK, owner=OWNER) is None

    async def test_a_link_outlives_its_session_and_ends_with_its_result(
        self, store: Store, clock: FakeClock
    ) -> None:
        session = await _done(store)
        await store.share(session.id, LINK, owner=OWNER)
        clock.advance(3_600)
        long_ago, now = clock.now() - timedelta(days=9), clock.now()
        await store.prune(sessions_before=now, results_before=long_ago, uploads_before=long_ago, dry_run=False)
        assert await store.get(session.id, owner=None) is None
        assert await store.shared(LINK) is not None
        await store.prune(sessions_before=now, results_before=now, uploads_before=long_ago, dry_run=False)
        assert await store.shared(LINK) is None

    async def test_a_link_is_adopted_with_its_result(self, store: Store) -> None:
        session = await _done(store, owner="nobody")
        await store.share(session.id, LINK, owner="nobody")
        await store.adopt("nobody", "ann")
        assert not await store.unshare(session.id, owner="nobody")
        assert await store.share(session.id, OTHER, owner="ann") == LINK
