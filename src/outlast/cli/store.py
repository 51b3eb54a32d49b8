"""`outlast store`: copy the store into another database, reopen it, back it up and restore it."""

from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from outlast.backends.copying import Copied, copy_tables
from outlast.cli.application import Refused, app_option, explain_errors, json_option, load_app, print_json, run
from outlast.cli.audit import record_command
from outlast.cli.backups import back_up_store, restore_store
from outlast.cli.numbers import count
from outlast.domain.errors import SchemaDiffers
from outlast.domain.printable import printable
from outlast.settings import Settings, load_settings
from outlast.wiring import lock_tables, make_store


@click.group()
def store() -> None:
    """Back the store up and restore it; copy it into another database; reopen a closed store."""


@store.command()
@app_option
@click.argument("target", type=click.Path())
@click.option("--keep", type=count(), help="With a folder: delete all but this many backups there.")
@json_option
@explain_errors
def backup(app_name: str | None, target: str, keep: int | None, as_json: bool) -> None:
    r"""Write a backup of the store to the new file TARGET, or to a dated file in the folder TARGET.

    Stop nothing for it: the backup is one consistent moment of the store. It is one SQLite file of mode 0600, also
    of PostgreSQL, and is checked before it gets its name. The embedded store's signing key is copied beside it.
    Exits 2 if there is no store, if it holds no session, or if TARGET exists.

    \b
    Example: outlast store backup /var/backups/outlast/ --keep 14
    """
    path = Path(target)
    if target.endswith("/") or keep is not None:  # a `Path` has lost the slash
        _make_folder(path)
    settings = _settings(app_name)
    with _progress() as report:
        done = back_up_store(settings, path, keep, report)
    if as_json:
        print_json({"store": settings.shown_store, **asdict(done)})
        return
    click.echo(
        f"Backed up {done.sessions} sessions, {done.results} results, {done.uploads} uploads and {done.facts} "
        f"facts of {settings.shown_store} to {done.path} ({done.bytes / 1e6:.1f} MB), and checked them."
    )
    if done.key is not None:
        click.echo(f"The signing key is in {done.key}.")
    if done.deleted:
        click.echo(f"Deleted {len(done.deleted)} older backup(s).")


@store.command()
@app_option
@click.argument("source", type=Path)
@click.option("--replace", is_flag=True, help="Delete what the store holds first.")
@json_option
@explain_errors
def restore(app_name: str | None, source: Path, replace: bool, as_json: bool) -> None:
    r"""Copy the backup SOURCE into the store of the settings, SQLite or PostgreSQL.

    Stop all processes of the installation first. Sessions that were running are pending afterwards and continue
    after their last kept step. Exits 2, and changes nothing, if a worker is alive, or if the store holds sessions
    and --replace is not given.

    \b
    Example: outlast store restore /var/backups/outlast/outlast-20270101T023000Z.db
    """
    settings = _settings(app_name)
    with _progress() as report:
        done = restore_store(source, settings, replace=replace, report=report)
    run(_record(settings, str(source), f"{done.sessions} sessions"))
    if as_json:
        print_json({"store": settings.shown_store, **asdict(done)})
        return
    click.echo(
        f"Restored {done.sessions} sessions ({done.given_back} of them were running and are pending again), "
        f"{done.results} results, {done.uploads} uploads and {done.facts} facts into {settings.shown_store}."
    )


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
    # the audit log has no line of it: a copy that is repeated requires both stores to have the same rows
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
    if reason:
        run(_record(settings, settings.shown_store, reason))
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
    with _progress() as report, lock_tables(target) as other, lock_tables(source) as one:
        # the target first: it may be the source, and is not empty then
        return copy_tables(one, other, moved_to, report), moved_to is not None


@contextmanager
def _progress() -> Generator[Callable[[str, int, int], None]]:
    """Show bars on a terminal, one for each phase that is reported."""
    terminal = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=terminal, disable=not terminal.is_terminal) as bars:
        shown: dict[str, TaskID] = {}

        def report(what: str, done: int, total: int) -> None:
            if what not in shown:
                shown[what] = bars.add_task(what, total=total)
            bars.update(shown[what], total=total, completed=done)

        yield report


def _settings(app_name: str | None) -> Settings:
    """The settings of the application, else those of the environment."""
    settings = load_settings()
    return load_app(app_name).settings if app_name or settings.app else settings


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise Refused(f"{folder} cannot be made: {error.strerror}.") from None


async def _migrations(settings: Settings, *, migrate: bool) -> None:
    """Require a current schema, or bring it up to date."""
    opened = make_store(settings)
    await opened.open(migrate=migrate)
    await opened.close()


async def _record(settings: Settings, target: str, detail: str) -> None:
    """Add a line for the command to the audit log of the store of these settings."""
    opened = make_store(settings)
    await opened.open(migrate=False)
    try:
        await record_command(opened, target, detail)
    finally:
        await opened.close()
