"""The contract of a notifier: what every backend must pass."""

# ruff: noqa: S101 - a contract suite consists of assertions

import asyncio
import threading
from collections.abc import Awaitable, Callable

import pytest

from outlast.ports.notifier import Notifier, Topic

SECONDS_TO_WAIT = 20.0
Hint = tuple[Topic, str]


class _Ear:
    """A listener that keeps what it hears, and in which thread."""

    def __init__(self) -> None:
        self.hints: asyncio.Queue[Hint] = asyncio.Queue()
        self.threads: set[int] = set()

    def __call__(self, topic: Topic, key: str) -> None:
        self.threads.add(threading.get_ident())
        self.hints.put_nowait((topic, key))

    async def hear(self, topic: Topic, *keys: str) -> list[Hint]:
        """Wait for a hint about each of these (or about everything); answers all that was heard until then."""
        missing, heard = set(keys), list[Hint]()
        async with asyncio.timeout(SECONDS_TO_WAIT):
            while missing:
                hint = await self.hints.get()
                heard.append(hint)
                if hint == (topic, ""):
                    missing.clear()
                elif hint[0] is topic:
                    missing.discard(hint[1])
        return heard


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
        ears = [_Ear(), _Ear()]
        for notifier, ear in zip(notifiers, ears, strict=True):
            await notifier.subscribe([Topic.WAITING], ear)
        for speaker in notifiers:
            speaker.publish(Topic.WAITING, ["analysis"])
            for ear in ears:
                await ear.hear(Topic.WAITING, "analysis")

    @pytest.mark.parametrize("topic", Topic)
    async def test_every_topic_is_carried_with_all_its_keys(
        self, notifiers: tuple[Notifier, Notifier], topic: Topic
    ) -> None:
        speaker, hearer = notifiers
        ear = _Ear()
        await hearer.subscribe(list(Topic), ear)
        speaker.publish(topic, ["a" * 26, "b" * 26, "ключ"])
        await ear.hear(topic, "a" * 26, "b" * 26, "ключ")

    async def test_only_the_topics_asked_for_are_heard(self, notifiers: tuple[Notifier, Notifier]) -> None:
        speaker, hearer = notifiers
        ear = _Ear()
        await hearer.subscribe([Topic.CANCEL, Topic.WAITING], ear)
        speaker.publish(Topic.CHANGED, ["unheard"])
        speaker.publish(Topic.CANCEL, ["heard"])
        heard = await ear.hear(Topic.CANCEL, "heard")
        assert {topic for topic, _ in heard} <= {Topic.CANCEL, Topic.WAITING}

    async def test_every_subscriber_of_a_process_hears(self, notifiers: tuple[Notifier, Notifier]) -> None:
        speaker, hearer = notifiers
        ears = [_Ear() for _ in range(3)]
        for ear in ears:
            await hearer.subscribe([Topic.CHANGED], ear)
        speaker.publish(Topic.CHANGED, ["one"])
        for ear in ears:
            await ear.hear(Topic.CHANGED, "one")

    async def test_a_closed_subscription_hears_nothing_more(self, notifiers: tuple[Notifier, Notifier]) -> None:
        speaker, hearer = notifiers
        closed, open_ear = _Ear(), _Ear()
        subscription = await hearer.subscribe([Topic.CHANGED], closed)
        await hearer.subscribe([Topic.CHANGED], open_ear)
        await subscription.close()
        await subscription.close()
        speaker.publish(Topic.CHANGED, ["late"])
        await open_ear.hear(Topic.CHANGED, "late")
        assert closed.hints.empty()

    async def test_listeners_are_called_in_their_own_loop(self, notifiers: tuple[Notifier, Notifier]) -> None:
        speaker, hearer = notifiers
        ear = _Ear()
        await hearer.subscribe([Topic.CHANGED], ear)
        for publish in (speaker.publish, hearer.publish):
            await asyncio.to_thread(publish, Topic.CHANGED, ["from a thread"])
            await ear.hear(Topic.CHANGED, "from a thread")
        assert ear.threads == {threading.get_ident()}

    async def test_two_loops_of_one_process_hear_each_in_its_own_thread(
        self, notifiers: tuple[Notifier, Notifier]
    ) -> None:
        speaker, hearer = notifiers
        listening = threading.Event()
        here = _Ear()
        await hearer.subscribe([Topic.CHANGED], here)

        async def listen_elsewhere() -> tuple[set[int], int]:
            there = _Ear()
            subscription = await hearer.subscribe([Topic.CHANGED], there)
            listening.set()
            await there.hear(Topic.CHANGED, "both")
            await subscription.close()
            return there.threads, threading.get_ident()

        elsewhere = asyncio.create_task(asyncio.to_thread(asyncio.run, listen_elsewhere()))
        assert await asyncio.to_thread(listening.wait, SECONDS_TO_WAIT)
        speaker.publish(Topic.CHANGED, ["both"])
        threads, ident = await elsewhere
        await here.hear(Topic.CHANGED, "both")
        assert threads == {ident}
        assert here.threads == {threading.get_ident()}

    async def test_a_loop_that_ended_without_closing_its_ear_harms_nobody(
        self, notifiers: tuple[Notifier, Notifier]
    ) -> None:
        speaker, hearer = notifiers

        async def listen_and_leave() -> None:
            await hearer.subscribe([Topic.CHANGED], _Ear())

        await asyncio.to_thread(asyncio.run, listen_and_leave())
        ear = _Ear()
        await hearer.subscribe([Topic.CHANGED], ear)
        for publish in (speaker.publish, hearer.publish):
            publish(Topic.CHANGED, ["still"])
            await ear.hear(Topic.CHANGED, "still")

    async def test_a_flood_is_heard_key_by_key_or_as_look_at_everything(
        self, notifiers: tuple[Notifier, Notifier]
    ) -> None:
        speaker, hearer = notifiers
        ear = _Ear()
        await hearer.subscribe([Topic.CHANGED], ear)
        keys = [f"{number:026}" for number in range(20_000)]
        speaker.publish(Topic.CHANGED, keys)
        await ear.hear(Topic.CHANGED, *keys)

    async def test_nothing_to_say_is_fine(self, notifiers: tuple[Notifier, Notifier]) -> None:
        speaker, hearer = notifiers
        ear = _Ear()
        await hearer.subscribe([Topic.CANCEL, Topic.CHANGED], ear)
        speaker.publish(Topic.CANCEL, [])
        speaker.publish(Topic.CHANGED, ["end"])
        await ear.hear(Topic.CHANGED, "end")

    @pytest.mark.parametrize("which", [0, 1])
    async def test_who_speaks_after_the_end_is_not_heard_and_not_hurt(
        self, notifiers: tuple[Notifier, Notifier], which: int
    ) -> None:
        ear = _Ear()
        subscription = await notifiers[1].subscribe([Topic.CHANGED], ear)
        closing: list[Callable[[], Awaitable[None]]] = [n.close for n in notifiers]
        await closing[which]()
        await closing[which]()
        for notifier in notifiers:
            notifier.publish(Topic.CHANGED, ["too late"])
        await subscription.close()

    async def test_a_listener_may_speak(self, notifiers: tuple[Notifier, Notifier]) -> None:
        speaker, hearer = notifiers
        ear = _Ear()

        def answer(_topic: Topic, _key: str) -> None:
            hearer.publish(Topic.WAITING, ["answer"])

        await hearer.subscribe([Topic.CHANGED], answer)
        await speaker.subscribe([Topic.WAITING], ear)
        speaker.publish(Topic.CHANGED, ["question"])
        await ear.hear(Topic.WAITING, "answer")
