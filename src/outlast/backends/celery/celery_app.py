"""The Celery app of dispatchers and workers: queues, priorities and settings."""

from collections.abc import Sequence
from typing import Any

from kombu.entity import Exchange, Queue

from outlast.backends.celery.celery_api import Celery

TASK = "outlast.session"
MAX_PRIORITY = 9
"""Celery's priorities start at 0."""
DEFAULT_PRIORITY = 5
"""The priority of a session without one."""
RESPONSE_TIMEOUT = 5.0
"""Seconds that the broker may take to respond to a dispatcher."""


def make_app(broker_url: str, queues: Sequence[str] = ()) -> Any:
    """Return a `celery.Celery`, which has no types.

    Its workers consume `queues`, unless the `celery` command names others.
    """
    app = Celery("outlast", broker=broker_url, set_as_current=False, changes=_settings(broker_url))
    if queues:
        app.conf.task_queues = [Queue(name, Exchange(name), routing_key=name) for name in queues]
        app.conf.task_default_queue = queues[0]
    return app


def broker_priority(broker_url: str, priority: int) -> int:
    """Return the broker's priority for a session's: on Redis the smallest goes first, elsewhere the largest."""
    level = max(0, min(MAX_PRIORITY, DEFAULT_PRIORITY + priority))
    return MAX_PRIORITY - level if is_redis(broker_url) else level


def timeouts(broker_url: str) -> dict[str, Any]:
    """Return the transport options that limit how long a connection blocks its thread."""
    if is_redis(broker_url):
        return {"socket_timeout": RESPONSE_TIMEOUT, "socket_connect_timeout": RESPONSE_TIMEOUT}
    if broker_url.startswith("amqp"):
        return {"read_timeout": RESPONSE_TIMEOUT, "write_timeout": RESPONSE_TIMEOUT}
    return {}


def _settings(broker_url: str) -> dict[str, Any]:
    return {
        "task_serializer": "json",
        "accept_content": ["json"],
        "event_serializer": "json",
        "task_ignore_result": True,
        # acknowledge a message after its attempt, and requeue it if the process died
        "task_acks_late": True,
        "task_reject_on_worker_lost": True,
        "worker_prefetch_multiplier": 1,
        # without a broker, workers keep polling the store, however long that takes
        "broker_connection_retry_on_startup": True,
        "broker_connection_max_retries": None,
        "worker_cancel_long_running_tasks_on_connection_loss": False,
        "task_queue_max_priority": MAX_PRIORITY if broker_url.startswith("amqp") else None,
        "broker_transport_options": {"priority_steps": list(range(MAX_PRIORITY + 1))}
        if is_redis(broker_url)
        else {},
        # for Flower
        "task_track_started": True,
        "worker_send_task_events": True,
    }


def is_redis(broker_url: str) -> bool:
    return broker_url.startswith(("redis://", "rediss://", "unix://"))
