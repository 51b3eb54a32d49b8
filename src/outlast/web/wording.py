"""The words that every client shows for a snapshot, and the durations of pages without JavaScript.

A sentence about a session is here and nowhere else: pages and the widget show what the snapshot says. The widget
repeats only the clocks, which tick between two snapshots.
"""

import json
import math
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from outlast.core.analyses.payload import nested_values
from outlast.core.sessions import NOT_OFFERED
from outlast.core.watch import SessionView
from outlast.domain.progress import StepStatus
from outlast.domain.session import AnalysisSession
from outlast.domain.status import Phase, Status

PHASES: Final[Mapping[str, tuple[str, str]]] = {
    Phase.QUEUED: ("Waiting in the queue", "quiet"),
    Phase.RUNNING: ("Working", "busy"),
    Phase.RETRYING: ("Waiting for the next attempt", "warning"),
    Phase.CANCELLING: ("Cancelling", "busy"),
    Phase.COMPLETED: ("Done", "done"),
    Phase.FAILED: ("Failed", "error"),
    Phase.CANCELLED: ("Cancelled", "quiet"),
}
"""The title and the tone of each phase."""
QUESTION: Final = ("A question for you", "warning")
"""The title and the tone of a session that an answer restarts."""
OF_INPUT: Final = frozenset({"permanent", "retry_after"})
"""The `error_code` of sessions that another input may help."""
ADDRESS: Final = re.compile(r"\s*(https?://)?[^\s/]+\.[^\s/]{2,}(/|\Z)", re.IGNORECASE)
STEP_STATES: Final[Mapping[str, str]] = {StepStatus.PENDING: "to come", StepStatus.ACTIVE: "in progress"}


def words(snapshot: Mapping[str, Any], *, offered: bool = True) -> dict[str, str | None]:
    """The fields of a snapshot that are words; `offered`: this process has its analysis.

    They follow from its other fields and never from the current time, so that its `ETag` covers them.
    """
    if snapshot["stalled"] and not offered:
        notice = f"{NOT_OFFERED} It waits in case the analysis comes back; you can cancel it."
        return {
            "phase_title": "Not offered any more",
            "notice": notice,
            "tone": "warning",
            "current_message": None,
        }
    title, tone = QUESTION if snapshot["questions"] else PHASES[snapshot["phase"]]
    waits_well = snapshot["paused"] or snapshot["starts_at"]
    return {
        "phase_title": title,
        "notice": _notice(snapshot),
        "tone": "warning" if snapshot["stalled"] and not waits_well else tone,
    }


def correction(session: AnalysisSession) -> str | None:
    """The title of the link to the form with the input of a failed session, if another input may help."""
    if session.status is not Status.FAILED or session.error_code not in OF_INPUT:
        return None
    given = json.loads(session.input)
    texts = [v for v in nested_values(given) if isinstance(v, str)]
    if any(text.startswith("upload:") for text in texts):
        return "Choose other files"
    return "Correct the address" if any(ADDRESS.match(text) for text in texts) else "Change the input"


def current_message(view: SessionView) -> str | None:
    """What the session does, or why it does nothing."""
    session = view.session
    if view.paused:
        return "Paused"
    if view.starts_at is not None:
        return "Waiting for its time"
    match session.phase:
        case Phase.QUEUED:
            return "Waiting to start"
        case Phase.CANCELLING:
            return "Stopping"
        case Phase.FAILED:
            return session.error
        case Phase.RUNNING:
            active = [s for s in session.progress.steps if s.status is StepStatus.ACTIVE]
            return session.progress.message or (active[-1].title if active else "Starting")
        case Phase.RETRYING | Phase.COMPLETED | Phase.CANCELLED:
            return PHASES[session.phase][0]


def _notice(snapshot: Mapping[str, Any]) -> str | None:
    """The sentence beside the title. The widget replaces the time of the next attempt by a countdown."""
    attempt = f"Attempt {snapshot['attempt']} of {snapshot['max_attempts']}"
    if snapshot["paused"]:
        begin = "go on" if snapshot["started_at"] else "start"
        return f"This is paused for now; your analysis waits and will {begin} by itself."
    if snapshot["starts_at"]:
        return f"It starts by itself on {snapshot['starts_at'][:10]} at {snapshot['starts_at'][11:19]} UTC."
    if snapshot["stalled"]:
        begin = "go on" if snapshot["started_at"] else "start"
        return f"We're a bit behind; your analysis will {begin} by itself."
    match snapshot["phase"]:
        case Phase.QUEUED if position := snapshot["queue_position"]:
            return "Next in the queue." if position == 1 else f"Place {position} in the queue."
        case Phase.RUNNING if snapshot["attempt"] > 1:
            return f"{attempt}; finished steps won't be repeated."
        case Phase.RETRYING:
            at = f" at {snapshot['next_retry_at'][11:19]} UTC" if snapshot["next_retry_at"] else ""
            begin = f"starts by itself{at}; finished steps won't be repeated"
            return f"{attempt} failed. The next one {begin}."
        case Phase.CANCELLING:
            return "Stopping the work."
        case Phase.FAILED:
            return snapshot["error"] or "The analysis failed."
        case Phase.COMPLETED if made_at := snapshot["result_at"]:
            return f"This result is from {made_at[:10]} at {made_at[11:19]} UTC."
        case Phase.CANCELLED:
            return "This analysis was cancelled. You can start it again; finished steps won't be repeated."
        case _:
            return None


def step_state(status: str) -> str:
    return STEP_STATES.get(status, status)


def step_meta(status: str, percentage: float | None, duration_ms: int | None) -> str:
    """The text at the end of a step's line: its percentage or its duration."""
    if status == StepStatus.ACTIVE:
        return f"{int(percentage or 0)}%"
    return "" if duration_ms is None else duration(duration_ms)


def duration(ms: int) -> str:
    """Format the milliseconds that something took."""
    tenths, seconds = (ms + 50) // 100, (ms + 500) // 1000
    if tenths < 1:
        return "< 0.1 s"
    if tenths < 100:
        return f"{tenths // 10}.{tenths % 10} s"
    if seconds < 60:
        return f"{seconds} s"
    if seconds < 3600:
        return f"{seconds // 60} min {seconds % 60} s"
    return f"{seconds // 3600} h {seconds // 60 % 60} min"


def moment(time: datetime) -> str:
    """Format a time in UTC for a sentence."""
    return f"{time.day} {time:%B %Y, %H:%M} UTC"


def clock(ms: int) -> str:
    """Format milliseconds as m:ss or h:mm:ss."""
    minutes, seconds = divmod(ms // 1000, 60)
    return f"{minutes // 60}:{minutes % 60:02}:{seconds:02}" if minutes >= 60 else f"{minutes}:{seconds:02}"


def time_left(low: float | None, high: float | None) -> str:
    """The range of seconds left, widened to round figures; empty if it is unknown or has run out."""
    if low is None or high is None or high <= 0:
        return ""
    if high < 10:
        return "a few seconds left"
    size, unit = (1, "s") if high < 90 else (60, "min") if high < 5400 else (3600, "h")
    grain = 5 if size == 1 else size
    least, most = int(low // grain) * grain // size, math.ceil(high / grain) * grain // size
    if least < 1:
        return f"less than {most} {unit} left"
    return f"about {most} {unit} left" if least == most else f"about {least}–{most} {unit} left"
