"""Builds the Celery app of this installation, and runs one supervised Celery worker."""

import asyncio
import socket
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, suppress
from functools import cache
from typing import Any

from outlast.app import Outlast, runtime_of
from outlast.backends.celery.celery_api import signals
from outlast.backends.celery.celery_app import make_app
from outlast.cli.application import Refused, load_app
from outlast.domain.errors import StoreUnavailable
from outlast.domain.worker_control import WorkerKind
from outlast.fleet.celery_worker import POLL_AFTER_SILENCE, CeleryWorkers
from outlast.running.engine import Engine
from outlast.running.worker_options import WorkerEnd, WorkerOptions


@cache
def celery_app() -> Any:
    """The Celery app of the program that `ANALYSIS_APP` names, for the `celery` command."""
    outlast = load_app()
    app = make_app(_broker(outlast), runtime_of(outlast).worker_options().queues)

    def options(concurrency: int, queues: tuple[str, ...]) -> WorkerOptions:
        return runtime_of(outlast).worker_options(
            concurrency=concurrency, queues=queues, sleep=fallback_sleep(outlast), kind=WorkerKind.CELERY
        )

    CeleryWorkers(app, _engine_context(outlast), options, check=lambda: asyncio.run(_check(outlast)))
    return app


def run_celery_worker(
    outlast: Outlast, options: WorkerOptions, worker_id: str | None, ready: Callable[[CeleryWorkers], None]
) -> WorkerEnd:
    """Run one Celery worker of `outlast workers`; calls `ready` with what stops it."""
    app = make_app(_broker(outlast), options.queues)
    signals.setup_logging.connect(_skip_logging_setup, weak=False)
    workers = CeleryWorkers(
        app, _engine_context(outlast), lambda _concurrency, _queues: options, worker_id=worker_id, once=True
    )
    ready(workers)
    controller = app.Worker(
        hostname=f"{worker_id or 'outlast'}@{socket.gethostname()}",
        pool="threads",
        concurrency=options.concurrency,
        quiet=True,
        without_gossip=True,
        without_mingle=True,
    )
    controller.start()
    return WorkerEnd.REPLACED if controller.exitcode else workers.end


def fallback_sleep(outlast: Outlast) -> float:
    return max(POLL_AFTER_SILENCE, outlast.settings.worker_sleep)


def _broker(outlast: Outlast) -> str:
    broker = outlast.settings.broker_url
    if broker is None:
        raise Refused(
            f"QUEUE_CONNECTION is {outlast.settings.queue_connection!r}, so Celery has no broker to listen to. "
            "For example: QUEUE_CONNECTION=redis://localhost:6379/0"
        )
    return broker


def _engine_context(outlast: Outlast) -> Any:
    @asynccontextmanager
    async def opened() -> AsyncGenerator[Engine]:
        try:
            yield await runtime_of(outlast).open(embed=False)
        finally:
            await outlast.close()

    return opened


async def _check(outlast: Outlast) -> None:
    """Raise on permanent errors of the store; an unavailable store may recover."""
    try:
        with suppress(StoreUnavailable):
            await runtime_of(outlast).open(embed=False, maintain=False)
    finally:
        await outlast.close()


def _skip_logging_setup(**_: Any) -> None:
    """Receives `setup_logging`: Celery configures no logging if the signal has a receiver."""
