"""`outlast workers`: start supervised workers, in the foreground or in the background, and control all workers."""

import asyncio
import logging
import os
import signal
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, fields, replace
from functools import partial, wraps
from pathlib import Path
from typing import Any

import click

from outlast.app import Outlast, runtime_of
from outlast.cli.application import (
    Refused,
    app_option,
    explain_errors,
    load_app,
    run,
    supervisor_info,
    tune_gc,
    worker_command,
)
from outlast.cli.daemon import StartReply, detach, start_in_background
from outlast.cli.file_descriptors import raise_open_file_limit
from outlast.cli.live_line import show_live
from outlast.cli.log_file import reopen, rotate
from outlast.cli.logs import set_up_logs
from outlast.cli.numbers import MOST, MOST_WORKERS, Number, count
from outlast.cli.service_manager import ServiceManager
from outlast.cli.worker_commands import drain, pause, restart, resume, stop
from outlast.cli.worker_status import LiveCounts, status
from outlast.core.ids import new_supervisor_id
from outlast.domain.autoscaling import Autoscaler
from outlast.domain.queue_weights import parse_queues
from outlast.domain.worker_control import WorkerKind
from outlast.ports.workers import WorkerInfo
from outlast.running.engine import Engine
from outlast.running.event_loop import run_worker_loop
from outlast.running.process_tree import kill_own_session
from outlast.running.recycling import MIB, RecyclingLimits
from outlast.running.supervisor import REPLACED, Supervisor
from outlast.running.supervisor_control import SupervisorControl, scale
from outlast.running.supervisor_link import WorkerLink
from outlast.running.worker_options import WorkerEnd, WorkerOptions

log = logging.getLogger(__name__)

STUCK = 70
"""Exit code of a worker whose event loop was blocked beyond a deadline."""
ORPHANED = 71
"""Exit code of a worker that ended by force after its supervisor had died."""
ORPHAN_GRACE = 1.5
"""Seconds that its attempts get to stop."""
ROTATED_EVERY = 10.0
"""Seconds between two looks at the size of the log file."""
EARLY_ENDS = 3
"""A supervisor in the background gives up if this many workers end before they have started."""


def require_queues(_context: click.Context, option: click.Parameter, queues: tuple[str, ...]) -> tuple[str, ...]:
    """Refuse queues and weights that a worker could not use."""
    try:
        parse_queues(queues)
    except ValueError as error:
        raise click.BadParameter(f"{error}.", param=option) from None
    return queues


@click.group()
def workers() -> None:
    """Start workers; list, stop, restart, pause and resume all workers of the store."""


for command in (status, stop, drain, restart, pause, resume):
    workers.add_command(command)


class Scale(click.ParamType[tuple[int, int]]):
    """Two numbers of workers, `MIN,MAX`."""

    name = "MIN,MAX"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, int]:
        """Return both numbers, or fail with a sentence."""
        if isinstance(value, tuple):
            return value  # pyright: ignore[reportUnknownVariableType] - it was converted before
        least, _, most = str(value).partition(",")
        if not (least.strip().isdecimal() and most.strip().isdecimal()):
            self.fail(f"{value!r} is not two numbers of workers, such as 1,4.", param, ctx)
        pair = int(least), int(most)
        if not 1 <= pair[0] <= pair[1] <= MOST_WORKERS:
            self.fail(
                f"{value!r} must be at least 1,1 and at most {MOST_WORKERS}, the smaller number first.", param, ctx
            )
        return pair


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerFlags:
    """The options that each worker gets from its supervisor's command line."""

    queues: tuple[str, ...]
    memory: float | None
    tries: int | None
    timeout: float | None
    sleep: float | None
    max_jobs: int | None
    max_time: float | None
    once: bool

    def arguments(self) -> list[str]:
        """The same as arguments of a command."""
        given = [("--queue", queue) for queue in self.queues]
        given += [
            (f"--{name.replace('_', '-')}", str(value))
            for name in ("memory", "tries", "timeout", "sleep", "max_jobs", "max_time")
            if (value := getattr(self, name)) is not None
        ]
        return [word for pair in given for word in pair] + (["--once"] if self.once else [])

    def options(self, app: Outlast, concurrency: int | None) -> WorkerOptions:
        """The options of a worker. Raises `Refused` for a queue that no analysis uses."""
        known = tuple(dict.fromkeys(analysis.queue for analysis in runtime_of(app).catalogue))
        plain = runtime_of(app).worker_options(concurrency=concurrency, queues=self.queues or None)
        if unknown := [queue for queue in plain.queues if self.queues and queue not in known]:
            raise Refused(
                f"No analysis of this program uses the queue {unknown[0]!r}. Its queues: {', '.join(known)}."
            )
        memory = None if self.memory is None else round(self.memory * MIB)
        return replace(
            plain,
            sleep=self.sleep or plain.sleep,
            limits=RecyclingLimits(self.max_jobs, self.max_time, memory),
            once=self.once,
            attempts=self.tries,
            usual_attempts=app.settings.queue_max_tries,
            timeout=self.timeout,
        )


POSITIVE = Number(above=True)
FLAGS = (
    click.option(
        "--queue",
        "queues",
        multiple=True,
        metavar="NAME[=WEIGHT]",
        callback=require_queues,
        help="Only this queue; may be repeated. Weights share the places: --queue fast=3 --queue slow=1.",
    ),
    click.option(
        "--memory",
        type=Number(32, MOST),
        metavar="MB",
        help="MiB of resident memory, with isolated attempts, above which a worker drains and is replaced.",
    ),
    click.option(
        "--tries",
        type=count(1, 100),
        metavar="N",
        help="Attempts of a session whose analysis has no max_attempts. Also ANALYSIS_QUEUE_MAX_TRIES.",
    ),
    click.option(
        "--timeout",
        type=POSITIVE,
        metavar="S",
        help="Seconds an attempt may take whose analysis has no timeout. Also ANALYSIS_QUEUE_TIMEOUT.",
    ),
    click.option(
        "--sleep", type=POSITIVE, metavar="S", help="Seconds between polls of the store without a wake-up."
    ),
    click.option(
        "--max-jobs",
        type=count(),
        metavar="N",
        help="Sessions after which a worker process is replaced.",
    ),
    click.option(
        "--max-time", type=POSITIVE, metavar="S", help="Seconds after which a worker process is replaced."
    ),
    click.option("--once", is_flag=True, help="End after one session, or at once if none waits."),
)


def worker_flags(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options that each worker gets, passed as one argument `flags`."""

    @wraps(command)
    def wrapper(**given: Any) -> None:
        flags = WorkerFlags(**{field.name: given.pop(field.name) for field in fields(WorkerFlags)})
        command(flags=flags, **given)

    for option in reversed(FLAGS):
        option(wrapper)
    return wrapper


@workers.command()
@app_option
@click.option("--daemon", is_flag=True, help="Run in the background; return once the workers are alive.")
@click.option("--workers", "count", type=count(1, MOST_WORKERS), help="Worker processes.  [default: 1]")
@click.option("--autoscale", type=Scale(), help="Between MIN and MAX worker processes, by what waits.")
@click.option("--concurrency", type=count(), help="Attempts at once in one worker.")
@worker_flags
@click.option("--detached", type=count(0), hidden=True)
@click.option("--log-file", type=click.Path(path_type=Path), hidden=True)
@explain_errors
def start(
    app_name: str | None,
    daemon: bool,
    count: int | None,
    autoscale: tuple[int, int] | None,
    concurrency: int | None,
    detached: int | None,
    log_file: Path | None,
    flags: WorkerFlags,
) -> None:
    """Run supervised workers; a worker that dies is replaced and its sessions resume at once.

    The first TERM or Ctrl-C lets running analyses finish within the grace period and releases the others without
    using up an attempt; the second stops at once. `outlast workers stop` does the same from any machine.

    With --daemon, a supervisor in the background outlives the terminal and writes to logs/workers.log in the data
    folder, which is rotated.
    """
    if count is not None and autoscale is not None:
        raise Refused("Give either --workers or --autoscale: --autoscale MIN,MAX decides how many run.")
    if flags.once and (daemon or autoscale is not None):
        raise Refused("--once ends after one session, so it cannot be combined with --daemon or --autoscale.")
    starter = None if detached is None else detach(detached)
    app = load_app(app_name)
    options = flags.options(app, concurrency)
    app.configure(
        concurrency=concurrency,
        worker_sleep=flags.sleep,
        queue_max_tries=flags.tries,
        queue_timeout=flags.timeout,
    )
    if app.settings.inline:
        raise Refused(
            "Analyses run inside the request (ANALYSIS_ASYNC_ENABLED, QUEUE_CONNECTION): workers have no work."
        )
    if flags.once and app.settings.broker_url is not None:
        raise Refused("--once needs QUEUE_CONNECTION=database, because a broker hands sessions out in advance.")
    if daemon:
        scaling = (
            ["--autoscale", f"{autoscale[0]},{autoscale[1]}"] if autoscale else ["--workers", str(count or 1)]
        )
        places = ["--concurrency", str(concurrency)] if concurrency else []
        start_in_background(app_name, [*scaling, *places, *flags.arguments()], app.settings.data_path)
        return
    set_up_logs()
    raise_open_file_limit()
    supervisor_id = new_supervisor_id()
    more = [
        *flags.arguments(),
        "--supervisor",
        supervisor_id,
        *(["--log-file", str(log_file)] if log_file else []),
    ]
    command = worker_command(app_name, app.settings.concurrency, *more)
    info = supervisor_info(app, supervisor_id, options.queues)
    run(_supervise(app, command, info, autoscale or (count or 1, count or 1), starter, log_file))


async def _supervise(
    app: Outlast,
    command: list[str],
    info: WorkerInfo,
    scaling: tuple[int, int],
    starter: StartReply | None,
    log_file: Path | None,
) -> None:
    manager = ServiceManager()
    manager.status("Opening the store")
    engine = await runtime_of(app).open(patient=True)
    least, most = scaling
    supervisor = Supervisor(command, least, engine.store, engine.maintenance, grace=app.settings.shutdown_grace)
    loop = asyncio.get_running_loop()

    def stop() -> None:
        manager.stopping()
        supervisor.stop()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop)
    watched = asyncio.create_task(manager.keep_alive())
    beside = [
        SupervisorControl(supervisor, info, engine.store, engine.notifier, engine.outage).run(),
        _announce(app, engine, supervisor, info, scaling, starter),
    ]
    if least < most:
        scaler = Autoscaler(least, most, app.settings.concurrency)
        beside.append(scale(supervisor, scaler, info, engine.store, engine.clock, engine.outage))
    if log_file is not None:
        beside.append(_keep_rotating(log_file, supervisor))
    tasks = [asyncio.create_task(work) for work in beside]
    manager.ready(f"{_processes(scaling)} on the store {app.settings.shown_store}")
    try:
        await supervisor.run()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        await app.close()
        watched.cancel()


async def _announce(
    app: Outlast,
    engine: Engine,
    supervisor: Supervisor,
    info: WorkerInfo,
    scaling: tuple[int, int],
    starter: StartReply | None,
) -> None:
    """Say what the workers do, and once they wait for work; then show the current state in a terminal."""
    click.echo(f"{_processes(scaling)} on the store {app.settings.shown_store}", err=True)
    click.echo(
        f"Program {info.program} {info.version}; queue {', '.join(info.queues)}; up to {app.settings.concurrency} "
        "attempts at once in each worker",
        err=True,
    )
    alive = await supervisor.wait_until_started(give_up_after=None if starter is None else EARLY_ENDS)
    if starter is not None:
        if alive:
            starter.finish(supervisor=info.id, workers=alive)
        else:
            starter.finish(error="They end as soon as they start.")
            supervisor.stop()
    if not alive:
        return
    click.echo("Waiting for work.", err=True)
    if sys.stderr.isatty():
        await show_live(LiveCounts(engine.store, info).read, engine.outage)


def _processes(scaling: tuple[int, int]) -> str:
    least, most = scaling
    if least < most:
        return f"{least} to {most} worker processes"
    return f"{least} worker process{'' if most == 1 else 'es'}"


async def _keep_rotating(log_file: Path, supervisor: Supervisor) -> None:
    while True:
        await asyncio.sleep(ROTATED_EVERY)
        try:
            rotate(log_file, supervisor.reopen_logs)
        except OSError as error:
            log.warning("The log file cannot be rotated: %s", error)


@workers.command("run", hidden=True)
@app_option
@click.option("--worker-id")
@click.option("--supervisor")
@click.option("--paused", is_flag=True)
@click.option("--log-file", type=click.Path(path_type=Path))
@click.option("--concurrency", type=count())
@worker_flags
@explain_errors
def run_one(
    app_name: str | None,
    worker_id: str | None,
    supervisor: str | None,
    paused: bool,
    log_file: Path | None,
    concurrency: int | None,
    flags: WorkerFlags,
) -> None:
    """Run one worker for a supervisor; ends when its standard input closes."""
    app = load_app(app_name)
    plain = flags.options(app, concurrency)
    app.configure(queue_max_tries=flags.tries, queue_timeout=flags.timeout)
    set_up_logs()
    tune_gc()
    raise_open_file_limit()
    link = WorkerLink.from_standard_input()
    options = replace(
        plain,
        paused=paused,
        kind=WorkerKind.SUPERVISED if link.supervised else WorkerKind.UNSUPERVISED,
        supervisor=supervisor,
        on_state=link.tell_state,
        on_replacement_due=link.request_retirement,
        on_stuck=lambda: os._exit(STUCK),
    )
    on_reopen = (lambda: None) if log_file is None else partial(reopen, log_file)
    if app.settings.broker_url is not None:
        from outlast.cli.celery import fallback_sleep, run_celery_worker

        patient = options if flags.sleep else replace(options, sleep=fallback_sleep(app))
        end = run_celery_worker(
            app, patient, worker_id, lambda celery: _follow_supervisor(link, celery.stop, celery.drain, on_reopen)
        )
    else:
        end = run_worker_loop(_work(app, options, worker_id, link, on_reopen))
    with suppress(OSError, ValueError):  # an analysis may have closed it
        sys.stdout.flush()
    # not sys.exit(): abandoned threads must not delay the exit
    os._exit(0 if end is WorkerEnd.STOPPED else REPLACED)


async def _work(
    app: Outlast, options: WorkerOptions, worker_id: str | None, link: WorkerLink, on_reopen: Callable[[], None]
) -> WorkerEnd:
    engine = await runtime_of(app).open(embed=False)
    worker = engine.worker(options, worker_id)
    loop = asyncio.get_running_loop()
    # a supervisor stops us over its link: a signal came from elsewhere, perhaps from the analysis itself
    on_signal = worker.request_replacement if link.supervised else worker.stop
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, on_signal)

    def in_loop(work: Callable[[], None]) -> None:
        with suppress(RuntimeError):  # the loop has just closed
            loop.call_soon_threadsafe(work)

    _follow_supervisor(link, partial(in_loop, worker.stop), partial(in_loop, worker.drain), on_reopen)
    try:
        return await worker.run()
    finally:
        await app.close()


def _follow_supervisor(
    link: WorkerLink,
    stop_worker: Callable[[], None],
    drain_worker: Callable[[], None],
    on_reopen: Callable[[], None],
) -> None:
    """Stop or drain on the supervisor's request, and stop at once if the supervisor dies."""

    def orphaned() -> None:
        for _ in range(2):
            stop_worker()
        time.sleep(ORPHAN_GRACE)
        # neither code that does not stop nor its child processes may outlive the supervisor
        kill_own_session()
        os._exit(ORPHANED)

    link.listen(on_stop=stop_worker, on_disconnect=orphaned, on_drain=drain_worker, on_reopen=on_reopen)
