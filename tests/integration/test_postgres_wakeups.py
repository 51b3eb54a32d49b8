"""What goes through PostgreSQL and what does not, and connections that are cut."""

import asyncio
import json

import psycopg
import pytest
from processes import wait_until
from subscribing import RecordingListener

from outlast.backends import server_notifier
from outlast.backends.postgres import notifier as notifier_module
from outlast.backends.postgres.notifier import PostgresNotifier
from outlast.ports.notifier import Topic

OURS = "FROM pg_stat_activity WHERE application_name = 'outlast wake-ups' AND datname = current_database()"


@pytest.fixture
def database(postgres_url):
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        yield connection


@pytest.fixture
async def made(postgres_url):
    notifiers = []

    async def make(**options):
        notifier = PostgresNotifier(postgres_url, **options)
        notifiers.append(notifier)
        await notifier.open()
        return notifier

    yield make
    for notifier in notifiers:
        await notifier.close()


def count(database):
    return database.execute(f"SELECT count(*) {OURS}").fetchone()[0]


def notified(database):
    """All payloads until now, without who sent them."""
    database.execute("NOTIFY outlast, 'end'")
    payloads = []
    for notification in database.notifies(timeout=20):
        if notification.payload == "end":
            return payloads
        payloads.append(notification.payload)
    raise AssertionError("PostgreSQL does not deliver.")


def unpacked(payload):
    return json.loads(payload.partition(" ")[2])


async def test_after_a_cut_connection_every_subscriber_checks_and_receives_again(made, database):
    publisher, subscriber = await made(), await made()
    listener = RecordingListener()
    await subscriber.subscribe([Topic.WAITING, Topic.CANCEL], listener)
    publisher.publish(Topic.WAITING, ["before"])
    await listener.wait_for((Topic.WAITING, "before"))
    assert count(database) == 3
    database.execute(f"SELECT pg_terminate_backend(pid) {OURS}")
    await listener.wait_for((Topic.WAITING, ""), (Topic.CANCEL, ""))
    publisher.publish(Topic.WAITING, ["after"])  # its own connection was cut too, and it has not noticed
    await listener.wait_for((Topic.WAITING, "after"))


async def test_progress_sends_no_notification_and_other_hints_carry_their_keys(made, database):
    publisher = await made()
    database.execute("LISTEN outlast")
    publisher.publish(Topic.CHANGED, ["progress"] * 100)
    publisher.publish(Topic.WAITING, ["analysis"])
    publisher.publish(Topic.CHANGED, ["progress"])
    publisher.publish(Topic.CANCEL, ["one"])
    await publisher.close()
    assert dict(map(unpacked, notified(database))) == {"waiting": ["analysis"], "cancel": ["one"]}


async def test_a_burst_is_a_few_notifications_of_a_size_that_postgres_takes(made, database):
    publisher = await made()
    database.execute("LISTEN outlast")
    for n in range(5_000):
        publisher.publish(Topic.WAITING, ["analysis", "mail"])
        publisher.publish(Topic.CANCEL, [f"{n % 500:026}"])
    await publisher.close()
    payloads = notified(database)
    assert max(map(len, payloads)) < 8_000
    assert len(payloads) < 1_000
    assert {k for topic, keys in map(unpacked, payloads) if topic == "cancel" for k in keys} == {
        f"{n:026}" for n in range(500)
    }


async def test_keys_that_do_not_fit_become_a_hint_without_keys(made, database):
    publisher = await made()
    database.execute("LISTEN outlast")
    publisher.publish(Topic.CANCEL, ["x" * 9_000, "short"])
    await publisher.close()
    assert list(map(unpacked, notified(database))) == [["cancel", [""]]]


async def test_behind_a_pooler_nothing_is_connected_and_everybody_looks(made, database):
    publisher, subscriber = await made(listen=False), await made(listen=False)
    listeners = {topic: RecordingListener() for topic in Topic}
    for topic, listener in listeners.items():
        await subscriber.subscribe([topic], listener)
    publisher.publish(Topic.WAITING, ["analysis"])
    for topic, listener in listeners.items():
        await listener.wait_for((topic, ""))
        assert await listener.wait_for((topic, "")) == [(topic, "")]
    assert count(database) == 0


async def test_subscribers_to_progress_poll_several_times_a_second(made):
    notifier = await made()
    listener = RecordingListener()
    await notifier.subscribe([Topic.CHANGED], listener)
    began = asyncio.get_running_loop().time()
    for _ in range(5):
        await listener.wait_for((Topic.CHANGED, ""))
    took = asyncio.get_running_loop().time() - began
    assert took >= 4 * server_notifier.POLL_INTERVAL


async def test_who_has_nothing_to_say_holds_one_connection_and_hangs_up_after_speaking(
    made, database, monkeypatch
):
    monkeypatch.setattr(server_notifier, "IDLE_TIMEOUT", 0.1)
    notifier = await made()
    assert count(database) == 1
    for n in range(3):
        notifier.publish(Topic.CANCEL, [str(n)])
        await asyncio.to_thread(wait_until, lambda: notifier._outbox.empty, 20)
        await asyncio.to_thread(wait_until, lambda: count(database) == 1, 20)
    assert not notifier._send_health.broken


@pytest.mark.slow
async def test_hints_sent_during_a_liveness_check_arrive(made, monkeypatch):
    monkeypatch.setattr(notifier_module, "PING_AFTER", 0.0)  # it is asked all the time
    publisher, subscriber = await made(), await made()
    listener = RecordingListener()
    await subscriber.subscribe([Topic.CANCEL], listener)
    for n in range(200):
        publisher.publish(Topic.CANCEL, [str(n)])
        await listener.wait_for((Topic.CANCEL, str(n)))
