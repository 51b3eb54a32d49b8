"""The server of the notifiers restarts, falls silent or is not there: wake-ups are late, and that is all."""

import asyncio
import logging
import signal
import time

import psutil
import pytest
from processes import wait_until
from subscribing import RecordingListener

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
        monkeypatch.setattr(module, "PING_AFTER", 0.3)
        monkeypatch.setattr(module, "RESPONSE_TIMEOUT", 0.5)
    monkeypatch.setitem(postgres.CONNECTION, "connect_timeout", 2)


async def broken(*notifiers):
    for notifier in notifiers:
        await asyncio.to_thread(wait_until, lambda n=notifier: n._receive_health.broken, 30, "noticing")


async def test_after_a_restart_every_subscriber_checks_and_receives_again(server, made):
    publisher, subscriber = await made(), await made()
    listener = RecordingListener()
    await subscriber.subscribe([Topic.WAITING, Topic.CANCEL], listener)
    publisher.publish(Topic.WAITING, ["before"])
    await listener.wait_for((Topic.WAITING, "before"))
    await asyncio.to_thread(server.stop)
    await broken(publisher, subscriber)
    await asyncio.to_thread(server.start)
    await listener.wait_for((Topic.WAITING, ""), (Topic.CANCEL, ""))
    publisher.publish(Topic.CANCEL, ["after"])
    await listener.wait_for((Topic.CANCEL, "after"))


async def test_a_silent_server_is_detected_and_used_again_once_it_responds(server, made, impatient):
    publisher, subscriber = await made(), await made()
    listener = RecordingListener()
    await subscriber.subscribe([Topic.CANCEL], listener)
    server.pause()
    try:
        await broken(subscriber)
    finally:
        server.resume()
    await listener.wait_for((Topic.CANCEL, ""))
    publisher.publish(Topic.CANCEL, ["after"])
    await listener.wait_for((Topic.CANCEL, "after"))


async def test_publishing_does_not_wait_for_a_silent_server_and_hints_arrive_later(server, made, impatient):
    publisher, subscriber = await made(), await made()
    listener, own = RecordingListener(), RecordingListener()
    await subscriber.subscribe([Topic.CANCEL], listener)
    await publisher.subscribe([Topic.CANCEL], own)
    server.pause()
    try:
        began = time.process_time()
        before = time.monotonic()
        for n in range(2_000):
            publisher.publish(Topic.CANCEL, [str(n)])
        assert time.monotonic() - before < 1 + 3 * (time.process_time() - began)
        await own.wait_for(*[(Topic.CANCEL, str(n)) for n in range(2_000)])
    finally:
        server.resume()
    publisher.publish(Topic.CANCEL, ["the last"])
    await listener.wait_for((Topic.CANCEL, "the last"))


async def test_without_a_server_hints_stay_within_the_process_and_one_warning_is_logged(installed, caplog):
    caplog.set_level(logging.INFO, "outlast.backends.server_notifier")
    notifier = installed.notifier()
    listener = RecordingListener()
    await notifier.open()
    try:
        await notifier.subscribe([Topic.WAITING], listener)
        for n in range(100):
            notifier.publish(Topic.WAITING, [str(n)])
        await listener.wait_for(*[(Topic.WAITING, str(n)) for n in range(100)])
        await asyncio.to_thread(wait_until, lambda: notifier._receive_health._failures > 2, 30)
        assert len([r for r in caplog.records if "Receiving wake-ups" in r.message]) == 1
        await asyncio.to_thread(installed.start)
        await listener.wait_for((Topic.WAITING, ""))
    finally:
        await notifier.close()
        installed.stop()


async def test_closing_does_not_wait_for_a_silent_server(server, made, impatient):
    publisher = await made()
    publisher.publish(Topic.CANCEL, ["first"])
    await asyncio.to_thread(wait_until, lambda: publisher._outbox.empty and not publisher._sending, 30)
    server.pause()
    try:
        publisher.publish(Topic.CANCEL, ["into the silence"])
        before = time.monotonic()
        await publisher.close()
        await publisher.close()
        assert time.monotonic() - before < 3
        assert not publisher._thread.is_alive()
    finally:
        server.resume()


async def test_a_hint_published_just_before_closing_arrives(server, made):
    subscriber = await made()
    listener = RecordingListener()
    await subscriber.subscribe([Topic.CANCEL], listener)
    for n in range(5):
        publisher = await made()
        publisher.publish(Topic.CANCEL, [f"goodbye {n}"])
        await publisher.close()
        await listener.wait_for((Topic.CANCEL, f"goodbye {n}"))


async def test_a_process_receives_its_own_hints_once(server, made):
    one, other = await made(), await made()
    listener = RecordingListener()
    await one.subscribe([Topic.CANCEL], listener)
    far = RecordingListener()
    await other.subscribe([Topic.CANCEL], far)
    one.publish(Topic.CANCEL, ["once"])
    await far.wait_for((Topic.CANCEL, "once"))
    other.publish(Topic.CANCEL, ["end"])
    assert await listener.wait_for((Topic.CANCEL, "end")) == [(Topic.CANCEL, "once"), (Topic.CANCEL, "end")]
