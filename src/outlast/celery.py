"""What `celery -A outlast.celery worker` loads: the Celery app of the program that `ANALYSIS_APP` names."""

from typing import Any

from outlast.cli.celery import celery_app


def __getattr__(name: str) -> Any:
    # made when the `celery` command asks for it: nothing happens at import
    if name != "app":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return celery_app()
