"""What several installations, a forgetful Redis and its other connections do to wake-ups."""

import tempfile
from pathlib import Path

import pytest
from subscribing import RecordingListener

from outlast.backends.redis.notifier import RedisNotifier
from outlast.ports.notifier import Topic
from servers import RedisServer


@pytest.fixture
async def made(redis_server):
    notifiers = []

    async def make(namespace="here", url=redis_server.url):
        notifier = RedisNotifier(url, namespace)
        notifiers.append(notifier)
        await notifier.open()
        return notifier

    yield make
    for notifier in notifiers:
        await notifier.close()


async def test_a_redis_that_is_emptied_carries_on(made, redis_server):
    publisher, subscriber = await made(), await made()
    listener = RecordingListener()
    await subscriber.subscribe([Topic.CHANGED], listener)
    for command in ("FLUSHALL", "SCRIPT FLUSH"):
        redis_server.ask(*command.split())
        publisher.publish(Topic.CHANGED, [command])
        await listener.wait_for((Topic.CHANGED, command))


@pytest.mark.parametrize("kind", ["normal", "pubsub"])
async def test_a_cut_connection_is_reopened_and_its_pending_hints_are_sent(made, redis_server, kind):
    publisher, subscriber = await made(), await made()
    listener = RecordingListener()
    await subscriber.subscribe([Topic.CANCEL], listener)
    publisher.publish(Topic.CANCEL, ["before"])
    await listener.wait_for((Topic.CANCEL, "before"))
    redis_server.ask("CLIENT", "KILL", "TYPE", kind)
    if kind == "pubsub":
        await listener.wait_for((Topic.CANCEL, ""))
    publisher.publish(Topic.CANCEL, ["after"])
    await listener.wait_for((Topic.CANCEL, "after"))


async def test_installations_that_share_a_redis_receive_only_their_own_hints(made):
    here, also_here, there = await made("here"), await made("here"), await made("there")
    listener = RecordingListener()
    await also_here.subscribe(list(Topic), listener)
    for topic in Topic:
        there.publish(topic, ["theirs"])
    await there.close()
    for topic in Topic:
        here.publish(topic, ["ours"])
    heard = await listener.wait_for(*[(topic, "ours") for topic in Topic])
    assert {key for _, key in heard} == {"ours"}


async def test_a_stranger_on_the_channel_is_ignored(made, redis_server):
    publisher, subscriber = await made(), await made()
    listener = RecordingListener()
    await subscriber.subscribe(list(Topic), listener)
    for message in ("x", '"\\xff\\x00"', "a [7]", "{}"):
        redis_server.ask("PUBLISH", "outlast:here:cancel", message)
    publisher.publish(Topic.CANCEL, ["ours"])
    assert await listener.wait_for((Topic.CANCEL, "ours")) == [(Topic.CANCEL, "ours")]


async def test_a_socket_in_the_file_system_will_do(made):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "redis.sock"
        server = RedisServer("--unixsocket", str(path))
        server.start()
        try:
            publisher, subscriber = [await made(url=f"unix://{path}?db=0") for _ in range(2)]
            listener = RecordingListener()
            await subscriber.subscribe([Topic.WAITING], listener)
            publisher.publish(Topic.WAITING, ["analysis"])
            await listener.wait_for((Topic.WAITING, "analysis"))
        finally:
            server.stop()
