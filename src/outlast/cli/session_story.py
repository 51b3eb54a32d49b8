"""Everything that an operator can learn about one session, as text and as JSON."""

import json
from collections.abc import Iterator, Sequence
from typing import Any

import click

from outlast.domain.printable import printable, printable_lines
from outlast.domain.session import AnalysisSession, AttemptRecord
from outlast.domain.status import Status

INPUT_SHOWN = 4_000
"""Characters of the input that the text has; the JSON has all of it."""
INDENT = " " * 16


def session_facts(session: AnalysisSession) -> dict[str, Any]:
    """A session as a dictionary for output, without its input and result."""
    return {
        "session_id": session.id,
        "analysis": session.analysis,
        "subject": session.subject,
        "queue": session.queue,
        "priority": session.priority,
        "owner": session.owner,
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
        "run_id": session.run_id,
        "result_of": session.result_of,
        "result_at": session.result_at,
        "waited_ms": session.waited_ms,
        "worked_ms": session.worked_ms,
        "steps": [
            {"name": s.name, "title": s.title, "status": s.status.value, "duration_ms": s.duration_ms}
            for s in session.progress.steps
        ],
    }


def attempt_facts(line: AttemptRecord) -> dict[str, Any]:
    """One line of history as a dictionary for output."""
    return {
        "attempt": line.attempt,
        "ended": line.ended,
        "at": line.ended_at,
        "started_at": line.started_at,
        "duration_ms": line.duration_ms,
        "worker": line.worker_id,
        "host": line.host,
        "last_step": line.last_step,
        "error": line.error,
        "error_code": line.error_code,
        "reference": line.reference,
        "cause": line.cause,
        "exception": line.exception,
        "exception_message": line.exception_message,
        "traceback": line.traceback,
    }


def story_facts(session: AnalysisSession, history: Sequence[AttemptRecord]) -> dict[str, Any]:
    """The whole story as a dictionary for output."""
    return {
        **session_facts(session),
        "input": _parsed(session.input),
        "history": [attempt_facts(line) for line in history],
    }


def print_story(session: AnalysisSession, history: Sequence[AttemptRecord]) -> None:
    """Print the whole story."""
    for name, value in session_facts(session).items():
        if name != "steps" and value is not None:
            _print_fact(name, str(value))
    text = json.dumps(_parsed(session.input), indent=2, ensure_ascii=False)
    _print_fact("input", text if len(text) <= INPUT_SHOWN else f"{text[:INPUT_SHOWN]}\n(--json has all of it)")
    for number, step in enumerate(session.progress.steps, start=1):
        took = f" in {seconds(step.duration_ms)}" if step.duration_ms is not None else ""
        _print_fact(f"step {number}", f"{printable(step.title)}: {step.status.value}{took}")
    for line in history:
        _print_fact(f"attempt {line.attempt}", "\n".join(_attempt_lines(line)))


def _attempt_lines(line: AttemptRecord) -> Iterator[str]:
    code = f" ({line.error_code})" if line.error_code else ""
    took = f" after {seconds(line.duration_ms)}" if line.duration_ms is not None else ""
    step = f" in step {printable(line.last_step)}" if line.last_step else ""
    yield f"{line.ended}{code} at {line.ended_at:%Y-%m-%d %H:%M:%S} UTC{took}{step}"
    host = f" on host {printable(line.host)}" if line.host else ""
    yield f"worker {printable(line.worker_id)}{host}"
    if line.error:
        yield printable(line.error)
    if line.reference:
        yield f"reference {printable(line.reference)}"
    if line.exception:
        yield printable_lines(f"{line.exception}: {line.exception_message}")
    if line.traceback:
        yield printable_lines(line.traceback.rstrip("\n"))


def seconds(duration_ms: int) -> str:
    """Return a duration for people."""
    return f"{duration_ms / 1000:.1f} s"


def _print_fact(name: str, text: str) -> None:
    first, *rest = printable_lines(text).split("\n")
    click.echo(f"{name:>14}  {first}")
    for line in rest:
        click.echo(f"{INDENT}{line}")


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text
