"""The options that all commands of `outlast generate` share, and the installation that they describe."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import ParamSpec, TypeVar

import click

from outlast.cli.application import Refused, app_option, explain_errors
from outlast.cli.installation import Installation, Processes, default_user
from outlast.cli.numbers import LAST_PORT, MOST_WORKERS, PORT, count
from outlast.given_settings import given_settings
from outlast.settings import load_settings

P = ParamSpec("P")
T = TypeVar("T")

OPTIONS = (
    app_option,
    click.option("--web", default=2, show_default=True, type=count(1, 64), help="Web processes."),
    click.option("--workers", type=count(1, MOST_WORKERS), help="Worker processes. Default: 2, or 3 containers."),
    click.option("--concurrency", type=count(), help="Attempts at once in one worker."),
    click.option("--queue", "queues", multiple=True, metavar="NAME", help="The workers' queue; may be repeated."),
    click.option("--host", default="127.0.0.1", show_default=True, help="Address that web processes listen on."),
    click.option(
        "--port", default=8000, show_default=True, type=PORT, help="Port of the first web process; others follow."
    ),
    click.option("--user", metavar="NAME", help="Who runs the processes. Default: you; outlast if you are root."),
    click.option("--secrets", type=Path, metavar="FILE", help="File of the secrets. Default: outlast.env here."),
    click.option("--output", type=Path, metavar="PATH", help="Write here instead of printing."),
    click.option("--force", is_flag=True, help="Overwrite files that exist."),
    explain_errors,
)


def installation_options(command: Callable[P, T]) -> Callable[P, T]:
    """Add the shared options: those of `described`, `--output` and `--force`."""
    for option in reversed(OPTIONS):
        command = option(command)
    return command


def described(
    *,
    app_name: str | None,
    web: int,
    workers: int | None,
    concurrency: int | None,
    queues: Sequence[str],
    host: str,
    port: int,
    user: str | None,
    secrets: Path | None,
    containers: bool = False,
) -> Installation:
    """The installation in the current folder. In `containers`, no process reads the `.env` of the folder."""
    if port + web - 1 > LAST_PORT:
        raise Refused(
            f"{web} web processes from port {port} on need ports above {LAST_PORT}; choose a lower --port."
        )
    settings = load_settings()
    given = given_settings(from_file=containers)
    if data := given.get("ANALYSIS_DATA_DIR"):
        given["ANALYSIS_DATA_DIR"] = str(Path(data).absolute())
    app = given.pop("ANALYSIS_APP", None)
    options = [word for queue in queues for word in ("--queue", queue)]
    if concurrency is not None:
        options += ["--concurrency", str(concurrency)]
    return Installation(
        app=app_name or app,
        folder=Path.cwd(),
        settings=settings,
        given=given,
        processes=Processes(host, port, web, workers or (3 if containers else 2), options),
        user=user or default_user(),
        secrets_file=(secrets or Path("outlast.env")).absolute(),
    )


def warn_without_name(installation: Installation) -> None:
    """Warn if the site would refuse everybody who comes through a proxy."""
    if installation.public_host is None and not installation.settings.allowed_hosts:
        click.echo(
            "ANALYSIS_PUBLIC_URL is not set: set it to the address that people use. Without it, Outlast "
            "answers 421 to every name but those of this machine.",
            err=True,
        )
