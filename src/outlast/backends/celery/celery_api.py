"""The parts of Celery that we use. It has no types, so this is where they are lost."""

from importlib import import_module
from typing import Any

Celery: Any = import_module("celery").Celery
exceptions: Any = import_module("celery.exceptions")
pools: Any = import_module("celery.concurrency")
signals: Any = import_module("celery.signals")
state: Any = import_module("celery.worker.state")
"""Of the worker of this process."""
