"""Retry and cancel many sessions by one command, in batches, with a progress bar."""

import asyncio
import sys
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from outlast.app import Outlast
from outlast.cli.application import Refused, opened, print_json, run
from outlast.cli.audit import named, record_command
from outlast.cli.selection import described, find_one
from outlast.domain.printable import printable
from outlast.domain.session import AnalysisSession
from outlast.ports.store import CancelAnswer, RetryAnswer, Selection
from outlast.running.engine import Engine

BATCH = 250
"""Sessions that are read, and retried in one transaction."""
AT_ONCE = 25
"""Sessions that are cancelled at once."""
SHOWN = 10
"""Refused sessions that are listed."""

REFUSALS = {
    RetryAnswer.NOT_FINAL: "it has not ended",
    RetryAnswer.COMPLETED: "it has completed, and completed sessions are not repeated",
    RetryAnswer.ANOTHER_IN_FLIGHT: "its owner has the same subject in flight in another session",
}
GONE = "it has been cleaned up in the meantime"
ENDED = "it had ended before"

Act = Callable[[Engine, Sequence[AnalysisSession]], Awaitable[dict[str, str | None]]]
"""Changes a batch of sessions; returns by id why one was refused, or `None`."""


@dataclass(slots=True)
class _Tally:
    """What happened to the sessions."""

    done: list[str] = field(default_factory=list[str])
    refused: dict[str, str] = field(default_factory=dict[str, str])
    """Reasons by id."""


async def retry_batch(engine: Engine, sessions: Sequence[AnalysisSession]) -> dict[str, str | None]:
    """Retry these sessions in one transaction."""
    answers = await engine.sessions.retry_each(sessions)
    reasons: dict[str, str | None] = {}
    for session in sessions:
        answer = answers.get(session.id)
        if isinstance(answer, RetryAnswer):
            reasons[session.id] = REFUSALS.get(answer)
        else:
            reasons[session.id] = GONE if answer is None else str(answer)
    return reasons


async def cancel_batch(engine: Engine, sessions: Sequence[AnalysisSession]) -> dict[str, str | None]:
    """Cancel these sessions, several at once."""
    reasons: dict[str, str | None] = {}
    for begin in range(0, len(sessions), AT_ONCE):
        ids = [session.id for session in sessions[begin : begin + AT_ONCE]]
        answers = await asyncio.gather(*(engine.sessions.cancel(one, owner=None) for one in ids))
        for one, answer in zip(ids, answers, strict=True):
            reasons[one] = {None: GONE, CancelAnswer.FINAL: ENDED}.get(answer)
    return reasons


@dataclass(frozen=True, slots=True)
class BulkChange:
    """What one command does to which sessions."""

    act: Act
    verb: str
    """As in "Would retry"."""
    done: str
    """As in "Retried"."""
    texts: Sequence[str]
    """Ids, beginnings of ids and references; empty: whatever `selections` contain."""
    selections: Sequence[Selection]
    dry_run: bool
    as_json: bool

    @property
    def target(self) -> str:
        """For the audit log."""
        return named(self.texts) if self.texts else "; ".join(map(described, self.selections))


def change_sessions(app: Outlast, change: BulkChange) -> None:
    """Make the change, print what happened, and exit with 1 if a session was refused."""

    async def work() -> _Tally:
        tally = _Tally()
        async with opened(app) as engine:
            with _progress_bar() as shown:
                line = shown.add_task(change.verb.capitalize(), total=None)
                async for batch in _batches(engine, change):
                    reasons = {s.id: None for s in batch} if change.dry_run else await change.act(engine, batch)
                    for session_id, reason in reasons.items():
                        if reason is None:
                            tally.done.append(session_id)
                        else:
                            tally.refused[session_id] = reason
                    shown.advance(line, len(batch))
            if not change.dry_run:
                counts = f"{len(tally.done)} of {len(tally.done) + len(tally.refused)} session(s)"
                await record_command(engine.store, change.target, counts)
        return tally

    tally = run(work())
    if change.as_json:
        refused = [{"session_id": i, "reason": reason} for i, reason in tally.refused.items()]
        print_json({"dry_run": change.dry_run, "session_ids": tally.done, "refused": refused})
    else:
        click.echo(f"{f'Would {change.verb}' if change.dry_run else change.done} {len(tally.done)} session(s).")
        _print_refusals(tally)
    sys.exit(1 if tally.refused else 0)


async def _batches(engine: Engine, change: BulkChange) -> AsyncIterator[Sequence[AnalysisSession]]:
    if change.texts:
        found = {s.id: s for s in [await find_one(engine.store, text) for text in change.texts]}
        yield list(found.values())
        return
    for selection in change.selections:
        async for page in engine.sessions.pages(replace(selection, limit=BATCH)):
            yield page


def _print_refusals(tally: _Tally) -> None:
    for session_id, reason in list(tally.refused.items())[:SHOWN]:
        click.echo(f"Not {session_id}: {printable(reason)}.".replace("..", "."), err=True)
    if len(tally.refused) > SHOWN:
        common = Counter(tally.refused.values()).most_common(3)
        rest = "; ".join(f"{count} because {printable(reason)}" for reason, count in common)
        click.echo(f"{len(tally.refused)} session(s) were refused in all: {rest}.", err=True)


def require_either(texts: Sequence[str], given: dict[str, Any], example: str) -> None:
    """Raise `Refused` unless there are ids or filters, and not both."""
    filtered = any(value is not None for value in given.values())
    if texts and filtered:
        raise Refused("Give either sessions or filters, not both.")
    if not texts and not filtered:
        raise Refused(f"Say which sessions: by id, by reference, or by filters such as {example}.")


def _progress_bar() -> Progress:
    console = Console(stderr=True)
    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )
