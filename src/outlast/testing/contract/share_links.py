"""Contract: a share link reads its result until the link is revoked or expires, or the result is deleted."""

# ruff: noqa: S101 - a contract suite consists of assertions

import asyncio
from datetime import timedelta

from outlast.domain.session import AnalysisSession
from outlast.ports.results import LinkCursor
from outlast.ports.store import Store
from outlast.testing.acts import OWNER, claim_of, completed, started_and_claimed
from outlast.testing.clock import FakeClock
from outlast.testing.contract.fixtures import StoreFixtures

LINK, OTHER = "l" * 26, "o" * 26


async def _done(store: Store, owner: str = OWNER, result: str = '{"grade":"A"}') -> AnalysisSession:
    session = await started_and_claimed(store, owner=owner)
    await store.finish(claim_of(session), completed(result))
    return session


async def share(store: Store, session: AnalysisSession, link: str, owner: str | None = OWNER) -> str:
    """Return the link that is valid then."""
    given = await store.share(session.id, link, owner=owner)
    assert given is not None
    return given.link


class ShareLinkContract(StoreFixtures):
    """`share`, `unshare`, `shared`, `share_links`."""

    async def test_a_result_is_read_by_its_link(self, store: Store) -> None:
        session = await _done(store)
        await _done(store)
        assert await store.shared(LINK) is None
        assert await share(store, session, LINK) == LINK
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
        given = await asyncio.gather(*(share(store, session, link) for link in links))
        assert len(set(given)) == 1
        assert [link for link in links if await store.shared(link)] == [given[0]]

    async def test_only_the_owner_makes_and_revokes_a_link(self, store: Store) -> None:
        session = await _done(store)
        assert await store.share(session.id, LINK, owner="somebody else") is None
        assert await store.shared(LINK) is None
        assert await share(store, session, LINK, owner=None) == LINK
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
        assert await share(store, session, OTHER) == OTHER
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
        assert await share(store, session, OTHER, owner="ann") == LINK

    async def test_a_link_ends_when_it_expires_and_the_next_one_differs(
        self, store: Store, clock: FakeClock
    ) -> None:
        session = await _done(store)
        until = clock.now() + timedelta(hours=1)
        given = await store.share(session.id, LINK, owner=OWNER, expires_at=until)
        assert given is not None
        assert (given.link, given.expires_at) == (LINK, until)
        clock.advance(3_599)
        shared = await store.shared(LINK)
        assert shared is not None
        assert (shared.share, shared.share_expires_at) == (LINK, until)
        assert await store.result(session.id, owner=OWNER) == shared
        clock.advance(1)
        assert await store.shared(LINK) is None
        stored = await store.result(session.id, owner=OWNER)
        assert stored is not None
        assert (stored.share, stored.share_expires_at) == (None, None)
        assert await store.share_links(OWNER, limit=9) == []
        again = await store.share(session.id, OTHER, owner=OWNER)
        assert again is not None
        assert (again.link, again.expires_at) == (OTHER, None)
        assert await store.shared(LINK) is None

    async def test_an_expiry_is_changed_only_where_one_is_given(self, store: Store, clock: FakeClock) -> None:
        session = await _done(store)
        soon, late = (clock.now() + timedelta(hours=hours) for hours in (1, 9))
        expiries = (None, soon, None, late, None)
        given = [await store.share(session.id, LINK, owner=OWNER, expires_at=at) for at in expiries]
        assert [one and one.expires_at for one in given] == [None, soon, soon, late, late]
        await store.unshare(session.id, owner=OWNER)
        new = await store.share(session.id, OTHER, owner=OWNER)
        assert new is not None
        assert new.expires_at is None

    async def test_an_expired_link_to_a_large_result_is_invalid(self, store: Store, clock: FakeClock) -> None:
        session = await _done(store, result='"' + "x" * 1_000_000 + '"')
        await store.share(session.id, LINK, owner=OWNER, expires_at=clock.now() + timedelta(seconds=9))
        assert await store.shared(LINK) is not None
        clock.advance(9)
        assert await store.shared(LINK) is None
        stored = await store.result(session.id, owner=OWNER)
        assert stored is not None
        assert stored.share is None

    async def test_an_owners_valid_links_are_listed_newest_first(self, store: Store, clock: FakeClock) -> None:
        sessions: list[AnalysisSession] = []
        for n in range(5):
            sessions.append(await _done(store))
            await share(store, sessions[-1], str(n) * 26)
            clock.advance(60)
        await _done(store)
        await share(store, await _done(store, owner="ann"), LINK, owner="ann")
        await store.unshare(sessions[1].id, owner=OWNER)
        links = await store.share_links(OWNER, limit=2)
        assert [link.link[0] for link in links] == ["4", "3"]
        assert [link.session_id for link in links] == [sessions[4].id, sessions[3].id]
        last = links[-1]
        assert (last.analysis, last.subject) == (sessions[3].analysis, sessions[3].subject)
        rest = await store.share_links(OWNER, limit=9, before=LinkCursor(last.completed_at, last.session_id))
        assert [link.link[0] for link in rest] == ["2", "0"]
        assert [link.link for link in await store.share_links("ann", limit=9)] == [LINK]
        assert await store.share_links("nobody", limit=9) == []
