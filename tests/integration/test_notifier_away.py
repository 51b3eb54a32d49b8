"""The server of the notifiers restarts, falls silent or is not there: wake-ups are late, and that is all."""

import asyncio
import logging
import signal
import time

import psutil
import pytest
from processes import wait_until
from subscribing import Ear

from outlast.backends.postgres import notifier as postgres
from outlast.backends.redis import notifier as redis
from outlast.ports.notifier import Topic
from servers import PostgresServer, RedisServer

pytestmark = pytest.mark.slow


class PausablePostgres(PostgresServer):
    def pause(self):
        for process in self._family():
            process.suspend()

    def resume(self):
        for process in self._family():
            process.resume()

    def stop(self, how=signal.SIGINT):
        super().stop(how)

    def notifier(self):
        return postgres.PostgresNotifier(self.url())

    def _family(self):
        head = psutil.Process(self._process.pid)
        return [head, *head.children()]


class NotifyingRedis(RedisServer):
    def notifier(self):
        return redis.RedisNotifier(self.url, "here")

    def remove(self):
        self.stop()


@pytest.fixture(scope="module", params=[NotifyingRedis, PausablePostgres], ids=["redis", "postgres"])
def installed(request):
    server = request.param()
    yield server
    server.remove()


@pytest.fixture
def server(installed):
    installed.start()
    yield installed
    installed.stop()


@pytest.fixture
async def made(server):
    """Opens notifiers; they are closed at the end."""
    notifiers = []

    async def make():
        notifier = server.notifier()
        notifiers.append(notifier)
        await notifier.open()
        return notifier

    yield make
    for notifier in notifiers:
        await notifier.close()


@pytest.fixture
def impatient(monkeypatch):
    for module in (postgres, redis):
        monkeypatch.setattr(module, "QUIET", 0.3)
        monkeypatch.setattr(module, "ANSWER_WITHIN", 0.5)
    monkeypatch.setitem(postgres.CONNECTION, "connect_timeout", 2)


async def broken(*notifiers):
    for notifier in notifiers:
        await asyncio.to_thread(wait_until, lambda n=notifier: n._hearing.broken, 30, "noticing")


async def test_after_a_restart_everybody_looks_and_hears_again(server, made):
    speaker, hearer = await made(), await made()
    ear = Ear()
    await hearer.subscribe([Topic.WAITING, Topic.CANCEL], ear)
    speaker.publish(Topic.WAITING, ["before"])
    await ear.hear((Topic.WAITING, "before"))
    await asyncio.to_thread(server.stop)
    await broken(speaker, hearer)
    await asyncio.to_thread(server.start)
    await ear.hear((Topic.WAITING, ""), (Topic.CANCEL, ""))
    speaker.publish(Topic.CANCEL, ["after"])
    await ear.hear((Topic.CANCEL, "after"))


async def test_a_server_that_falls_silent_is_noticed_and_heard_again_when_it_speaks(server, made, impatient):
    speaker, hearer = await made(), await made()
    ear = Ear()
    await hearer.subscribe([Topic.CANCEL], ear)
    server.pause()
    try:
        await broken(hearer)
    finally:
        server.resume()
    await ear.hear((Topic.CANCEL, ""))
    speaker.publish(Topic.CANCEL, ["after"])
    await ear.hear((Topic.CANCEL, "after"))


async def test_publishing_does_not_wait_for_a_silent_server_and_what_was_said_arrives(server, made, impatient):
    speaker, hearer = await made(), await made()
    ear, own = Ear(), Ear()
    await hearer.subscribe([Topic.CANCEL], ear)
    await speaker.subscribe([Topic.CANCEL], own)
    server.pause()
    try:
        began = time.process_time()
        before = time.monotonic()
        for n in range(2_000):
            speaker.publish(Topic.CANCEL, [str(n)])
        assert time.monotonic() - before < 1 + 3 * (time.process_time() - began)
        await own.hear(*[(Topic.CANCEL, str(n)) for n in range(2_000)])
    finally:
        server.resume()
    speaker.publish(Topic.CANCEL, ["the last"])
    await ear.hear((Topic.CANCEL, "the last"))


async def test_without_a_server_everything_works_within_the_process_and_is_said_once(installed, caplog):
    caplog.set_level(logging.INFO, "outlast.backends.server_notifier")
    notifier = installed.notifier()
    ear = Ear()
    await notifier.open()
    try:
        await notifier.subscribe([Topic.WAITING], ear)
        for n in range(100):
            notifier.publish(Topic.WAITING, [str(n)])
        await ear.hear(*[(Topic.WAITING, str(n)) for n in range(100)])
        await asyncio.to_thread(wait_until, lambda: notifier._hearing._failures > 2, 30)
        assert len([r for r in caplog.records if "not heard" in r.message]) == 1
        await asyncio.to_thread(installed.start)
        await ear.hear((Topic.WAITING, ""))
    finally:
        await notifier.close()
        installed.stop()


async def test_closing_does_not_wait_for_a_silent_server(server, made, impatient):
    speaker = await made()
    speaker.publish(Topic.CANCEL, ["first"])
    await asyncio.to_thread(wait_until, lambda: speaker._outbox.empty and not speaker._sending, 30)
    server.pause()
    try:
        speaker.publish(Topic.CANCEL, ["into the silence"])
        before = time.monotonic()
        await speaker.close()
        await speaker.close()
        assert time.monotonic() - before < 3
        assert not speaker._thread.is_alive()
    finally:
        server.resume()


async def test_what_is_said_just_before_closing_arrives(server, made):
    hearer = await made()
    ear = Ear()
    await hearer.subscribe([Topic.CANCEL], ear)
    for n in range(5):
        speaker = await made()
        speaker.publish(Topic.CANCEL, [f"goodbye {n}"])
        await speaker.close()
        await ear.hear((Topic.CANCEL, f"goodbye {n}"))


async def test_a_process_does_not_hear_itself_twice(server, made):
    one, other = await made(), await made()
    ear = Ear()
    await one.subscribe([Topic.CANCEL], ear)
    far = Ear()
    await other.subscribe([Topic.CANCEL], far)
    one.publish(Topic.CANCEL, ["once"])
    await far.hear((Topic.CANCEL, "once"))
    other.publish(Topic.CANCEL, ["end"])
    assert await ear.hear((Topic.CANCEL, "end")) == [(Topic.CANCEL, "once"), (Topic.CANCEL, "end")]
