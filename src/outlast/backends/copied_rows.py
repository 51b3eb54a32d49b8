"""What moves from store to store, in the shape in which both kinds of tables take it."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import fields
from datetime import datetime
from typing import Any

from outlast.backends.end_records import EndRecord
from outlast.backends.rows import Row
from outlast.domain.progress import dump_steps
from outlast.domain.session import AnalysisSession, AttemptRecord, KeptStep
from outlast.ports.results import StoredResult


def by_first(rows: Sequence[Row]) -> defaultdict[str, list[Row]]:
    """The rest of each row, by its first column."""
    grouped: defaultdict[str, list[Row]] = defaultdict(list)
    for row in rows:
        grouped[row[0]].append(row[1:])
    return grouped


def fields_of(value: AnalysisSession | AttemptRecord | KeptStep | StoredResult | EndRecord) -> dict[str, Any]:
    """Its fields by their names."""
    return {field.name: getattr(value, field.name) for field in fields(value)}


def flat_session(session: AnalysisSession, as_text: Callable[[datetime], str]) -> dict[str, Any]:
    """Its columns, times by `as_text`; `requested` is when its cancel was."""
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
