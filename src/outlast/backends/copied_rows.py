"""Conversion of sessions and their records to columns, to copy them between stores."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from outlast.backends.rows import Row, fields_of
from outlast.domain.progress import dump_steps
from outlast.domain.session import AnalysisSession


def by_session_id(rows: Sequence[Row]) -> defaultdict[str, list[Row]]:
    """Group rows by their session, without its id."""
    grouped: defaultdict[str, list[Row]] = defaultdict(list)
    for row in rows:
        grouped[row.pop("session_id")].append(row)
    return grouped


def flat_session(session: AnalysisSession, as_text: Callable[[datetime], str]) -> dict[str, Any]:
    """Return the columns of a session, with times formatted by `as_text`; `requested` is when it was cancelled."""
    values = fields_of(session)
    progress = values.pop("progress")
    values |= {name: as_text(at) if at else None for name, at in values.items() if name.endswith("_at")}
    return values | {
        "status": session.status.value,
        "requested": values["cancel_requested_at"],
        "percentage": progress.percentage,
        "current_step": progress.current_step,
        "message": progress.message,
        "steps": dump_steps(progress.steps),
    }
