"""Messages to the fleet through a real broker: what they say, in which order, and that nobody waits for them."""

import asyncio
import json
import logging
import subprocess
import sys
import time

import pytest

from outlast.backends import factories
from outlast.backends.celery import dispatcher as dispatching
from outlast.backends.celery.celery_app import broker_priority, make_app
from outlast.backends.celery.dispatcher import CeleryDispatcher
from outlast.domain.errors import PackageMissing
from outlast.ports.dispatcher import WaitingSession


def waiting(name, priority=0, queue="analysis"):
    return WaitingSession(name, queue, priority, "product")


async def until(condition, within=20):
    async with asyncio.timeout(within):
        while not condition():  # noqa: ASYNC110 - a broker has no event for this
            await asyncio.sleep(0.01)


def received(url, count, queue="analysis"):
    """The next messages of a queue, as a worker gets them."""
    app = make_app(url, [queue])
    messages = []
    with app.connection_for_read() as connection:
        consumer = app.amqp.TaskConsumer(connection.channel(), on_message=messages.append)
        connection.channel().basic_qos(0, 1, False)
        with consumer:
            while len(messages) < count:
                connection.drain_events(timeout=10)
        for message in messages:
            message.ack()
    return messages


@pytest.fixture
async def dispatcher(redis_url):
    dispatcher = CeleryDispatcher(redis_url)
    await dispatcher.open()
    yield dispatcher
    await dispatcher.close()


async def test_a_message_is_the_session_id_alone_and_says_for_flower_what_it_is(redis_url, dispatcher):
    dispatcher.dispatch([waiting("abc", queue="slow")])
    [message] = await asyncio.to_thread(received, redis_url, 1, "slow")
    assert message.content_type == "application/json"
    assert json.loads(message.body)[:2] == [["abc"], {}]
    assert message.headers["task"] == "outlast.session"
    assert message.headers["argsrepr"] == "('product', 'abc')"
    assert message.headers["ignore_result"] is True


async def test_larger_priority_is_delivered_first_and_equals_in_their_order(redis_url, dispatcher):
    order = [("low", -2), ("a", 0), ("b", 0), ("high", 2), ("highest", 100), ("lowest", -100)]
    for name, priority in order:
        dispatcher.dispatch([waiting(name, priority)])
    await until(lambda: not dispatcher._outbox)
    messages = await asyncio.to_thread(received, redis_url, len(order))
    names = [json.loads(m.body)[0][0] for m in messages]
    assert names == ["highest", "high", "a", "b", "low", "lowest"]


def test_urgency_is_the_broker_s_own_number():
    assert [broker_priority("redis://x", p) for p in (-99, -1, 0, 1, 99)] == [9, 5, 4, 3, 0]
    assert [broker_priority("amqp://x", p) for p in (-99, -1, 0, 1, 99)] == [0, 4, 5, 6, 9]
    assert make_app("amqp://x", ["q"]).amqp.queues["q"].queue_arguments == {"x-max-priority": 9}


@pytest.mark.slow
async def test_a_broker_that_is_unreachable_holds_nobody_up_and_costs_two_lines_in_the_log(
    redis_server, caplog, monkeypatch
):
    caplog.set_level(logging.INFO, "outlast")
    monkeypatch.setattr(dispatching, "MAX_OUTBOX", 500)
    dispatcher = CeleryDispatcher(redis_server.url)
    dispatcher.dispatch([waiting("first")])
    await until(lambda: not dispatcher._outbox)
    redis_server.stop()
    began = time.perf_counter()
    for n in range(550):
        dispatcher.dispatch([waiting(f"n{n}")])
    assert time.perf_counter() - began < 5, "no message waits for the broker"
    await until(lambda: dispatcher._unreachable)
    assert len(dispatcher._outbox) <= 501
    redis_server.start()
    await until(lambda: not dispatcher._outbox, within=60)
    assert len(caplog.records) == 2, caplog.text
    await dispatcher.close()


async def test_closing_without_a_broker_is_quick(redis_server):
    dispatcher = CeleryDispatcher(redis_server.url)
    redis_server.stop()
    dispatcher.dispatch([waiting("lost")])
    await until(lambda: dispatcher._unreachable)
    began = time.perf_counter()
    await dispatcher.close()
    assert time.perf_counter() - began < 3
    dispatcher.dispatch([waiting("after the end")])


async def test_what_was_dispatched_before_the_end_is_still_sent(redis_url):
    dispatcher = CeleryDispatcher(redis_url)
    dispatcher.dispatch([waiting(f"n{n}") for n in range(20)])
    await dispatcher.close()
    assert len(await asyncio.to_thread(received, redis_url, 20)) == 20


def test_without_the_package_a_sentence_says_how_to_get_it(monkeypatch):
    for module in [m for m in sys.modules if m.startswith("outlast.backends.celery.")]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, "celery", None)
    with pytest.raises(PackageMissing, match=r"pip install 'outlast\[celery\]'"):
        factories.celery_dispatcher("redis://localhost")


FORKED = """
import os
from outlast.fleet.child_locks import ChildLocks

locks = ChildLocks()
signed, sign = os.pipe()
stay, parent = os.pipe()
child = os.fork()
if child == 0:
    os.close(parent)
    locks.set_worker("w-of-the-child")
    os.write(sign, b".")
    os.read(stay, 1)
    os._exit(0)
os.read(signed, 1)
locks.set_worker("w-mine")
print(locks.collect_dead())
os.kill(child, 9)
os.waitpid(child, 0)
print(locks.collect_dead(), locks.collect_dead())
locks.close()
"""


def test_the_death_of_a_child_is_reported_once_to_its_siblings():
    said = subprocess.run([sys.executable, "-c", FORKED], capture_output=True, text=True, timeout=60, check=True)
    assert said.stdout.splitlines() == ["[]", "['w-of-the-child'] []"]
