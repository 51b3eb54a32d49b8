"""`outlast store`: copy the store into another database, and reopen a store."""

from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from outlast.cli.application import explain_errors, json_option, print_json, run
from outlast.cli.printable import printable
from outlast.core.copying import Copied, MovableStore, StoreCopy
from outlast.domain.errors import SchemaDiffers
from outlast.settings import Settings, load_settings
from outlast.wiring import make_carried_store, make_store


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

    FROM stays in use during the copy. Towards the end it becomes read-only for good: running sessions are
    released without using up an attempt and continue at TO, and starts get 503. Then set DATABASE_URL to TO on
    every machine and restart. If the command is interrupted, run it again to continue, or return to FROM with
    `outlast store open FROM`. Counts and checksums of both sides are compared before TO accepts sessions.

    A FROM whose schema predates the first stable release is copied too and stays unchanged. Stop every process
    that uses it first.

    \b
    Example: outlast store copy sqlite:///outlast.db postgresql://outlast:secret@db/outlast
    """
    copied = run(_copy(load_settings(database_url=source), load_settings(database_url=target)))
    if as_json:
        print_json({field: getattr(copied, field) for field in copied.__slots__})
        return
    click.echo(
        f"Copied {copied.sessions} sessions ({copied.given_back} of them were running and are pending again), "
        f"{copied.results} results, {copied.uploads} uploads and {copied.facts} facts. "
        f"Both sides agree: {copied.checksum}."
    )
    click.echo(f"Now set DATABASE_URL={target} on every machine and restart. {source} is read-only.")


@store.command("open")
@click.argument("address", metavar="STORE")
@explain_errors
def open_again(address: str) -> None:
    """Make a store writable again that a copy has closed, to return to it.

    Never do this with both sides of a finished copy: sessions would run twice.
    """

    async def reopen() -> str | None:
        async with _opened(load_settings(database_url=address), migrate=False) as opened:
            reason = await opened.shut_because()
            await opened.reopen()
            return reason

    reason = run(reopen())
    click.echo(printable(f"It is open again. It was closed: {reason}") if reason else "It was already open.")


async def _copy(source: Settings, target: Settings) -> Copied:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True)) as bars:
        shown: dict[str, TaskID] = {}

        def report(what: str, done: int, total: int) -> None:
            if what not in shown:
                shown[what] = bars.add_task(what, total=total)
            bars.update(shown[what], completed=done, total=total)

        async with AsyncExitStack() as stack:
            try:
                one = await stack.enter_async_context(_opened(source, migrate=False))
            except SchemaDiffers:
                click.echo("FROM has another version's schema; copying what can be read.", err=True)
                one = await stack.enter_async_context(make_carried_store(source))
            other = await stack.enter_async_context(_opened(target))
            return await StoreCopy(one, other, report).run(target.shown_database)


@asynccontextmanager
async def _opened(settings: Settings, *, migrate: bool = True) -> AsyncGenerator[MovableStore]:
    opened = make_store(settings)
    await opened.open(migrate=migrate)
    try:
        yield opened
    finally:
        await opened.close()
