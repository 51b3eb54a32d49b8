"""`outlast store`: move everything into another database."""

from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from outlast.cli.application import json_option, print_json, run, sentences
from outlast.cli.printable import printable
from outlast.core.copying import Copied, MovableStore, StoreCopy
from outlast.domain.errors import SchemaDiffers
from outlast.settings import Settings, load_settings
from outlast.wiring import make_carried_store, make_store


@click.group()
def store() -> None:
    """Move everything into another database; take changes again."""


@store.command()
@click.argument("source", metavar="FROM")
@click.argument("target", metavar="TO")
@json_option
@sentences
def copy(source: str, target: str, as_json: bool) -> None:
    r"""Copy the whole store at FROM into the empty one at TO: addresses as in DATABASE_URL.

    People may go on using FROM meanwhile. Towards the end it is shut for good: what was at work is given back
    unspent and goes on at TO, starts are answered with 503. Then set DATABASE_URL to TO on every machine and
    restart. Interrupted, the same command goes on where it ended; `outlast store open FROM` goes back to FROM
    instead. Both sides are compared by counts and checksums before TO takes its first session.

    A FROM that was made before the schema was frozen is copied too, and stays as it is. Stop every process that
    uses it before.

    \b
    Example: outlast store copy sqlite:///outlast.db postgresql://outlast:secret@db/outlast
    """
    copied = run(_copy(load_settings(database_url=source), load_settings(database_url=target)))
    if as_json:
        print_json({field: getattr(copied, field) for field in copied.__slots__})
        return
    click.echo(
        f"Copied {copied.sessions} sessions ({copied.given_back} of them were at work and wait again), "
        f"{copied.results} results, {copied.uploads} uploads and {copied.facts} facts. "
        f"Both sides agree: {copied.checksum}."
    )
    click.echo(f"Now set DATABASE_URL={target} on every machine and restart. {source} takes no changes any more.")


@store.command("open")
@click.argument("address", metavar="STORE")
@sentences
def open_again(address: str) -> None:
    """Let a store take changes again that a copy has shut: when you go back to it.

    Never do this with both sides of a finished copy: sessions would be worked for twice.
    """

    async def reopen() -> str | None:
        async with _opened(load_settings(database_url=address), migrate=False) as opened:
            reason = await opened.shut_because()
            await opened.reopen()
            return reason

    reason = run(reopen())
    click.echo(printable(f"It takes changes again. It was shut: {reason}") if reason else "It was open already.")


async def _copy(source: Settings, target: Settings) -> Copied:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True)) as bars:
        shown: dict[str, TaskID] = {}

        def tell(what: str, done: int, total: int) -> None:
            if what not in shown:
                shown[what] = bars.add_task(what, total=total)
            bars.update(shown[what], completed=done, total=total)

        async with AsyncExitStack() as stack:
            try:
                one = await stack.enter_async_context(_opened(source, migrate=False))
            except SchemaDiffers:
                click.echo("FROM was made by another version: what can be read of it is copied.", err=True)
                one = await stack.enter_async_context(make_carried_store(source))
            other = await stack.enter_async_context(_opened(target))
            return await StoreCopy(one, other, tell).run(target.shown_database)


@asynccontextmanager
async def _opened(settings: Settings, *, migrate: bool = True) -> AsyncGenerator[MovableStore]:
    opened = make_store(settings)
    await opened.open(migrate=migrate)
    try:
        yield opened
    finally:
        await opened.close()
