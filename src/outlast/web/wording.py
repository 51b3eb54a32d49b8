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
from outlast.domain.messages import message
from outlast.domain.progress import StepStatus
from outlast.domain.session import AnalysisSession
from outlast.domain.status import Phase, Status

PHASES: Final[Mapping[str, tuple[str, str]]] = {
    Phase.QUEUED: (message("Waiting in the queue"), "quiet"),
    Phase.RUNNING: (message("Working"), "busy"),
    Phase.RETRYING: (message("Waiting for the next attempt"), "warning"),
    Phase.CANCELLING: (message("Cancelling"), "busy"),
    Phase.COMPLETED: (message("Done"), "done"),
    Phase.FAILED: (message("Failed"), "error"),
    Phase.CANCELLED: (message("Cancelled"), "quiet"),
}
"""The title and the tone of each phase."""
QUESTION: Final = (message("A question for you"), "warning")
"""The title and the tone of a session that an answer restarts."""
OF_INPUT: Final = frozenset({"permanent", "retry_after"})
"""The `error_code` of sessions that another input may help."""
ADDRESS: Final = re.compile(r"\s*(https?://)?[^\s/]+\.[^\s/]{2,}(/|\Z)", re.IGNORECASE)
STEP_STATES: Final[Mapping[str, str]] = {
    StepStatus.PENDING: message("to come"),
    StepStatus.ACTIVE: message("in progress"),
    StepStatus.DONE: message("done"),
    StepStatus.SKIPPED: message("skipped"),
    StepStatus.FAILED: message("failed"),
}


def words(snapshot: Mapping[str, Any], *, offered: bool = True) -> dict[str, str | None]:
    """The fields of a snapshot that are words; `offered`: this process has its analysis.

    They follow from its other fields and never from the current time, so that its `ETag` covers them.
    """
    if snapshot["stalled"] and not offered:
        waits = message("It waits in case the analysis comes back; you can cancel it.")
        return {
            "phase_title": message("Not offered any more"),
            "notice": f"{NOT_OFFERED} {waits}",
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
        return message("Choose other files")
    return (
        message("Correct the address")
        if any(ADDRESS.match(text) for text in texts)
        else message("Change the input")
    )


def current_message(view: SessionView) -> str | None:
    """What the session does, or why it does nothing."""
    session = view.session
    if view.paused:
        return message("Paused")
    if view.starts_at is not None:
        return message("Waiting for its time")
    match session.phase:
        case Phase.QUEUED:
            return message("Waiting to start")
        case Phase.CANCELLING:
            return message("Stopping")
        case Phase.FAILED:
            return session.error
        case Phase.RUNNING:
            active = [s for s in session.progress.steps if s.status is StepStatus.ACTIVE]
            return session.progress.message or (active[-1].title if active else message("Starting"))
        case Phase.RETRYING | Phase.COMPLETED | Phase.CANCELLED:
            return PHASES[session.phase][0]


def _notice(snapshot: Mapping[str, Any]) -> str | None:
    """The sentence beside the title. The widget replaces the time of the next attempt by a countdown."""
    if snapshot["paused"]:
        if snapshot["started_at"]:
            return message("This is paused for now; your analysis waits and will go on by itself.")
        return message("This is paused for now; your analysis waits and will start by itself.")
    if at := snapshot["starts_at"]:
        return message("It starts by itself on {date} at {time} UTC.", date=at[:10], time=at[11:19])
    if snapshot["stalled"]:
        if snapshot["started_at"]:
            return message("We're a bit behind; your analysis will go on by itself.")
        return message("We're a bit behind; your analysis will start by itself.")
    attempts = {"attempt": snapshot["attempt"], "most": snapshot["max_attempts"]}
    match snapshot["phase"]:
        case Phase.QUEUED if position := snapshot["queue_position"]:
            return (
                message("Next in the queue.")
                if position == 1
                else message("Place {position:d} in the queue.", position=position)
            )
        case Phase.RUNNING if snapshot["attempt"] > 1:
            return message("Attempt {attempt:d} of {most:d}; finished steps won't be repeated.", **attempts)
        case Phase.RETRYING:
            failed = message("Attempt {attempt:d} of {most:d} failed.", **attempts)
            if at := snapshot["next_retry_at"]:
                next_one = message(
                    "The next one starts by itself at {time} UTC; finished steps won't be repeated.",
                    time=at[11:19],
                )
            else:
                next_one = message("The next one starts by itself; finished steps won't be repeated.")
            return f"{failed} {next_one}"
        case Phase.CANCELLING:
            return message("Stopping the work.")
        case Phase.FAILED:
            return snapshot["error"] or message("The analysis failed.")
        case Phase.COMPLETED if made_at := snapshot["result_at"]:
            return message("This result is from {date} at {time} UTC.", date=made_at[:10], time=made_at[11:19])
        case Phase.CANCELLED:
            return message(
                "This analysis was cancelled. You can start it again; finished steps won't be repeated."
            )
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
        return message("< 0.1 s")
    if tenths < 100:
        return message("{seconds:.1f} s", seconds=tenths / 10)
    if seconds < 60:
        return message("{seconds:d} s", seconds=seconds)
    if seconds < 3600:
        return message("{minutes:d} min {seconds:d} s", minutes=seconds // 60, seconds=seconds % 60)
    return message("{hours:d} h {minutes:d} min", hours=seconds // 3600, minutes=seconds // 60 % 60)


def moment(time: datetime) -> str:
    """Format a time in UTC for a sentence."""
    return message("{day}, {time} UTC", day=f"{time.day} {time:%B %Y}", time=f"{time:%H:%M}")


def clock(ms: int) -> str:
    """Format milliseconds as m:ss or h:mm:ss."""
    minutes, seconds = divmod(ms // 1000, 60)
    return f"{minutes // 60}:{minutes % 60:02}:{seconds:02}" if minutes >= 60 else f"{minutes}:{seconds:02}"


def time_left(low: float | None, high: float | None) -> str:
    """The range of seconds left, widened to round figures; empty if it is unknown or has run out."""
    if low is None or high is None or high <= 0:
        return ""
    if high < 10:
        return message("a few seconds left")
    size, unit = (1, "s") if high < 90 else (60, "min") if high < 5400 else (3600, "h")
    grain = 5 if size == 1 else size
    least, most = int(low // grain) * grain // size, math.ceil(high / grain) * grain // size
    if least < 1:
        return message("less than {most:d} {unit} left", most=most, unit=unit)
    if least == most:
        return message("about {most:d} {unit} left", most=most, unit=unit)
    return message("about {least:d}–{most:d} {unit} left", least=least, most=most, unit=unit)
