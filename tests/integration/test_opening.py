"""A process opens all its parts or none, and lets go of all, whatever fails on the way."""

import asyncio

import pytest
from recorder import Recorder

from outlast.backends.memory.notifier import MemoryNotifier
from outlast.backends.memory.store import MemoryStore
from outlast.core.analysis import Catalogue
from outlast.core.engine import Engine
from outlast.core.maintenance import Retention
from outlast.core.sessions import StartDefaults
from outlast.ports.store import StartLimits
from outlast.testing.clock import FakeClock


class Notifier(MemoryNotifier):
    is_open = False

    async def open(self) -> None:
        self.is_open = True

    async def close(self) -> None:
        self.is_open = False


class Broken(Recorder):
    def __init__(self, *, opens: bool) -> None:
        super().__init__()
        self._opens = opens

    async def open(self) -> None:
        if not self._opens:
            raise OSError("no broker")

    async def close(self) -> None:
        raise OSError("the broker went away")


def made(notifier, dispatcher):
    clock = FakeClock()
    defaults, retention = StartDefaults(StartLimits(9, 9), 20.0, 1), Retention(24, 24, 24)
    return Engine(MemoryStore(clock), notifier, Catalogue(), clock, defaults, retention, dispatcher=dispatcher)


async def test_what_was_opened_before_a_part_that_fails_is_closed_again():
    notifier = Notifier()
    with pytest.raises(OSError, match="no broker"):
        await made(notifier, Broken(opens=False)).open()
    assert not notifier.is_open
    assert len(asyncio.all_tasks()) == 1


async def test_a_part_that_fails_as_it_closes_keeps_none_of_the_others_open():
    notifier = Notifier()
    engine = made(notifier, Broken(opens=True))
    await engine.open()
    assert notifier.is_open
    with pytest.raises(OSError, match="went away"):
        await engine.close()
    assert not notifier.is_open
    assert len(asyncio.all_tasks()) == 1
