"""`outlast serve`: run the API, the pages and supervised workers until a signal."""

import asyncio
import logging
import os
import signal
import socket
import sys
from ipaddress import ip_address

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
from outlast.cli.file_descriptors import allowed_connections, raise_open_file_limit
from outlast.cli.logs import set_up_logs
from outlast.cli.numbers import MOST_WORKERS, PORT_OR_FREE, count
from outlast.cli.server import Server, server_config
from outlast.cli.service_manager import ServiceManager
from outlast.core.ids import new_supervisor_id
from outlast.running.event_loop import run_worker_loop
from outlast.running.process_tree import kill_descendants, kill_marked, mark_descendants
from outlast.running.supervisor import Supervisor
from outlast.running.supervisor_control import SupervisorControl
from outlast.running.supervisor_link import silence_standard_input
from outlast.web.mounting import checked_prefix

log = logging.getLogger(__name__)

WORKERS = 2


def _root_path(context: click.Context, parameter: click.Parameter, value: str) -> str:  # noqa: ARG001 - click's
    try:
        return checked_prefix(value)
    except ValueError:
        raise click.BadParameter("it is a path, such as /slow.") from None


@click.command()
@app_option
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port", default=8000, show_default=True, type=PORT_OR_FREE, help="Port to listen on; 0 takes a free one."
)
@click.option(
    "--workers",
    default=WORKERS,
    show_default=True,
    type=count(0, MOST_WORKERS),
    help="Worker processes; 0: none on this machine.",
)
@click.option("--concurrency", type=count(), help="Attempts at once in one worker.")
@click.option(
    "--root-path",
    default="",
    callback=_root_path,
    help="Path of the site behind a proxy, such as /slow, if ANALYSIS_PUBLIC_URL does not have it.",
)
@explain_errors
def serve(
    app_name: str | None, host: str, port: int, workers: int, concurrency: int | None, root_path: str
) -> None:
    """Serve the site and the API, with supervised workers: the whole site on one machine.

    All data is in the data folder (ANALYSIS_DATA_DIR, ./outlast-data); nothing else is needed. Ctrl-C lets
    running analyses finish for ANALYSIS_SHUTDOWN_GRACE seconds; a second one stops at once. Unfinished sessions
    resume at the next start. For ANALYSIS_DRAIN_DELAY seconds the site stays up while /readyz answers 503.
    """
    app = load_app(app_name)
    app.configure(concurrency=concurrency)
    set_up_logs()
    tune_gc()
    manager = ServiceManager()
    if app.settings.inline:  # analyses run in this process
        silence_standard_input()
        mark = mark_descendants()
        code = run_worker_loop(_serve(app, app_name, host, port, 0, manager, root_path))
        kill_marked(mark)
    else:
        code = run(_serve(app, app_name, host, port, workers, manager, root_path))
    kill_descendants()
    sys.stdout.flush()
    # not sys.exit(): threads that analyses left behind must not delay the exit
    os._exit(code)


async def _serve(
    app: Outlast,
    app_name: str | None,
    host: str,
    port: int,
    workers: int,
    manager: ServiceManager,
    root_path: str,
) -> int:
    manager.status("Opening the store")
    engine = await runtime_of(app).open(patient=True)
    supervisor_id = new_supervisor_id()
    command = worker_command(app_name, app.settings.concurrency, "--supervisor", supervisor_id)
    grace = app.settings.shutdown_grace
    supervisor = Supervisor(command, workers, engine.store, engine.maintenance, grace=grace, stays=True)
    info = supervisor_info(app, supervisor_id, runtime_of(app).worker_options().queues)
    control = SupervisorControl(supervisor, info, engine.store, engine.notifier, engine.outage)
    settings, open_files = app.settings, raise_open_file_limit()
    allowed = allowed_connections(open_files, settings.max_connections)
    if allowed < settings.max_connections:
        log.info("At most %d connections may be open, as the limit on open files is %d.", allowed, open_files)
    server = Server(server_config(app.asgi(prefix=root_path), host, port, settings.trusted_proxies), allowed)

    loop = asyncio.get_running_loop()

    def close() -> None:
        # streams first: the server waits until all responses have ended
        engine.closing.set()
        server.should_exit = True
        engine.stop_embedded()

    def stop() -> None:
        manager.stopping()
        server.force_exit = engine.draining
        if engine.draining or app.settings.drain_delay == 0:
            close()
        else:
            loop.call_later(app.settings.drain_delay, close)
        engine.draining = server.draining = True
        supervisor.stop()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop)
    supervising = asyncio.create_task(supervisor.run())
    beside = [asyncio.create_task(_announce(server, app, workers, manager, root_path))]
    if workers:
        beside.append(asyncio.create_task(control.run()))
    watched = asyncio.create_task(manager.keep_alive())
    try:
        await _listen(server, host, port)
        await supervising
    finally:
        supervisor.stop()
        await supervising
        for task in beside:
            task.cancel()
        await asyncio.wait(beside)
        await app.close()
        watched.cancel()
    return 0


async def _listen(server: Server, host: str, port: int) -> None:
    try:
        await server.serve()
    except socket.gaierror as error:
        raise Refused(
            f"Cannot find the address of the host {host!r} ({error.strerror}). Name another with --host."
        ) from None
    except OSError:
        raise Refused(
            f"Cannot listen on {host}:{port}. Another program may use this port; choose another with --port."
        ) from None


def _is_loopback(address: str) -> bool:
    return ip_address(address.partition("%")[0]).is_loopback


async def _announce(server: Server, app: Outlast, workers: int, manager: ServiceManager, root_path: str) -> None:
    while not server.started:  # noqa: ASYNC110 - the server has no event to wait for
        await asyncio.sleep(0.02)
    address = server.servers[0].sockets[0].getsockname()
    host = f"[{address[0]}]" if ":" in address[0] else address[0]
    inline = "analyses run inside the request (sync mode)"
    workers_text = inline if app.settings.inline else f"{workers} worker process{'' if workers == 1 else 'es'}"
    address_url = f"http://{host}:{address[1]}{root_path}"
    manager.ready(f"Serving on {address_url}")
    click.echo(f"Serving on {address_url}  ({workers_text}; data in {app.settings.data_dir})", err=True)
    dashboard = f"{app.settings.public_url or address_url}/dashboard"
    if app.settings.dashboard_key is None and not _is_loopback(address[0]):
        reach = "viewers alone" if app.settings.dashboard_viewer_key else "nobody"
        click.echo(
            f"Dashboard: open to {reach}, because other machines can reach {host} and ANALYSIS_DASHBOARD_KEY is "
            "not set. Set it to the output of: openssl rand -hex 16",
            err=True,
        )
        return
    once = runtime_of(app).operators().one_time_key()
    click.echo(
        f"Dashboard: {dashboard}/enter?key={once}  (opens once; ANALYSIS_DASHBOARD_KEY sets a lasting key)"
        if once
        else f"Dashboard: {dashboard}",
        err=True,
    )
