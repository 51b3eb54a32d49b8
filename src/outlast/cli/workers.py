"""`outlast workers`: start them in the foreground, see which are alive."""

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

from outlast.app import Outlast
from outlast.cli.application import (
    app_option,
    collect_seldom,
    json_option,
    load_app,
    print_json,
    run,
    sentences,
    worker_command,
)
from outlast.cli.descriptors import raise_limit
from outlast.cli.logs import set_up_logs
from outlast.cli.printable import printable
from outlast.core.running.event_loop import run_to_end
from outlast.core.running.process_tree import kill_own_session
from outlast.core.running.supervisor import Supervisor
from outlast.core.running.supervisor_link import WorkerLink
from outlast.core.running.worker import WorkerEnd
from outlast.core.running.worker_options import WorkerOptions

STUCK = 70
"""Exit code of a worker whose event loop was blocked beyond a deadline."""
ORPHANED = 71
"""Exit code of a worker that had to end by force when its supervisor was gone."""
ORPHAN_GRACE = 1.5
"""Seconds that its attempts get to stop then."""
WORN = 75
"""Exit code of a worker that wants to be replaced."""


@click.group()
def workers() -> None:
    """Start workers; see which are alive."""


@workers.command()
@app_option
@click.option("--workers", "count", default=1, show_default=True, help="Worker processes.")
@click.option("--concurrency", type=click.IntRange(1), help="Attempts at once in one worker.")
@click.option("--queue", "queues", multiple=True, metavar="NAME", help="Only this queue; may be repeated.")
@click.option("--sleep", type=float, help="Seconds between looks when no wake-up comes.")
@click.option("--max-jobs", type=click.IntRange(1), help="Sessions after which a worker process is replaced.")
@click.option("--max-time", type=float, help="Seconds after which a worker process is replaced.")
@sentences
def start(
    app_name: str | None,
    count: int,
    concurrency: int | None,
    queues: tuple[str, ...],
    sleep: float | None,
    max_jobs: int | None,
    max_time: float | None,
) -> None:
    """Run workers in the foreground, supervised: one that dies is replaced, its sessions go on at once.

    The first TERM or Ctrl-C lets running analyses finish for the grace time and gives the rest back unspent;
    the second stops at once.
    """
    app = load_app(app_name)
    app.configure(concurrency=concurrency, worker_sleep=sleep)
    set_up_logs()
    raise_limit()
    more = [w for q in queues for w in ("--queue", q)]
    for flag, value in (("--sleep", sleep), ("--max-jobs", max_jobs), ("--max-time", max_time)):
        more += [flag, str(value)] if value is not None else []
    run(_supervise(app, worker_command(app_name, app.settings.concurrency, *more), count))


async def _supervise(app: Outlast, command: list[str], count: int) -> None:
    engine = await app.open(patient=True)
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


@workers.command(hidden=True)
@app_option
@click.option("--worker-id")
@click.option("--concurrency", type=int)
@click.option("--queue", "queues", multiple=True)
@click.option("--sleep", type=float)
@click.option("--max-jobs", type=int)
@click.option("--max-time", type=float)
@sentences
def run_one(
    app_name: str | None,
    worker_id: str | None,
    concurrency: int | None,
    queues: tuple[str, ...],
    sleep: float | None,
    max_jobs: int | None,
    max_time: float | None,
) -> None:
    """One worker, for a supervisor at the other end of standard input: ends when it closes."""
    app = load_app(app_name)
    set_up_logs()
    collect_seldom()
    raise_limit()
    link = WorkerLink.from_standard_input()
    options = app.worker_options(
        concurrency=concurrency,
        queues=queues or None,
        sleep=sleep,
        max_sessions=max_jobs,
        max_seconds=max_time,
        on_replacement_due=link.request_retirement,
        on_stuck=lambda: os._exit(STUCK),
    )
    if app.settings.broker_url is not None:
        from outlast.cli import fleet

        slow = options if sleep else replace(options, sleep=fleet.slow_look(app))
        end = fleet.work(app, slow, worker_id, lambda stop: _obey(link, stop))
    else:
        end = run_to_end(_work(app, options, worker_id, link))
    with suppress(OSError, ValueError):  # the analysis may have closed it
        sys.stdout.flush()
    # not sys.exit(): abandoned threads must not hold up the end
    os._exit(0 if end is WorkerEnd.STOPPED else WORN)


async def _work(app: Outlast, options: WorkerOptions, worker_id: str | None, link: WorkerLink) -> WorkerEnd:
    engine = await app.open(embed=False)
    worker = engine.worker(options, worker_id)
    loop = asyncio.get_running_loop()
    # a supervisor has its own line to us: a signal was sent by somebody else, who may be the analysis itself
    on_signal = worker.request_replacement if link.supervised else worker.stop
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, on_signal)

    def stop() -> None:
        with suppress(RuntimeError):  # the loop has just closed
            loop.call_soon_threadsafe(worker.stop)

    _obey(link, stop)
    try:
        return await worker.run()
    finally:
        await app.close()


def _obey(link: WorkerLink, stop: Callable[[], None]) -> None:
    """Stop when the supervisor says so, and at once when it is gone."""

    def orphaned() -> None:
        for _ in range(2):
            stop()
        time.sleep(ORPHAN_GRACE)
        # code that does not stop must not outlive the supervisor, nor what it has started
        kill_own_session()
        os._exit(ORPHANED)

    link.listen(on_stop=stop, on_disconnect=orphaned)


run_one.name = "run"
workers.add_command(run_one, "run")


@workers.command()
@app_option
@json_option
@sentences
def status(app_name: str | None, as_json: bool) -> None:
    """Every worker of the store. Exits 1 when none is alive, 2 when there is no store."""
    app = load_app(app_name)

    async def look() -> list[dict[str, object]]:
        engine = await app.open(maintain=False, migrate=False)
        try:
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
        finally:
            await app.close()

    found = run(look())
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
            told = (str(w["id"]), alive, str(w["host"]), str(w["pid"]), load, queues, beat)
            table.add_row(*(Text(printable(cell)) for cell in told))
        Console().print(table)
    sys.exit(0 if any(w["alive"] for w in found) else 1)
