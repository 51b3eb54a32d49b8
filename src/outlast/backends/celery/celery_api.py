"""The parts of Celery that Outlast uses, as `Any`, because Celery has no types."""

from importlib import import_module
from typing import Any

Celery: Any = import_module("celery").Celery
exceptions: Any = import_module("celery.exceptions")
pools: Any = import_module("celery.concurrency")
signals: Any = import_module("celery.signals")
state: Any = import_module("celery.worker.state")
"""State of the Celery worker of this process."""
