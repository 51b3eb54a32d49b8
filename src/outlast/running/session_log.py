"""The log of sessions: one structured line whenever an attempt ends, at a level that one can alert on."""

import logging
from dataclasses import dataclass
from typing import Final

from outlast.domain.outcome import Cancelled, Completed, End, Failed, Lost, Postponed, Released
from outlast.domain.session import AnalysisSession, AttemptRecord
from outlast.domain.status import Status

log = logging.getLogger(__name__)

FIELDS: Final = {
    "session": "The id of the session",
    "analysis": "The name of its analysis",
    "attempt": "The number of the attempt, from 1",
    "outcome": "How the attempt ended: one of the table below",
    "code": "The kind of the error, as `error_code` in a snapshot; `null` without an error",
    "duration_ms": "Milliseconds from the claim to the end; `null` if unknown",
    "worker": "The id of the worker",
    "reference": "What the visitor may quote; `null` if the visitor was told the reason",
}
"""The fields of every line, with their meanings."""

LEVELS: Final = {
    "completed": (logging.INFO, "The session completed"),
    "cancelled": (logging.INFO, "It was cancelled"),
    "released": (logging.INFO, "A stopping worker gave it back unspent; another one continues"),
    "postponed": (logging.WARNING, "The attempt failed, and another one follows"),
    "crashed": (logging.WARNING, "The worker died while it ran; another one continues"),
    "lapsed": (logging.WARNING, "The worker was silent for the time of its lease; another one continues"),
    "claim_lost": (
        logging.WARNING,
        "The worker had lost its claim before the end; what it did since is discarded",
    ),
    "failed": (logging.ERROR, "The session failed for good, and a person should look"),
}
"""The level of each outcome, with its meaning."""
EXPECTED_FAILURES: Final = {
    "permanent": (logging.WARNING, "The analysis refused its input by `Permanent`, and the visitor reads why"),
    "question": (logging.INFO, "The analysis asks the visitor, whose answer restarts the session"),
}
"""The levels of failures that need nobody's attention, by code."""


@dataclass(frozen=True, slots=True)
class EndLine:
    """The facts of one line."""

    outcome: str
    code: str | None = None
    reference: str | None = None
    why: str | None = None
    """The error as an operator reads it."""


def log_end(
    session: AnalysisSession, end: End | Lost, worker_id: str, seconds: float, unexpected: BaseException | None
) -> None:
    """Log the end of an attempt, with the traceback of an unexpected error."""
    _write(session, _line_of(end), worker_id, round(seconds * 1000), unexpected)


def log_rescue(session: AnalysisSession, last: AttemptRecord) -> None:
    """Log the end of an attempt whose worker died or fell silent, from its line of history."""
    line = EndLine(last.ended, None, None, last.error)
    match session.status:
        case Status.FAILED:
            line = EndLine("failed", session.error_code, session.reference, session.error)
        case Status.CANCELLED:
            line = EndLine("cancelled", None, None, last.error)
        case _:
            pass
    # the attempt is not spent, so that the session's own number is one less by now
    _write(session, line, last.worker_id, last.duration_ms, None, last.attempt)


def _line_of(end: End | Lost) -> EndLine:
    match end:
        case Failed() | Postponed():
            what = end.report and f"{end.report.exception}: {end.report.message}"
            outcome = "failed" if isinstance(end, Failed) else "postponed"
            return EndLine(outcome, end.code, end.reference, what if end.report else end.error)
        case Completed():
            return EndLine("completed")
        case Cancelled():
            return EndLine("cancelled")
        case Released():
            return EndLine("released", why=end.why)
        case Lost():
            return EndLine("claim_lost")


def _write(
    session: AnalysisSession,
    line: EndLine,
    worker_id: str,
    duration_ms: int | None,
    unexpected: BaseException | None,
    attempt: int | None = None,
) -> None:
    level, _ = EXPECTED_FAILURES.get(line.code or "", LEVELS["failed"])
    if line.outcome != "failed":
        level, _ = LEVELS[line.outcome]
    if not log.isEnabledFor(level):
        return
    number = session.attempt if attempt is None else attempt
    code = f" ({line.code})" if line.code else ""
    reference = f"; reference {line.reference}" if line.reference else ""
    why = f": {line.why}" if line.why else ""
    log.log(
        level,
        "Session %s (%s), attempt %d: %s%s%s%s",
        session.id,
        session.analysis,
        number,
        line.outcome.replace("_", " "),
        code,
        reference,
        why,
        exc_info=unexpected,
        extra={
            "session": session.id,
            "analysis": session.analysis,
            "attempt": number,
            "outcome": line.outcome,
            "code": line.code,
            "duration_ms": duration_ms,
            "worker": worker_id,
            "reference": line.reference,
        },
    )
