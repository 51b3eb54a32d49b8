"""Celery as a queue connection: `celery -A outlast.backends.celery worker` finds the fleet's app here."""

from importlib import import_module
from typing import Any


def __getattr__(name: str) -> Any:
    # made when the `celery` command asks for it, by those who know the settings: nothing happens at import
    if name != "app":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return import_module("outlast.cli.fleet").celery_app()
