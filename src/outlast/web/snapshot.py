"""The snapshot: a session as JSON for API and pages, with the same keys in every status."""

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from outlast.core.watch import SessionView
from outlast.domain.progress import StepState
from outlast.domain.status import Phase, Status
from outlast.web.wording import correction, current_message, words

MILLISECOND = timedelta(milliseconds=1)
INLINE_RESULT = 64 * 1024
"""Largest result in bytes that the snapshot includes."""


def links(session_id: str, root: str) -> dict[str, str]:
    """The paths of a session's routes; `root` is where the site is mounted."""
    api = f"{root}/api/analysis"
    return {
        "self": f"{api}/progress/{session_id}",
        "events": f"{api}/progress/{session_id}/events",
        "ws": f"{api}/progress/{session_id}/ws",
        "cancel": f"{api}/cancel/{session_id}",
        "retry": f"{api}/retry/{session_id}",
        "answer": f"{api}/answer/{session_id}",
        "result": f"{api}/result/{session_id}",
        "share": f"{api}/share/{session_id}",
        "page": f"{root}/analysis/{session_id}",
        "correct": f"{root}/analysis/{session_id}/correct",
    }


def _links_to_read(session_id: str, root: str) -> dict[str, str]:
    every = links(session_id, root)
    return {name: every[name] for name in ("self", "events", "ws", "result", "page")}


def rfc3339(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def step_payload(step: StepState) -> dict[str, Any]:
    return {
        "name": step.name,
        "title": step.title,
        "status": step.status.value,
        "progress_percentage": step.progress_percentage,
        "message": step.message,
        "started_at": step.started_at,
        "duration_ms": step.duration_ms,
        "resumed": step.resumed,
    }


def snapshot(
    view: SessionView,
    *,
    root: str,
    interval_ms: int,
    keep_hours: float,
    result: str | None,
    offered: bool,
    read_only: bool = False,
) -> dict[str, Any]:
    """Every key but `elapsed_ms`, which `closed` adds last. `result` is its JSON text, or `None`.

    `offered`: this process has the analysis of the session. `read_only`: for the holder of a read token.
    """
    session = view.session
    left = view.time_left
    waits_again = session.phase is Phase.RETRYING
    finished = session.completed_at
    done = session.progress
    parts: dict[str, Any] = {
        "success": True,
        "session_id": session.id,
        "analysis": session.analysis,
        "subject": session.subject,
        "status": session.status.value,
        "phase": session.phase.value,
        "current_step": done.current_step,
        "total_steps": len(done.steps),
        "progress_percentage": 100 if session.status is Status.COMPLETED else done.percentage,
        "current_message": current_message(view),
        "version": session.version,
        "attempt": session.attempt,
        "max_attempts": session.max_attempts,
        "next_retry_at": rfc3339(session.available_at) if waits_again else None,
        "starts_at": rfc3339(view.starts_at),
        "queue_position": view.queue_position,
        "eta_seconds": round(left.middle) if left else None,
        "eta_low": round(left.low) if left else None,
        "eta_high": round(left.high) if left else None,
        "poll_after_ms": None if session.status.final else interval_ms,
        "stalled": view.stalled,
        "paused": view.paused,
        "cancellable": session.cancellable and not read_only,
        "created_at": rfc3339(session.created_at),
        "started_at": rfc3339(session.started_at),
        "updated_at": rfc3339(session.updated_at),
        "completed_at": rfc3339(finished),
        "result_at": rfc3339(session.result_at),
        "expires_at": rfc3339(finished + timedelta(hours=keep_hours)) if finished else None,
        "steps": [step_payload(s) for s in done.steps],
        "result": json.loads(result) if result is not None else None,
        "redirect_url": session.redirect_url,
        "error": session.error if session.status is Status.FAILED or waits_again else None,
        "error_code": session.error_code if session.status is Status.FAILED or waits_again else None,
        "questions": json.loads(session.asked)["questions"] if session.asked else None,
        "reference": session.reference if session.status is Status.FAILED or waits_again else None,
        "correction": None if read_only else correction(session),
        "links": _links_to_read(session.id, root) if read_only else links(session.id, root),
    }
    return parts | words(parts, offered=offered)


def encode(parts: Mapping[str, Any]) -> bytes:
    """Encode the snapshot as JSON up to the value of `elapsed_ms`; `with_elapsed` completes it."""
    text = json.dumps(parts, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return text[:-1].encode() + b',"elapsed_ms":'


def with_elapsed(encoded: bytes, elapsed: int) -> bytes:
    return b"%s%d}" % (encoded, elapsed)
