"""`outlast serve`: the API, the pages and supervised workers, until a signal."""

import asyncio
import os
import signal
import sys
from collections.abc import Generator
from contextlib import contextmanager
from typing import Literal

import click
import uvicorn

from outlast.app import Outlast
from outlast.cli.logs import set_up_logs
from outlast.cli.program import Refused, app_option, collect_seldom, load_app, run, sentences
from outlast.core.process_tree import kill_descendants
from outlast.core.supervisor import Supervisor, python_command
from outlast.core.supervisor_link import silence_standard_input

WORKERS = 2


class _Server(uvicorn.Server):
    """Leaves signals to us: it would raise them again at its end and kill us before the workers have drained."""

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        yield


@click.command()
@app_option
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=8000, show_default=True, help="Port to listen on; 0 takes a free one.")
@click.option("--workers", default=WORKERS, show_default=True, help="Worker processes; 0: none on this machine.")
@click.option("--concurrency", type=click.IntRange(1), help="Attempts at once in one worker.")
@sentences
def serve(app_name: str | None, host: str, port: int, workers: int, concurrency: int | None) -> None:
    """Serve the site and the API, with supervised workers: the whole product on one machine.

    Everything is kept in the data folder (ANALYSIS_DATA_DIR, ./outlast-data); nothing else is needed.
    Ctrl-C lets running analyses finish for ANALYSIS_SHUTDOWN_GRACE seconds; a second one stops at once, and
    what was not done goes on at the next start. With ANALYSIS_DRAIN_DELAY the site is still served for so many
    seconds, while /readyz already denies.
    """
    app = load_app(app_name)
    app.configure(concurrency=concurrency)
    set_up_logs()
    collect_seldom()
    if app.settings.inline:
        silence_standard_input()
    code = run(_serve(app, app_name, host, port, 0 if app.settings.inline else workers))
    kill_descendants()
    sys.stdout.flush()
    # not sys.exit(): threads that analyses left behind must not hold up the end
    os._exit(code)


async def _serve(app: Outlast, app_name: str | None, host: str, port: int, workers: int) -> int:
    engine = await app.open(patient=True)
    command = worker_command(app_name, app.settings.concurrency)
    supervisor = Supervisor(command, workers, engine.store, engine.maintenance, grace=app.settings.shutdown_grace)
    config = uvicorn.Config(
        app.asgi(),
        host=host,
        port=port,
        lifespan="off",
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=1,
        timeout_keep_alive=30,
        server_header=False,
        http=_protocol(),
    )
    server = _Server(config)

    loop = asyncio.get_running_loop()

    def close() -> None:
        # the streams first: the server would wait for ever while one is open
        engine.closing.set()
        server.should_exit = True
        engine.stop_embedded()

    def stop() -> None:
        server.force_exit = engine.draining
        if engine.draining or app.settings.drain_delay == 0:
            close()
        else:
            loop.call_later(app.settings.drain_delay, close)
        engine.draining = True
        supervisor.stop()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop)
    supervising = asyncio.create_task(supervisor.run())
    announcing = asyncio.create_task(_announce(server, app, workers))
    try:
        await _listen(server, host, port)
        await supervising
    finally:
        announcing.cancel()
        supervisor.stop()
        await supervising
        await app.close()
    return 0


def _protocol() -> "type[asyncio.Protocol] | Literal['auto']":
    try:
        from outlast.cli.heads import BoundedHeads
    except ModuleNotFoundError:  # where httptools does not build, its slower stand-in has a limit of its own
        return "auto"
    return BoundedHeads


async def _listen(server: uvicorn.Server, host: str, port: int) -> None:
    try:
        await server.serve()
    except SystemExit:  # how the server says that it cannot
        raise Refused(
            f"Cannot listen on {host}:{port}: is another program there? Choose another with --port."
        ) from None


def worker_command(app_name: str | None, concurrency: int, *more: str) -> list[str]:
    """How a supervised worker of this application is started."""
    named = ["--app", app_name] if app_name else []
    return python_command("workers", "run", *named, "--concurrency", str(concurrency), *more)


async def _announce(server: uvicorn.Server, app: Outlast, workers: int) -> None:
    while not server.started:  # noqa: ASYNC110 - the server has no event to wait for
        await asyncio.sleep(0.02)
    address = server.servers[0].sockets[0].getsockname()
    host = f"[{address[0]}]" if ":" in address[0] else address[0]
    inline = "analyses run inside the request (sync mode)"
    how = inline if app.settings.inline else f"{workers} worker process{'' if workers == 1 else 'es'}"
    here = f"http://{host}:{address[1]}"
    click.echo(f"Serving on {here}  ({how}; data in {app.settings.data_dir})", err=True)
    dashboard = f"{app.settings.public_url or here}/dashboard"
    once = app.operators().key_for_once()
    click.echo(
        f"Dashboard: {dashboard}/enter?key={once}  (opens once; ANALYSIS_DASHBOARD_KEY sets a lasting key)"
        if once
        else f"Dashboard: {dashboard}",
        err=True,
    )
