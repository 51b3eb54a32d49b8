"""The contract suite of a notifier, which every backend must pass."""

# ruff: noqa: S101 - a contract suite consists of assertions

import asyncio
import threading
from collections.abc import Awaitable, Callable

import pytest

from outlast.ports.notifier import Notifier, Topic

SECONDS_TO_WAIT = 20.0
Hint = tuple[Topic, str]


class _RecordingListener:
    """A listener that records its hints and the threads of its calls."""

    def __init__(self) -> None:
        self.hints: asyncio.Queue[Hint] = asyncio.Queue()
        self.threads: set[int] = set()

    def __call__(self, topic: Topic, key: str) -> None:
        self.threads.add(threading.get_ident())
        self.hints.put_nowait((topic, key))

    async def wait_for(self, topic: Topic, *keys: str) -> list[Hint]:
        """Wait for a hint about each key, or about everything; return all hints until then."""
        missing, received = set(keys), list[Hint]()
        async with asyncio.timeout(SECONDS_TO_WAIT):
            while missing:
                hint = await self.hints.get()
                received.append(hint)
                if hint == (topic, ""):
                    missing.clear()
                elif hint[0] is topic:
                    missing.discard(hint[1])
        return received


class NotifierContract:
    """Inherit from it with a fixture `notifiers`: two open notifiers of one store, each as of its own process.

    Where a backend lives in one process, both may be the same object.
    """

    @pytest.fixture
    def notifiers(self) -> tuple[Notifier, Notifier]:
        raise NotImplementedError(f"{type(self).__name__} must provide a fixture `notifiers`.")

    async def test_a_hint_reaches_the_other_process_and_its_own(
        self, notifiers: tuple[Notifier, Notifier]
    ) -> None:
        listeners = [_RecordingListener(), _RecordingListener()]
        for notifier, listener in zip(notifiers, listeners, strict=True):
            await notifier.subscribe([Topic.WAITING], listener)
        for publisher in notifiers:
            publisher.publish(Topic.WAITING, ["analysis"])
            for listener in listeners:
                await listener.wait_for(Topic.WAITING, "analysis")

    @pytest.mark.parametrize("topic", Topic)
    async def test_every_topic_is_carried_with_all_its_keys(
        self, notifiers: tuple[Notifier, Notifier], topic: Topic
    ) -> None:
        publisher, subscriber = notifiers
        listener = _RecordingListener()
        await subscriber.subscribe(list(Topic), listener)
        publisher.publish(topic, ["a" * 26, "b" * 26, "ключ"])
        await listener.wait_for(topic, "a" * 26, "b" * 26, "ключ")

    async def test_only_subscribed_topics_are_received(self, notifiers: tuple[Notifier, Notifier]) -> None:
        publisher, subscriber = notifiers
        listener = _RecordingListener()
        await subscriber.subscribe([Topic.CANCEL, Topic.WAITING], listener)
        publisher.publish(Topic.CHANGED, ["unheard"])
        publisher.publish(Topic.CANCEL, ["received"])
        received = await listener.wait_for(Topic.CANCEL, "received")
        assert {topic for topic, _ in received} <= {Topic.CANCEL, Topic.WAITING}

    async def test_every_subscriber_of_a_process_hears(self, notifiers: tuple[Notifier, Notifier]) -> None:
        publisher, subscriber = notifiers
        listeners = [_RecordingListener() for _ in range(3)]
        for listener in listeners:
            await subscriber.subscribe([Topic.CHANGED], listener)
        publisher.publish(Topic.CHANGED, ["one"])
        for listener in listeners:
            await listener.wait_for(Topic.CHANGED, "one")

    async def test_a_closed_subscription_receives_no_hints(self, notifiers: tuple[Notifier, Notifier]) -> None:
        publisher, subscriber = notifiers
        closed, still_open = _RecordingListener(), _RecordingListener()
        subscription = await subscriber.subscribe([Topic.CHANGED], closed)
        await subscriber.subscribe([Topic.CHANGED], still_open)
        await subscription.close()
        await subscription.close()
        publisher.publish(Topic.CHANGED, ["late"])
        await still_open.wait_for(Topic.CHANGED, "late")
        assert closed.hints.empty()

    async def test_listeners_are_called_in_their_own_loop(self, notifiers: tuple[Notifier, Notifier]) -> None:
        publisher, subscriber = notifiers
        listener = _RecordingListener()
        await subscriber.subscribe([Topic.CHANGED], listener)
        for publish in (publisher.publish, subscriber.publish):
            await asyncio.to_thread(publish, Topic.CHANGED, ["from a thread"])
            await listener.wait_for(Topic.CHANGED, "from a thread")
        assert listener.threads == {threading.get_ident()}

    async def test_two_loops_of_one_process_receive_hints_in_their_own_threads(
        self, notifiers: tuple[Notifier, Notifier]
    ) -> None:
        publisher, subscriber = notifiers
        listening = threading.Event()
        here = _RecordingListener()
        await subscriber.subscribe([Topic.CHANGED], here)

        async def listen_elsewhere() -> tuple[set[int], int]:
            there = _RecordingListener()
            subscription = await subscriber.subscribe([Topic.CHANGED], there)
            listening.set()
            await there.wait_for(Topic.CHANGED, "both")
            await subscription.close()
            return there.threads, threading.get_ident()

        elsewhere = asyncio.create_task(asyncio.to_thread(asyncio.run, listen_elsewhere()))
        assert await asyncio.to_thread(listening.wait, SECONDS_TO_WAIT)
        publisher.publish(Topic.CHANGED, ["both"])
        threads, ident = await elsewhere
        await here.wait_for(Topic.CHANGED, "both")
        assert threads == {ident}
        assert here.threads == {threading.get_ident()}

    async def test_a_loop_that_ended_without_closing_its_subscription_harms_no_other(
        self, notifiers: tuple[Notifier, Notifier]
    ) -> None:
        publisher, subscriber = notifiers

        async def listen_and_leave() -> None:
            await subscriber.subscribe([Topic.CHANGED], _RecordingListener())

        await asyncio.to_thread(asyncio.run, listen_and_leave())
        listener = _RecordingListener()
        await subscriber.subscribe([Topic.CHANGED], listener)
        for publish in (publisher.publish, subscriber.publish):
            publish(Topic.CHANGED, ["still"])
            await listener.wait_for(Topic.CHANGED, "still")

    async def test_many_hints_arrive_key_by_key_or_as_an_empty_key(
        self, notifiers: tuple[Notifier, Notifier]
    ) -> None:
        publisher, subscriber = notifiers
        listener = _RecordingListener()
        await subscriber.subscribe([Topic.CHANGED], listener)
        keys = [f"{number:026}" for number in range(20_000)]
        publisher.publish(Topic.CHANGED, keys)
        await listener.wait_for(Topic.CHANGED, *keys)

    async def test_publishing_no_keys_does_nothing(self, notifiers: tuple[Notifier, Notifier]) -> None:
        publisher, subscriber = notifiers
        listener = _RecordingListener()
        await subscriber.subscribe([Topic.CANCEL, Topic.CHANGED], listener)
        publisher.publish(Topic.CANCEL, [])
        publisher.publish(Topic.CHANGED, ["end"])
        await listener.wait_for(Topic.CHANGED, "end")

    @pytest.mark.parametrize("which", [0, 1])
    async def test_publishing_after_the_close_does_nothing(
        self, notifiers: tuple[Notifier, Notifier], which: int
    ) -> None:
        listener = _RecordingListener()
        subscription = await notifiers[1].subscribe([Topic.CHANGED], listener)
        closing: list[Callable[[], Awaitable[None]]] = [n.close for n in notifiers]
        await closing[which]()
        await closing[which]()
        for notifier in notifiers:
            notifier.publish(Topic.CHANGED, ["too late"])
        await subscription.close()

    async def test_a_listener_may_publish(self, notifiers: tuple[Notifier, Notifier]) -> None:
        publisher, subscriber = notifiers
        listener = _RecordingListener()

        def answer(_topic: Topic, _key: str) -> None:
            subscriber.publish(Topic.WAITING, ["answer"])

        await subscriber.subscribe([Topic.CHANGED], answer)
        await publisher.subscribe([Topic.WAITING], listener)
        publisher.publish(Topic.CHANGED, ["question"])
        await listener.wait_for(Topic.WAITING, "answer")
