"""Contract: the receivers of a webhook are due once their session has ended, and are deleted with it."""

# ruff: noqa: S101 - a contract suite consists of assertions

from dataclasses import replace

import pytest

from outlast.ports.callbacks import MOST_RECEIVERS, Callback
from outlast.ports.store import Store
from outlast.testing.acts import claim_next, claim_of, completed, failed, start, started_and_claimed
from outlast.testing.contract.fixtures import StoreFixtures
from outlast.testing.states import AT_WORK, FINAL, STATES, WAITING

URL = "https://receiver.example/hooks"


class CallbackContract(StoreFixtures):
    """`Callbacks`."""

    @pytest.mark.parametrize("state", FINAL)
    async def test_it_is_due_once_its_session_has_ended(self, store: Store, state: str) -> None:
        session = await STATES[state](store)
        callback = Callback(session.id, URL, "k-1")
        await store.add_callback(callback)
        assert list(await store.due_callbacks(10)) == [
            replace(callback, queue=session.queue, version=session.version)
        ]

    @pytest.mark.parametrize("state", [*WAITING, *AT_WORK])
    async def test_it_is_not_due_before(self, store: Store, state: str) -> None:
        session = await STATES[state](store)
        await store.add_callback(Callback(session.id, URL, "k-1"))
        assert list(await store.due_callbacks(10)) == []

    async def test_it_is_due_no_more_once_its_delivery_has_started(self, store: Store) -> None:
        session = await STATES[FINAL[0]](store)
        await store.add_callback(Callback(session.id, URL, "k-1"))
        await store.add_callback(Callback(session.id, URL + "/2", "k-2"))
        first, second = sorted(await store.due_callbacks(10), key=lambda callback: callback.url)
        await store.set_delivery(first, "d" * 26)
        assert list(await store.due_callbacks(10)) == [second]

    async def test_a_receiver_is_added_once(self, store: Store) -> None:
        session = await STATES[FINAL[0]](store)
        callback = Callback(session.id, URL, "k-1")
        assert await store.add_callback(callback)
        (due,) = await store.due_callbacks(10)
        await store.set_delivery(due, "d" * 26)
        assert await store.add_callback(replace(callback, key_id="k-2"))
        assert list(await store.due_callbacks(10)) == []

    async def test_a_session_has_so_many_receivers_and_no_more(self, store: Store) -> None:
        session = await STATES[WAITING[0]](store)
        for number in range(MOST_RECEIVERS):
            assert await store.add_callback(Callback(session.id, f"{URL}/{number}", "k-1"))
        assert not await store.add_callback(Callback(session.id, URL, "k-1"))
        assert await store.add_callback(Callback(session.id, f"{URL}/0", "k-1"))

    @pytest.mark.parametrize("at_once", [False, True])
    async def test_a_retry_makes_it_due_at_the_next_end(self, store: Store, at_once: bool) -> None:
        session = await started_and_claimed(store)
        await store.finish(claim_of(session), failed())
        await store.add_callback(Callback(session.id, URL, "k-1"))
        (due,) = await store.due_callbacks(10)
        await store.set_delivery(due, "d" * 26)
        if at_once:
            await store.retry_each({session.id: 1})
        else:
            await store.retry(session.id, owner=session.owner, attempts=1)
        assert list(await store.due_callbacks(10)) == []
        await store.set_delivery(due, "e" * 26)  # too late: it is of the end before
        (again,) = await claim_next(store)
        await store.finish(claim_of(again), completed())
        (due_again,) = await store.due_callbacks(10)
        assert due_again.version > due.version

    async def test_a_session_that_is_gone_has_no_receiver(self, store: Store) -> None:
        session = await STATES[FINAL[0]](store)
        callback = Callback(session.id, URL, "k-1")
        await store.add_callback(callback)
        await store.delete(session.id, owner=None)
        assert list(await store.due_callbacks(10)) == []
        assert not await store.add_callback(callback)
        await store.set_delivery(callback, "d" * 26)
        assert list(await store.due_callbacks(10)) == []

    async def test_at_most_so_many_are_read_at_once(self, store: Store) -> None:
        session = await STATES[FINAL[0]](store)
        for number in range(3):
            await store.add_callback(Callback(session.id, f"{URL}/{number}", "k-1"))
        other = await start(store, subject="another")
        await store.add_callback(Callback(other.id, URL, "k-1"))
        assert len(await store.due_callbacks(2)) == 2
