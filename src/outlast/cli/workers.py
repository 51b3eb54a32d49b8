"""`outlast workers`: run supervised workers in the foreground, and list all workers."""

import asyncio
import os
import signal
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from typing import cast

import click

from outlast.app import Outlast, runtime_of
from outlast.cli.application import (
    app_option,
    explain_errors,
    json_option,
    load_app,
    opened,
    print_json,
    run,
    tune_gc,
    worker_command,
)
from outlast.cli.file_descriptors import raise_open_file_limit
from outlast.cli.logs import set_up_logs
from outlast.cli.printable import printable
from outlast.domain.queue_weights import parse_queues
from outlast.running.event_loop import run_worker_loop
from outlast.running.process_tree import kill_own_session
from outlast.running.supervisor import Supervisor
from outlast.running.supervisor_link import WorkerLink
from outlast.running.worker import WorkerEnd, WorkerOptions

STUCK = 70
"""Exit code of a worker whose event loop was blocked beyond a deadline."""
ORPHANED = 71
"""Exit code of a worker that ended by force after its supervisor had died."""
ORPHAN_GRACE = 1.5
"""Seconds that its attempts get to stop."""
REPLACED = 75
"""Exit code of a worker that asks to be replaced."""


def require_queues(_context: click.Context, option: click.Parameter, queues: tuple[str, ...]) -> tuple[str, ...]:
    """Refuse queues and weights that a worker could not use."""
    try:
        parse_queues(queues)
    except ValueError as error:
        raise click.BadParameter(f"{error}.", param=option) from None
    return queues


@click.group()
def workers() -> None:
    """Start workers; list all workers."""


@workers.command()
@app_option
@click.option("--workers", "count", default=1, show_default=True, help="Worker processes.")
@click.option("--concurrency", type=click.IntRange(1), help="Attempts at once in one worker.")
@click.option(
    "--queue",
    "queues",
    multiple=True,
    metavar="NAME[=WEIGHT]",
    callback=require_queues,
    help="Only this queue; may be repeated. Weights share the places: --queue fast=3 --queue slow=1.",
)
@click.option("--sleep", type=float, help="Seconds between polls of the store without a wake-up.")
@click.option("--max-jobs", type=click.IntRange(1), help="Sessions after which a worker process is replaced.")
@click.option("--max-time", type=float, help="Seconds after which a worker process is replaced.")
@explain_errors
def start(
    app_name: str | None,
    count: int,
    concurrency: int | None,
    queues: tuple[str, ...],
    sleep: float | None,
    max_jobs: int | None,
    max_time: float | None,
) -> None:
    """Run supervised workers in the foreground; a worker that dies is replaced and its sessions resume at once.

    The first TERM or Ctrl-C lets running analyses finish within the grace period and releases the others without
    using up an attempt; the second stops at once.
    """
    app = load_app(app_name)
    app.configure(concurrency=concurrency, worker_sleep=sleep)
    set_up_logs()
    raise_open_file_limit()
    more = [w for q in queues for w in ("--queue", q)]
    for flag, value in (("--sleep", sleep), ("--max-jobs", max_jobs), ("--max-time", max_time)):
        more += [flag, str(value)] if value is not None else []
    run(_supervise(app, worker_command(app_name, app.settings.concurrency, *more), count))


async def _supervise(app: Outlast, command: list[str], count: int) -> None:
    engine = await runtime_of(app).open(patient=True)
    processes = f"{count} worker process{'' if count == 1 else 'es'}"
    click.echo(f"{processes} on the store {app.settings.shown_store}", err=True)
    supervisor = Supervisor(command, count, engine.store, engine.maintenance, grace=app.settings.shutdown_grace)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, supervisor.stop)
    try:
        await supervisor.run()
    finally:
        await app.close()


@workers.command("run", hidden=True)
@app_option
@click.option("--worker-id")
@click.option("--concurrency", type=int)
@click.option("--queue", "queues", multiple=True)
@click.option("--sleep", type=float)
@click.option("--max-jobs", type=int)
@click.option("--max-time", type=float)
@explain_errors
def run_one(
    app_name: str | None,
    worker_id: str | None,
    concurrency: int | None,
    queues: tuple[str, ...],
    sleep: float | None,
    max_jobs: int | None,
    max_time: float | None,
) -> None:
    """Run one worker for a supervisor; ends when its standard input closes."""
    app = load_app(app_name)
    set_up_logs()
    tune_gc()
    raise_open_file_limit()
    link = WorkerLink.from_standard_input()
    options = runtime_of(app).worker_options(
        concurrency=concurrency,
        queues=queues or None,
        sleep=sleep,
        max_sessions=max_jobs,
        max_seconds=max_time,
        on_replacement_due=link.request_retirement,
        on_stuck=lambda: os._exit(STUCK),
    )
    if app.settings.broker_url is not None:
        from outlast.cli.celery import fallback_sleep, run_celery_worker

        patient = options if sleep else replace(options, sleep=fallback_sleep(app))
        end = run_celery_worker(app, patient, worker_id, lambda stop: _follow_supervisor(link, stop))
    else:
        end = run_worker_loop(_work(app, options, worker_id, link))
    with suppress(OSError, ValueError):  # an analysis may have closed it
        sys.stdout.flush()
    # not sys.exit(): abandoned threads must not delay the exit
    os._exit(0 if end is WorkerEnd.STOPPED else REPLACED)


async def _work(app: Outlast, options: WorkerOptions, worker_id: str | None, link: WorkerLink) -> WorkerEnd:
    engine = await runtime_of(app).open(embed=False)
    worker = engine.worker(options, worker_id)
    loop = asyncio.get_running_loop()
    # a supervisor stops us over its link: a signal came from elsewhere, perhaps from the analysis itself
    on_signal = worker.request_replacement if link.supervised else worker.stop
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, on_signal)

    def stop() -> None:
        with suppress(RuntimeError):  # the loop has just closed
            loop.call_soon_threadsafe(worker.stop)

    _follow_supervisor(link, stop)
    try:
        return await worker.run()
    finally:
        await app.close()


def _follow_supervisor(link: WorkerLink, stop: Callable[[], None]) -> None:
    """Stop on the supervisor's request, and at once if the supervisor dies."""

    def orphaned() -> None:
        for _ in range(2):
            stop()
        time.sleep(ORPHAN_GRACE)
        # neither code that does not stop nor its child processes may outlive the supervisor
        kill_own_session()
        os._exit(ORPHANED)

    link.listen(on_stop=stop, on_disconnect=orphaned)


@workers.command()
@app_option
@json_option
@explain_errors
def status(app_name: str | None, as_json: bool) -> None:
    """List the workers of the store. Exits 1 if none is alive, 2 if the store is unavailable."""
    app = load_app(app_name)

    async def read() -> list[dict[str, object]]:
        async with opened(app) as engine:
            now = datetime.now(UTC)
            return [
                {
                    "id": w.id,
                    "alive": w.alive,
                    "host": w.host,
                    "pid": w.pid,
                    "in_flight": w.in_flight,
                    "concurrency": w.concurrency,
                    "queues": list(w.queues),
                    "analyses": list(w.analyses),
                    "started_at": w.started_at.isoformat(),
                    "seconds_since_beat": round((now - w.beat_at).total_seconds(), 1),
                }
                for w in await engine.store.workers()
            ]

    found = run(read())
    if as_json:
        print_json(found)
    elif not found:
        click.echo("No worker is running. Start some with: outlast workers start")
    else:
        from rich.console import Console
        from rich.table import Table
        from rich.text import Text

        table = Table("worker", "alive", "host", "pid", "in flight", "queues", "last beat", box=None)
        for w in found:
            queues = ", ".join(cast("list[str]", w["queues"]))
            load = f"{w['in_flight']} of {w['concurrency']}"
            alive = "yes" if w["alive"] else "no"
            beat = f"{w['seconds_since_beat']} s ago"
            cells = (str(w["id"]), alive, str(w["host"]), str(w["pid"]), load, queues, beat)
            table.add_row(*(Text(printable(cell)) for cell in cells))
        Console().print(table)
    sys.exit(0 if any(w["alive"] for w in found) else 1)
