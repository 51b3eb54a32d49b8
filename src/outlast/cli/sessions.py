"""`outlast sessions`: list, show, watch, cancel and retry sessions."""

import sys
from collections.abc import Sequence
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

from outlast.app import Outlast
from outlast.cli.application import (
    app_option,
    explain_errors,
    json_option,
    load_app,
    opened,
    print_json,
    run,
)
from outlast.cli.audit import record_command
from outlast.cli.many_sessions import BulkChange, cancel_batch, change_sessions, require_either, retry_batch
from outlast.cli.numbers import count
from outlast.cli.selection import filters, find_one, selection_of
from outlast.cli.session_story import print_story, session_facts, story_facts
from outlast.cli.tables import print_table
from outlast.core.watch import SessionView
from outlast.domain.printable import printable
from outlast.domain.session import AnalysisSession, AttemptRecord
from outlast.domain.status import IN_FLIGHT, Status
from outlast.ports.store import CancelAnswer

NEXT_PAGE = "There may be more: --after"


@click.group()
def sessions() -> None:
    """List, show, watch, cancel and retry sessions, of every owner.

    A session is named by its id, by the beginning of its id, or by the reference that its visitor was shown.
    """


@sessions.command("list")
@app_option
@json_option
@filters("status", "analysis", "queue", "owner", "since", "code", "exception")
@click.option("--limit", default=20, show_default=True, type=count(1, 1000))
@click.option("--after", metavar="SESSION", help="The last session of the page before.")
@explain_errors
def list_(app_name: str | None, as_json: bool, limit: int, after: str | None, **given: Any) -> None:
    """List sessions, the newest first."""
    app = load_app(app_name)

    async def read() -> list[AnalysisSession]:
        async with opened(app) as engine:
            last = (await find_one(engine.store, after)).id if after else None
            return list(await engine.sessions.select(selection_of(given, limit=limit, after=last)))

    found = run(read())
    if as_json:
        print_json([session_facts(s) for s in found])
        return
    if not found:
        click.echo("No sessions.")
        return
    headers = ("session", "analysis", "subject", "phase", "done", "attempt", "created", "error")
    print_table(headers, map(_row, found), whole=("session", "phase", "created"))
    if len(found) == limit:
        click.echo(f"{NEXT_PAGE} {found[-1].id}", err=True)


def _row(session: AnalysisSession) -> Sequence[str]:
    done = 100 if session.status is Status.COMPLETED else session.progress.percentage
    return (
        session.id,
        session.analysis,
        session.subject,
        session.phase.value,
        f"{done:g} %",
        f"{session.attempt} of {session.max_attempts}",
        f"{session.created_at:%Y-%m-%d %H:%M:%S}",
        session.error_code or "",
    )


@sessions.command()
@app_option
@json_option
@click.argument("session")
@explain_errors
def show(app_name: str | None, as_json: bool, session: str) -> None:
    """Show the whole story of one session: its input, its steps, and every attempt with what it raised."""
    app = load_app(app_name)

    async def read() -> tuple[AnalysisSession, Sequence[AttemptRecord]]:
        async with opened(app) as engine:
            found = await find_one(engine.store, session)
            return found, await engine.store.history(found.id)

    found, history = run(read())
    if as_json:
        print_json(story_facts(found, history))
    else:
        print_story(found, history)


@sessions.command()
@app_option
@click.argument("session")
@explain_errors
def watch(app_name: str | None, session: str) -> None:
    """Follow one session until it ends. Exits 1 if it failed or was cancelled."""
    app = load_app(app_name)

    async def follow() -> AnalysisSession:
        async with opened(app) as engine:
            last = await find_one(engine.store, session)
            with progress_bar() as shown:
                line = shown.add_task("", total=100)
                async for view in app.watch(last.id):
                    last = view.session
                    update_bar(shown, line, view)
        return last

    last = run(follow())
    click.echo(printable(f"{last.phase.value}{': ' + last.error if last.error else ''}"))
    sys.exit(0 if last.status is Status.COMPLETED else 1)


@sessions.command()
@app_option
@json_option
@click.argument("session", nargs=-1)
@filters("status", "analysis", "queue", "owner", "since")
@click.option("--dry-run", is_flag=True, help="Only print what would be cancelled.")
@explain_errors
def cancel(app_name: str | None, as_json: bool, session: tuple[str, ...], dry_run: bool, **given: Any) -> None:
    """Cancel sessions, by name or by filters. Exits 1 if one had already finished."""
    require_either(session, given, "--analysis or --queue")
    app = load_app(app_name)
    if len(session) == 1 and not as_json and not dry_run:
        sys.exit(_cancel_one(app, session[0]))
    if given["status"] is not None and Status(given["status"]).final:
        raise click.UsageError("Only pending and processing sessions can be cancelled.")
    statuses = [given.pop("status")] if given["status"] else sorted(IN_FLIGHT)
    given.pop("status", None)
    selections = [selection_of(given, status=status) for status in statuses]
    change_sessions(app, BulkChange(cancel_batch, "cancel", "Cancelled", session, selections, dry_run, as_json))


def _cancel_one(app: Outlast, text: str) -> int:
    async def stop() -> CancelAnswer | None:
        async with opened(app) as engine:
            found = await find_one(engine.store, text)
            answer = await app.cancel(found.id)
            await record_command(engine.store, found.id, answer or "gone")
            return answer

    answer = run(stop())
    messages = {
        CancelAnswer.CANCELLED: "It is cancelled.",
        CancelAnswer.CANCELLING: "It is being stopped.",
        CancelAnswer.FINAL: "It had finished already.",
        None: "It has been cleaned up in the meantime.",
    }
    click.echo(messages[answer])
    return 1 if answer in {CancelAnswer.FINAL, None} else 0


@sessions.command()
@app_option
@json_option
@click.argument("session", nargs=-1)
@click.option(
    "--status",
    type=click.Choice([Status.FAILED.value, Status.CANCELLED.value]),
    help="With filters: which sessions to retry.  [default: failed]",
)
@filters("analysis", "queue", "owner", "since", "code", "exception")
@click.option("--dry-run", is_flag=True, help="Only print what would be retried.")
@explain_errors
def retry(app_name: str | None, as_json: bool, session: tuple[str, ...], dry_run: bool, **given: Any) -> None:
    """Grant failed or cancelled sessions a new round of attempts, by name or by filters.

    They resume after their kept steps. Exits 1 if one could not be retried.
    """
    require_either(session, given, "--analysis or --code")
    app = load_app(app_name)
    given["status"] = given["status"] or Status.FAILED.value
    change_sessions(
        app, BulkChange(retry_batch, "retry", "Retried", session, [selection_of(given)], dry_run, as_json)
    )


def progress_bar() -> Progress:
    """A progress bar on standard error."""
    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TaskProgressColumn(),
        TimeElapsedColumn(),
        console=Console(stderr=True),
        transient=True,
    )


def update_bar(shown: Progress, line: Any, view: SessionView) -> None:
    """Update the bar to the session's progress and message."""
    session = view.session
    done = 100.0 if session.status is Status.COMPLETED else session.progress.percentage
    active = [s.title for s in session.progress.steps if s.status.value == "active"]
    message = session.progress.message or (active[-1] if active else session.phase.value)
    shown.update(line, completed=done, description=printable(message))
