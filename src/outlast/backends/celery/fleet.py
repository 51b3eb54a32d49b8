"""The Celery app as both ends know it: a message is one session id, in the queue of its session, by urgency."""

from collections.abc import Sequence
from typing import Any

from kombu.entity import Exchange, Queue

from outlast.backends.celery.celery_api import Celery

TASK = "outlast.session"
HIGHEST = 9
"""Of Celery's levels of priority, from 0."""
MIDDLE = 5
"""That of a session without priority of its own."""
PATIENCE = 5.0
"""Seconds that the broker may take to answer a dispatcher."""


def make_app(broker_url: str, queues: Sequence[str] = ()) -> Any:
    """`queues`: those that its workers work on, unless the `celery` command says otherwise.

    The answer is a `celery.Celery`, which has no types.
    """
    app = Celery("outlast", broker=broker_url, set_as_current=False, changes=_settings(broker_url))
    if queues:
        app.conf.task_queues = [Queue(name, Exchange(name), routing_key=name) for name in queues]
        app.conf.task_default_queue = queues[0]
    return app


def urgency(broker_url: str, priority: int) -> int:
    """The broker's number for a session's priority (larger goes first): Redis has it the other way round."""
    level = max(0, min(HIGHEST, MIDDLE + priority))
    return HIGHEST - level if is_redis(broker_url) else level


def patient_only(broker_url: str) -> dict[str, Any]:
    """Transport options of a connection that must not hold up its thread for long."""
    if is_redis(broker_url):
        return {"socket_timeout": PATIENCE, "socket_connect_timeout": PATIENCE}
    if broker_url.startswith("amqp"):
        return {"read_timeout": PATIENCE, "write_timeout": PATIENCE}
    return {}


def _settings(broker_url: str) -> dict[str, Any]:
    return {
        "task_serializer": "json",
        "accept_content": ["json"],
        "event_serializer": "json",
        "task_ignore_result": True,
        # a message is acknowledged when its attempt has ended, and given to another when its process died
        "task_acks_late": True,
        "task_reject_on_worker_lost": True,
        "worker_prefetch_multiplier": 1,
        # without a broker workers go on from the store, for as long as it takes
        "broker_connection_retry_on_startup": True,
        "broker_connection_max_retries": None,
        "worker_cancel_long_running_tasks_on_connection_loss": False,
        "task_queue_max_priority": HIGHEST if broker_url.startswith("amqp") else None,
        "broker_transport_options": {"priority_steps": list(range(HIGHEST + 1))} if is_redis(broker_url) else {},
        # for Flower
        "task_track_started": True,
        "worker_send_task_events": True,
    }


def is_redis(broker_url: str) -> bool:
    return broker_url.startswith(("redis://", "rediss://", "unix://"))
