"""`outlast store`: copy the store into another database, and reopen a store."""

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from outlast.backends.copying import Copied, copy_tables
from outlast.cli.application import explain_errors, json_option, print_json, run
from outlast.domain.errors import SchemaDiffers
from outlast.domain.printable import printable
from outlast.settings import Settings, load_settings
from outlast.wiring import lock_tables, make_store


@click.group()
def store() -> None:
    """Copy the store into another database; reopen a closed store."""


@store.command()
@click.argument("source", metavar="FROM")
@click.argument("target", metavar="TO")
@json_option
@explain_errors
def copy(source: str, target: str, as_json: bool) -> None:
    r"""Copy the whole store at FROM into the empty store at TO; both are URLs as in DATABASE_URL.

    Stop nothing for it: while the copy runs, both databases are locked, and starts get 503. Then running sessions
    are released without using up an attempt, counts and checksums of both sides are compared, and FROM is closed
    for good: every process refuses it with the address of TO. Then set DATABASE_URL to TO on every machine and
    restart. An interrupted copy leaves FROM open and TO empty; run the command again. To return to FROM, use
    `outlast store open FROM`.

    A FROM whose schema predates the first stable release is copied too and stays unchanged. Stop every process
    that uses it first.

    \b
    Example: outlast store copy sqlite:///outlast.db postgresql://outlast:secret@db/outlast
    """
    copied, closed = _copy(load_settings(database_url=source), load_settings(database_url=target))
    if as_json:
        print_json({field: getattr(copied, field) for field in copied.__slots__})
        return
    click.echo(
        f"Copied {copied.sessions} sessions ({copied.given_back} of them were running and are pending again), "
        f"{copied.results} results, {copied.uploads} uploads and {copied.facts} facts. "
        f"Both sides agree: {copied.checksum}."
    )
    now = "is closed" if closed else "is not closed, as its schema is of another version: stop what uses it"
    click.echo(f"Now set DATABASE_URL={target} on every machine and restart. {source} {now}.")


@store.command("open")
@click.argument("address", metavar="STORE")
@explain_errors
def open_again(address: str) -> None:
    """Make a store writable again that a copy has closed, to return to it.

    Never do this with both sides of a finished copy: sessions would run twice.
    """
    settings = load_settings(database_url=address)
    run(_migrations(settings, migrate=False))
    with lock_tables(settings) as tables:
        reason = tables.closed_because()
        tables.close_because(None)
        tables.commit()
    click.echo(printable(f"It is open again. It was closed: {reason}") if reason else "It was already open.")


def _copy(source: Settings, target: Settings) -> tuple[Copied, bool]:
    """Return what was copied, and whether the source is closed now."""
    moved_to: str | None = target.shown_database if target.on_postgres else f"sqlite:///{target.shown_store}"
    try:
        run(_migrations(source, migrate=False))
    except SchemaDiffers:
        click.echo("FROM has another version's schema; copying what can be read.", err=True)
        moved_to = None
    run(_migrations(target, migrate=True))
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True)) as bars:
        shown: dict[str, TaskID] = {}

        def report(what: str, done: int, total: int) -> None:
            if what not in shown:
                shown[what] = bars.add_task(what, total=total)
            bars.update(shown[what], completed=done)

        # the target first: it may be the source, and is not empty then
        with lock_tables(target) as other, lock_tables(source) as one:
            return copy_tables(one, other, moved_to, report), moved_to is not None


async def _migrations(settings: Settings, *, migrate: bool) -> None:
    """Require a current schema, or bring it up to date."""
    opened = make_store(settings)
    await opened.open(migrate=migrate)
    await opened.close()
