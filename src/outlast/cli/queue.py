"""`outlast queue`: what failed and why, the retry of it, the state of the queues, and their pauses."""

import sys
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import click
from rich.console import Console, Group
from rich.live import Live

from outlast.app import Outlast, runtime_of
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
from outlast.cli.many_sessions import BulkChange, change_sessions, retry_batch
from outlast.cli.numbers import Number, count
from outlast.cli.queue_pauses import pause, resume
from outlast.cli.selection import filters, find_one, selection_of
from outlast.cli.tables import make_table, print_table
from outlast.core.queue_states import QueueState, QueueStates, queue_states
from outlast.domain.session import AnalysisSession, AttemptRecord
from outlast.domain.status import Status
from outlast.ports.failures import FailureReason

WATCH_EVERY = 2.0
"""Seconds between two looks of `queue monitor --watch`."""
ALL = "all"
RECENT = timedelta(hours=1)
"""For how long `queue monitor` counts failures."""


@click.group()
def queue() -> None:
    """See what failed and retry it; see how the queues are; pause and resume them."""


queue.add_command(pause)
queue.add_command(resume)


@queue.command("failed")
@app_option
@json_option
@filters("analysis", "code", "ended_since", "queue", "exception")
@click.option(
    "--by", type=click.Choice(["reason"]), help="Group by analysis, kind of error and class of exception."
)
@click.option("--limit", default=20, show_default=True, type=count(1, 1000), help="Without --by.")
@click.option("--after", metavar="SESSION", help="The last session of the page before; without --by.")
@explain_errors
def list_failed(
    app_name: str | None, as_json: bool, by: str | None, limit: int, after: str | None, **given: Any
) -> None:
    """List failed sessions, the last failure first, with the reason, the step and the reference.

    `outlast sessions show` tells the whole story of one of them.
    """
    app = load_app(app_name)
    if by is not None:
        _print_reasons(app, given, as_json)
        return

    async def read() -> tuple[Sequence[AnalysisSession], Mapping[str, AttemptRecord]]:
        async with opened(app) as engine:
            last = (await find_one(engine.store, after)).id if after else None
            found = await engine.store.failed(selection_of(given, limit=limit, after=last))
            return found, await engine.store.last_attempts([session.id for session in found])

    found, attempts = run(read())
    facts = [_failure_facts(session, attempts.get(session.id)) for session in found]
    if as_json:
        print_json(facts)
    elif not facts:
        click.echo("No failed sessions.")
    else:
        headers = ("session", "failed", "analysis", "code", "attempts", "last step", "reference", "why")
        rows = [
            (
                f["session_id"],
                f"{f['failed_at']:%Y-%m-%d %H:%M:%S}",
                f["analysis"],
                f["code"] or "",
                str(f["attempts"]),
                f["last_step"] or "",
                f["reference"] or "",
                f"{f['exception']}: {f['exception_message']}" if f["exception"] else f["error"] or "",
            )
            for f in facts
        ]
        print_table(headers, rows, whole=("session", "failed", "reference"))
        if len(found) == limit:
            click.echo(f"There may be more: --after {found[-1].id}", err=True)


def _failure_facts(session: AnalysisSession, last: AttemptRecord | None) -> dict[str, Any]:
    return {
        "session_id": session.id,
        "failed_at": session.completed_at,
        "analysis": session.analysis,
        "queue": session.queue,
        "subject": session.subject,
        "code": session.error_code,
        "error": session.error,
        "exception": last and last.exception,
        "exception_message": last and last.exception_message,
        "attempts": session.attempt,
        "last_step": last and last.last_step,
        "reference": session.reference,
    }


def _print_reasons(app: Outlast, given: dict[str, Any], as_json: bool) -> None:
    async def read() -> Sequence[FailureReason]:
        async with opened(app) as engine:
            return await engine.store.failure_reasons(selection_of(given))

    found = run(read())
    if as_json:
        print_json(
            [
                {
                    "analysis": reason.analysis,
                    "code": reason.code,
                    "exception": reason.exception or None,
                    "sessions": reason.sessions,
                    "first_at": reason.first_at,
                    "last_at": reason.last_at,
                    "example": reason.example,
                }
                for reason in found
            ]
        )
    elif not found:
        click.echo("No failed sessions.")
    else:
        headers = ("sessions", "analysis", "code", "exception", "first", "last", "example")
        rows = [
            (
                str(reason.sessions),
                reason.analysis,
                reason.code,
                reason.exception,
                f"{reason.first_at:%Y-%m-%d %H:%M}",
                f"{reason.last_at:%Y-%m-%d %H:%M}",
                reason.example,
            )
            for reason in found
        ]
        print_table(headers, rows, whole=("example", "first", "last"))


@queue.command("retry")
@app_option
@json_option
@click.argument("session", nargs=-1, required=True, metavar="SESSION...|all")
@filters("analysis", "code", "ended_since", "queue", "exception")
@click.option("--dry-run", is_flag=True, help="Only print what would be retried.")
@explain_errors
def retry_failed(
    app_name: str | None, as_json: bool, session: tuple[str, ...], dry_run: bool, **given: Any
) -> None:
    """Grant failed sessions a new round of attempts: those named, or `all` that the filters select.

    They resume after their kept steps. Exits 1 if one could not be retried.
    """
    everything = session == (ALL,)
    if ALL in session and not everything:
        raise Refused("Give either sessions or the word all.")
    if not everything and any(value is not None for value in given.values()):
        raise Refused("Filters need the word all: outlast queue retry all --code timeout")
    app = load_app(app_name)
    selections = [selection_of(given, status=Status.FAILED)] if everything else []
    texts = () if everything else session
    change_sessions(app, BulkChange(retry_batch, "retry", "Retried", texts, selections, dry_run, as_json))


@queue.command("monitor")
@app_option
@json_option
@click.argument("queues", nargs=-1, metavar="[QUEUE]...")
@click.option("--max", "most", type=count(0), help="Exit 1 if more sessions wait in a queue.")
@click.option("--max-wait", type=Number(), help="Exit 1 if a session has waited for more seconds.")
@click.option("--watch", is_flag=True, help="Look again every 2 seconds, until Ctrl-C.")
@explain_errors
def monitor(
    app_name: str | None,
    as_json: bool,
    queues: tuple[str, ...],
    most: int | None,
    max_wait: float | None,
    watch: bool,
) -> None:
    """Show each queue: what waits and for how long, what is in flight, what failed within the last hour.

    Exits 1 above a limit, or if sessions wait that no living worker takes, because it is paused or serves other
    queues or analyses; 2 if the store is unavailable. A paused queue or analysis is shown as such.
    """
    app = load_app(app_name)

    async def look() -> list[dict[str, Any]]:
        async with opened(app) as engine:
            known = {analysis.queue for analysis in runtime_of(app).catalogue}
            states = await queue_states(engine.store, engine.clock.now(), known, failed_within=RECENT)
        _require_known(queues, states)
        return [
            _queue_facts(name, state, most, max_wait)
            for name, state in states.queues.items()
            if not queues or name in queues
        ]

    if watch:
        _watch(look, as_json)
    facts = run(look())
    _print_queues(facts, as_json)
    sys.exit(1 if any(fact["alarms"] for fact in facts) else 0)


def _require_known(asked: Sequence[str], states: QueueStates) -> None:
    """Raise `Refused` for a queue that nothing uses: a misspelt name must not look healthy."""
    for name in asked:
        if name not in states.queues:
            raise Refused(f"Nothing uses a queue {name!r}. There are: {', '.join(states.queues) or 'none'}.")


def _queue_facts(name: str, state: QueueState, most: int | None, max_wait: float | None) -> dict[str, Any]:
    waited = None if state.oldest_wait is None else state.oldest_wait.total_seconds()
    alarms: list[str] = []
    if state.unserved:
        alarms.append("unserved")
    if most is not None and state.pending > most:
        alarms.append("depth")
    if max_wait is not None and waited is not None and waited > max_wait:
        alarms.append("wait")
    return {
        "queue": name,
        "waiting": state.pending,
        "blocked": state.blocked,
        "later": state.delayed,
        "oldest_wait_seconds": None if waited is None else round(waited, 1),
        "in_flight": state.processing,
        "failed_last_hour": state.failed,
        "workers": state.workers,
        "unserved": list(state.unserved),
        "paused": state.paused,
        "paused_analyses": list(state.paused_analyses),
        "alarms": alarms,
    }


def _queue_rows(facts: Sequence[dict[str, Any]]) -> list[Sequence[str]]:
    return [
        (
            fact["queue"],
            str(fact["waiting"]),
            str(fact["later"]),
            "" if fact["oldest_wait_seconds"] is None else f"{fact['oldest_wait_seconds']} s",
            str(fact["in_flight"]),
            str(fact["failed_last_hour"]),
            str(fact["workers"]),
            ", ".join([*_pauses(fact), *(_alarm(fact, alarm) for alarm in fact["alarms"])]) or "fine",
        )
        for fact in facts
    ]


def _pauses(fact: dict[str, Any]) -> list[str]:
    return (["paused"] if fact["paused"] else []) + [f"{name} is paused" for name in fact["paused_analyses"]]


def _alarm(fact: dict[str, Any], alarm: str) -> str:
    match alarm:
        case "unserved":
            return f"no living worker takes {', '.join(fact['unserved'])}"
        case "depth":
            return "too many wait"
        case _:
            return "the oldest waits too long"


HEADERS = ("queue", "waiting", "later", "oldest wait", "in flight", "failed in 1 h", "workers", "state")


def _print_queues(facts: Sequence[dict[str, Any]], as_json: bool) -> None:
    if as_json:
        print_json(facts)
    elif not facts:
        click.echo("No queue is in use.")
    else:
        print_table(HEADERS, _queue_rows(facts), whole=HEADERS)


def _watch(look: Any, as_json: bool) -> None:
    """Look until Ctrl-C, then exit as the last look says."""
    facts: list[dict[str, Any]] = []
    console = Console()
    try:
        if as_json or not console.is_terminal:
            while True:
                facts = run(look())
                _print_queues(facts, as_json)
                time.sleep(WATCH_EVERY)
        with Live(console=console, auto_refresh=False) as live:
            while True:
                facts = run(look())
                at = f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC, every {WATCH_EVERY:g} s until Ctrl-C"
                live.update(
                    Group(make_table(HEADERS, _queue_rows(facts), console.width, whole=HEADERS), at), refresh=True
                )
                time.sleep(WATCH_EVERY)
    except KeyboardInterrupt:
        sys.exit(1 if any(fact["alarms"] for fact in facts) else 0)
