"""A process opens all its parts or none, and lets go of all, whatever fails on the way."""

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest
from edge_site import Gate
from recorder import Recorder

from outlast import Fact, Outlast
from outlast.backends.memory.notifier import MemoryNotifier
from outlast.backends.memory.store import MemoryStore
from outlast.core.analyses.catalogue import Catalogue
from outlast.core.session_starts import StartDefaults
from outlast.domain.errors import StoreUnavailable
from outlast.ports.store import StartLimits
from outlast.running.engine import Engine
from outlast.running.maintenance import Retention
from outlast.settings import load_settings
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


@pytest.mark.slow
async def test_what_runs_while_all_closes_uses_what_is_open_and_opens_nothing(tmp_path: Path):
    outlast = Outlast(load_settings(data_dir=tmp_path, shutdown_grace=10))
    seen = outlast.facts("seen")
    entered, ending = Gate(), Gate()

    @outlast.analysis("late")
    async def late(n: int) -> int:
        entered.open()
        await ending.passed()
        await seen.put([Fact("late", n)], keep=timedelta(hours=1))
        return n

    async with outlast.lifespan(workers=1):
        await outlast.start("late", owner="me", n=1)
        await entered.passed()
        asyncio.get_running_loop().call_later(0.3, ending.open)
    with pytest.raises(StoreUnavailable, match="was closed"):
        await outlast.start("late", owner="me", n=2)
    async with outlast.lifespan():
        assert (await seen.get(["late"]))["late"][0].value == 1


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
