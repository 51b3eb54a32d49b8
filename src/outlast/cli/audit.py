"""`outlast audit`: who did what, and the lines that commands add to it."""

import getpass
import socket
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime

import click

from outlast.cli.application import app_option, explain_errors, json_option, load_app, opened, print_json, run
from outlast.cli.numbers import count
from outlast.cli.selection import WHEN
from outlast.cli.tables import print_table
from outlast.core.audit import record_action
from outlast.domain.printable import printable
from outlast.ports.audit import ActionSelection, AuditLog, RecordedAction

NEXT_PAGE = "There may be more: --after"
MOST_NAMED = 20
"""Names that a line lists."""


@click.command()
@app_option
@json_option
@click.option("--since", type=WHEN, help="Only since then: 30m, 2h, 7d, or a date.")
@click.option("--actor", metavar="TEXT", help="Only of people whose name, and API keys whose id, contains this.")
@click.option("--action", metavar="TEXT", help="Only actions that begin so, such as `queue` or `workers stop`.")
@click.option("--limit", default=50, show_default=True, type=count(1, 1000))
@click.option("--after", metavar="ID", help="The last line of the page before.")
@explain_errors
def audit(
    app_name: str | None,
    as_json: bool,
    since: datetime | None,
    actor: str | None,
    action: str | None,
    limit: int,
    after: str | None,
) -> None:
    """List what operators did on the dashboard and by commands, and API keys that may operate, the newest first.

    A line is kept for a year, and the newest 100,000 at most.
    """
    app = load_app(app_name)

    async def read() -> Sequence[RecordedAction]:
        async with opened(app) as engine:
            return await engine.store.actions(ActionSelection(actor, action, since, limit, after))

    found = run(read())
    if as_json:
        print_json([asdict(line) for line in found])
        return
    if not found:
        missing = "" if after is None else f" after {printable(after)!r}, or there is no such line any more"
        click.echo(f"No line of the audit log matches{missing}.")
        return
    rows = [(f"{line.at:%Y-%m-%d %H:%M:%S}", line.actor, line.action, line.target, line.detail) for line in found]
    print_table(("at", "who", "action", "target", "detail"), rows, whole=("at", "action"))
    if len(found) == limit:
        click.echo(f"{NEXT_PAGE} {found[-1].id}", err=True)


async def record_command(store: AuditLog, target: str = "", detail: str = "") -> None:
    """Add a line for the command that runs to the audit log, under the name of whoever typed it."""
    actor = f"command line, {_user()}@{socket.gethostname()}"
    await record_action(store, actor, _command_name(), target, detail)


def _command_name() -> str:
    """Return the command without `outlast`, such as `queue pause`."""
    context: click.Context | None = click.get_current_context(silent=True)
    names: list[str] = []
    while context is not None and (context.parent is not None or not names):
        names.insert(0, context.command.name or "")
        context = context.parent
    return " ".join(names)


def named(names: Sequence[str]) -> str:
    """Return the names in one line, of which very many are only counted."""
    rest = len(names) - MOST_NAMED
    return ", ".join(names[:MOST_NAMED]) + (f" and {rest} more" if rest > 0 else "")


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container may have no name for its user
        return "somebody"
