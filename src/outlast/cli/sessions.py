"""`outlast sessions`: list, show, watch and cancel sessions."""

import sys
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from outlast.cli.application import (
    Refused,
    app_option,
    explain_errors,
    json_option,
    load_app,
    opened,
    print_json,
    run,
)
from outlast.cli.printable import printable
from outlast.core.watch import SessionView
from outlast.domain.session import AnalysisSession
from outlast.domain.status import Status
from outlast.ports.store import CancelAnswer, Selection

ID_HELP = "see `outlast sessions list`"


@click.group()
def sessions() -> None:
    """List, show, watch and cancel sessions, of every owner."""


@sessions.command("list")
@app_option
@json_option
@click.option("--status", type=click.Choice([s.value for s in Status]), help="Only sessions with this status.")
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1, 1000))
@explain_errors
def list_(app_name: str | None, as_json: bool, status: str | None, limit: int) -> None:
    """List the newest sessions."""
    app = load_app(app_name)

    async def read() -> list[AnalysisSession]:
        async with opened(app) as engine:
            wanted = Selection(status=Status(status) if status else None, limit=limit)
            return list(await engine.sessions.select(wanted))

    found = run(read())
    if as_json:
        print_json([session_facts(s) for s in found])
        return
    if not found:
        click.echo("No sessions.")
        return
    table = Table("session", "analysis", "subject", "phase", "done", "attempt", "created", box=None)
    for s in found:
        done = f"{100 if s.status is Status.COMPLETED else s.progress.percentage:g} %"
        created = f"{s.created_at:%Y-%m-%d %H:%M:%S}"
        attempt = f"{s.attempt} of {s.max_attempts}"
        cells = (s.id, s.analysis, s.subject[:40], s.phase.value, done, attempt, created)
        table.add_row(*(Text(printable(cell)) for cell in cells))
    Console().print(table)


@sessions.command()
@app_option
@json_option
@click.argument("session_id")
@explain_errors
def show(app_name: str | None, as_json: bool, session_id: str) -> None:
    """Show one session, with its steps and the history of its attempts."""
    app = load_app(app_name)

    async def read() -> tuple[AnalysisSession, list[dict[str, Any]]] | None:
        async with opened(app) as engine:
            session = await engine.store.get(session_id, owner=None)
            if session is None:
                return None
            history = await engine.store.history(session_id)
            return session, [
                {"attempt": h.attempt, "ended": h.ended, "at": h.ended_at, "worker": h.worker_id, "error": h.error}
                for h in history
            ]

    found = run(read())
    if found is None:
        raise Refused(f"There is no session {session_id!r}: {ID_HELP}.")
    session, history = found
    if as_json:
        print_json({**session_facts(session), "history": history})
        return
    for name, value in session_facts(session).items():
        if name != "steps" and value is not None:
            click.echo(f"{name:>14}  {printable(str(value))}")
    for number, step in enumerate(session.progress.steps, start=1):
        took = f"{step.duration_ms / 1000:.1f} s" if step.duration_ms is not None else ""
        click.echo(f"{'step ' + str(number):>14}  {printable(step.title)}: {step.status.value} {took}")
    for line in history:
        text = printable(f"{line['ended']} at {line['at']} {line['error'] or ''}")
        click.echo(f"{'attempt ' + str(line['attempt']):>14}  {text}")


@sessions.command()
@app_option
@click.argument("session_id")
@explain_errors
def watch(app_name: str | None, session_id: str) -> None:
    """Follow one session until it ends. Exits 1 if it failed or was cancelled."""
    app = load_app(app_name)

    async def follow() -> SessionView | None:
        last: SessionView | None = None
        async with opened(app):
            with progress_bar() as shown:
                line = shown.add_task("", total=100)
                async for view in app.watch(session_id):
                    last = view
                    update_bar(shown, line, view)
        return last

    last = run(follow())
    if last is None:
        raise Refused(f"There is no session {session_id!r}: {ID_HELP}.")
    session = last.session
    click.echo(printable(f"{session.phase.value}{': ' + session.error if session.error else ''}"))
    sys.exit(0 if session.status is Status.COMPLETED else 1)


@sessions.command()
@app_option
@click.argument("session_id")
@explain_errors
def cancel(app_name: str | None, session_id: str) -> None:
    """Cancel one session. Exits 1 if it had already finished."""
    app = load_app(app_name)

    async def stop() -> CancelAnswer | None:
        async with opened(app):
            return await app.cancel(session_id)

    answer = run(stop())
    if answer is None:
        raise Refused(f"There is no session {session_id!r}: {ID_HELP}.")
    messages = {
        CancelAnswer.CANCELLED: "It is cancelled.",
        CancelAnswer.CANCELLING: "It is being stopped.",
        CancelAnswer.FINAL: "It had finished already.",
    }
    click.echo(messages[answer])
    sys.exit(1 if answer is CancelAnswer.FINAL else 0)


def session_facts(session: AnalysisSession) -> dict[str, Any]:
    """A session as a dictionary for output, without its input and result."""
    return {
        "session_id": session.id,
        "analysis": session.analysis,
        "subject": session.subject,
        "status": session.status.value,
        "phase": session.phase.value,
        "progress_percentage": 100 if session.status is Status.COMPLETED else session.progress.percentage,
        "current_message": session.progress.message,
        "attempt": session.attempt,
        "max_attempts": session.max_attempts,
        "crashes": session.crashes,
        "worker": session.worker_id,
        "error": session.error,
        "error_code": session.error_code,
        "reference": session.reference,
        "created_at": session.created_at,
        "started_at": session.started_at,
        "updated_at": session.updated_at,
        "completed_at": session.completed_at,
        "steps": [{"name": s.name, "title": s.title, "status": s.status.value} for s in session.progress.steps],
    }


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
