"""Helpers shared by the commands: options, loading the application, error messages and JSON output."""

import asyncio
import gc
import json
import os
import shlex
import socket
import sys
from collections.abc import AsyncGenerator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from functools import wraps
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import click

from outlast.app import Outlast, runtime_of
from outlast.domain.errors import OutlastError
from outlast.domain.printable import printable_json, printable_lines
from outlast.ports.workers import WorkerInfo
from outlast.running.engine import Engine
from outlast.running.process_identity import has_ended, own_identity
from outlast.settings import load_settings

P = ParamSpec("P")
T = TypeVar("T")


class Refused(click.ClickException):
    """The command cannot answer, or its usage is wrong: exit code 2."""

    exit_code = 2


def app_option(command: Callable[P, T]) -> Callable[P, T]:
    """Add the option `--app module:object`."""
    return click.option(
        "--app",
        "app_name",
        metavar="MODULE:OBJECT",
        help="The Outlast object of your own program; the current folder is importable. Also ANALYSIS_APP.",
    )(command)


def json_option(command: Callable[P, T]) -> Callable[P, T]:
    """Add the option `--json`."""
    return click.option("--json", "as_json", is_flag=True, help="Print facts as JSON.")(command)


def shown_command(arguments: str, app_name: str | None) -> str:
    """Return a command as a person types it who has typed this `--app`."""
    return f"outlast {arguments}" + (f" --app {shlex.quote(app_name)}" if app_name else "")


def load_app(name: str | None = None) -> Outlast:
    """Import the application that `--app`, `ANALYSIS_APP` or the default names."""
    target = name or load_settings().app or _installed_app()
    module, _, attribute = target.partition(":")
    if str(Path.cwd()) not in sys.path:
        sys.path.insert(0, str(Path.cwd()))
    try:
        found = getattr(import_module(module), attribute or "outlast")
    except ModuleNotFoundError as error:
        raise Refused(f"There is no module {error.name!r}. Name your program as --app module:object.") from None
    except AttributeError:
        raise Refused(f"The module {module!r} has no {attribute or 'outlast'!r}.") from None
    if not isinstance(found, Outlast):
        raise Refused(f"{target!r} is not an Outlast object.")
    return found


def _installed_app() -> str:
    """Name the application that an installed distribution offers by an entry point `outlast.apps`."""
    offered = entry_points(group="outlast.apps", name="default")
    if not offered:
        raise Refused(
            "No application is named. Name your program as --app module:object or as ANALYSIS_APP, or install "
            "outlast-reviews (the folder `reviews` of the repository), the site that judges a product's reviews."
        )
    return next(iter(offered)).value


def explain_errors(command: Callable[P, T]) -> Callable[P, T]:
    """Decorate a command to print the message of an `OutlastError` and exit with code 2."""

    @wraps(command)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return command(*args, **kwargs)
        except OutlastError as error:
            raise Refused(printable_lines(str(error))) from None

    return wrapper


def worker_command(app_name: str | None, concurrency: int, *more: str) -> list[str]:
    """The command line of a supervised worker of this application."""
    target = ["--app", app_name] if app_name else []
    return [sys.executable, "-m", "outlast", "workers", "run", *target, "--concurrency", str(concurrency), *more]


def supervisor_info(app: Outlast, supervisor_id: str, queues: Sequence[str]) -> WorkerInfo:
    """The row of this process as a supervisor."""
    runtime = runtime_of(app)
    code = runtime.code_version()
    now = datetime.now(UTC)
    return WorkerInfo(
        id=supervisor_id,
        host=socket.gethostname(),
        pid=os.getpid(),
        queues=tuple(queues),
        analyses=tuple(runtime.catalogue.names),
        concurrency=0,
        started_at=now,
        beat_at=now,
        process=own_identity(),
        program=code.program,
        version=code.version,
    )


def as_seen_here(workers: Sequence[WorkerInfo]) -> list[WorkerInfo]:
    """Return the workers, those of this machine as dead whose processes have ended, before their leases lapse."""
    return [replace(w, alive=False) if w.process is not None and has_ended(w.process) else w for w in workers]


@asynccontextmanager
async def opened(app: Outlast) -> AsyncGenerator[Engine]:
    """Open the engine for one short command, without maintenance and migrations."""
    try:
        yield await runtime_of(app).open(maintain=False, migrate=False)
    finally:
        await app.close()


def run(work: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(work)


def tune_gc() -> None:
    """Freeze the loaded modules and collect less often, for long-lived processes.

    Collecting took a third of the time in which workers drain a queue; with thousands of streams, each collection
    paused the process for a tenth of a second.
    """
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)


def print_json(facts: Any) -> None:
    click.echo(printable_json(json.dumps(facts, indent=2, ensure_ascii=False, default=str)))
