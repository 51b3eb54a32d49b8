"""The `outlast` command: a group whose subcommands are imported lazily, so that `--help` is fast."""

import errno
import os
import sys
import traceback
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, suppress
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import click

COMMANDS = {
    "serve": ("outlast.cli.serve:serve", "API, pages and workers: the whole site on one machine."),
    "workers": ("outlast.cli.workers:workers", "Start workers; list, stop, restart and pause all of them."),
    "sessions": ("outlast.cli.sessions:sessions", "List, show, watch, cancel and retry sessions."),
    "queue": (
        "outlast.cli.queue:queue",
        "See what failed, retry it; see, pause and resume the queues.",
    ),
    "audit": ("outlast.cli.audit:audit", "List who did what."),
    "cleanup": ("outlast.cli.cleanup:cleanup", "Delete finished sessions, results and uploads that are old."),
    "keys": ("outlast.cli.keys:keys", "Create, list and revoke API keys."),
    "store": ("outlast.cli.store:store", "Back everything up, restore it, move it into another database."),
    "doctor": ("outlast.cli.doctor:doctor", "Find out what is wrong, and how to mend it."),
    "generate": (
        "outlast.cli.generate:generate",
        "Print a ready file: systemd, supervisor, cron, nginx, caddy, compose, kubernetes, alerts, grafana.",
    ),
    "migrate": ("outlast.cli.migrate:migrate", "Bring the database's schema up to date."),
}


@cache
def commands() -> Mapping[str, tuple[str, str]]:
    """Those of the library, and those of every installed distribution with an entry point `outlast.commands`."""
    found = dict(COMMANDS)
    for value in entry_points("outlast.commands"):
        module, _, name = value.partition(":")
        found |= getattr(import_module(module), name)
    return found


def entry_points(group: str) -> Iterator[str]:
    """Yield the values of this group's entry points, of all installed distributions.

    `importlib.metadata` does the same, and importing it takes a fifth of the processor time of `--help`.
    """
    seen: set[str] = set()
    for folder in sys.path:
        with suppress(OSError):
            for file in sorted(Path(folder).glob("*.dist-info/entry_points.txt")):
                name = file.parent.name.partition("-")[0].lower()
                if name not in seen:  # the first of two versions on the import path counts
                    seen.add(name)
                    section = f"\n{file.read_text(encoding='utf-8')}".partition(f"\n[{group}]")[2].partition(
                        "\n["
                    )[0]
                    lines = (line.partition("=") for line in section.splitlines())
                    yield from (value.strip() for _, equals, value in lines if equals)


FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
"""Errors of writing to a disk that is full, or whose quota or limit is reached."""


class LazyCommands(click.Group):
    """A group that knows names and summaries and imports a command when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(commands())

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - as above
        if cmd_name not in commands():
            return None
        module, _, name = commands()[cmd_name][0].partition(":")
        return getattr(import_module(module), name)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command. A reader that closed the pipe early learns nothing: exit code 2, and not click's 1."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # so that the flush at the end is quiet
            sys.exit(2)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - as above
        with formatter.section("Commands"):
            formatter.write_dl([(name, summary) for name, (_, summary) in commands().items()])


@click.command(
    cls=LazyCommands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Start with `outlast serve`, and open the address that it prints.",
)
@click.version_option(package_name="outlast")
def outlast() -> None:
    """Slow analyses behind a web page, durable, with live progress.

    Without --app, commands use the application that an installed package offers, such as outlast-reviews: a site
    that judges a product's reviews.
    """


def _exit_with_2(_kind: object, error: BaseException | None, _trace: object) -> None:
    """Print the traceback of an unexpected error, and exit with 2: Python's own 1 would be a negative answer."""
    handled = (click.exceptions.Exit, click.ClickException, click.Abort)
    if isinstance(error, OSError) and error.errno in FULL:
        click.echo(f"Error: The output cannot be written: {error.strerror}.", err=True)
        sys.exit(2)
    if isinstance(error, Exception) and not isinstance(error, handled):
        traceback.print_exception(error)
        sys.exit(2)


def main() -> None:
    """Run a command. Exit codes: 0 success, 1 a negative answer, 2 an error or wrong usage."""
    try:
        with ExitStack() as stack:
            stack.push(_exit_with_2)
            outlast.main(standalone_mode=False)
    except click.exceptions.Exit as done:
        sys.exit(done.exit_code)
    except click.ClickException as error:
        error.show()
        sys.exit(2)
    except click.Abort:
        sys.exit(2)
