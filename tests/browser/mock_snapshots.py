"""Snapshots with every key of the contract, for each state that a page can show."""

from typing import Any

from outlast.web.wording import PHASES, words

SESSION = "m4rzrk2v6w3hq7ypl5xtcdnbga"

STEPS = [
    ("validate", "Checking the product"),
    ("gather", "Gathering reviews"),
    ("judge", "Judging reviews"),
    ("write", "Writing the report"),
]


def step(number: int, status: str = "pending", **changes: Any) -> dict[str, Any]:
    """One step of the plan, by its number from 1."""
    name, title = STEPS[number - 1]
    done = status == "done"
    return {
        "name": name,
        "title": title,
        "status": status,
        "progress_percentage": 100.0 if done else 0.0,
        "message": None,
        "started_at": None if status == "pending" else "2026-03-04T05:06:08.000000Z",
        "duration_ms": 3400 * number if done else None,
        "resumed": False,
    } | changes


def steps(active: int, **changes: Any) -> list[dict[str, Any]]:
    """A plan whose step `active` (from 1) is at work; 0: none yet."""
    states = ["done" if n < active else "active" if n == active else "pending" for n in range(1, len(STEPS) + 1)]
    return [step(n, s, **(changes if s == "active" else {})) for n, s in enumerate(states, 1)]


def snapshot(prefix: str = "", **changes: Any) -> dict[str, Any]:
    """A session whose second step is at work, or what `changes` make of it; `prefix` is a root path."""
    api = f"{prefix}/api/analysis"
    parts = {
        "success": True,
        "session_id": SESSION,
        "analysis": "product",
        "subject": "upload:9f86d081",
        "status": "processing",
        "phase": "running",
        "current_step": 2,
        "total_steps": len(STEPS),
        "progress_percentage": 31.5,
        "current_message": "Read 63 of 300 reviews",
        "version": 10,
        "attempt": 1,
        "max_attempts": 3,
        "next_retry_at": None,
        "queue_position": None,
        "starts_at": None,
        "result_at": None,
        "questions": None,
        "correction": None,
        "paused": False,
        "eta_seconds": 29.0,
        "eta_low": 20.0,
        "eta_high": 40.0,
        "elapsed_ms": 12_000,
        "poll_after_ms": 2000,
        "stalled": False,
        "cancellable": True,
        "created_at": "2026-03-04T05:06:07.000000Z",
        "started_at": "2026-03-04T05:06:07.100000Z",
        "updated_at": "2026-03-04T05:06:19.000000Z",
        "completed_at": None,
        "expires_at": None,
        "steps": steps(2, progress_percentage=21.0),
        "result": None,
        "redirect_url": None,
        "error": None,
        "error_code": None,
        "reference": None,
        "links": {
            "self": f"{api}/progress/{SESSION}",
            "events": f"{api}/progress/{SESSION}/events",
            "ws": f"{api}/progress/{SESSION}/ws",
            "cancel": f"{api}/cancel/{SESSION}",
            "page": f"{prefix}/analysis/{SESSION}",
            "correct": f"{prefix}/analysis/{SESSION}/correct",
        },
    }
    return worded(parts | changes) | changes


def worded(parts: dict[str, Any]) -> dict[str, Any]:
    """The snapshot with the words that the server says for it; a phase that it does not know has its own."""
    return parts | (words(parts) if parts["phase"] in PHASES else {})


_WAITING = {"eta_seconds": None, "eta_low": None, "eta_high": None}
_OVER = _WAITING | {"cancellable": False, "completed_at": "2026-03-04T05:07:07.000000Z", "elapsed_ms": 60_000}

STATES: dict[str, dict[str, Any]] = {
    "queued": _WAITING
    | {
        "status": "pending",
        "phase": "queued",
        "current_step": 0,
        "progress_percentage": 0.0,
        "current_message": None,
        "queue_position": 3,
        "attempt": 0,
        "started_at": None,
        "steps": steps(0),
    },
    "stalled": _WAITING
    | {
        "status": "pending",
        "phase": "queued",
        "current_step": 0,
        "progress_percentage": 0.0,
        "current_message": None,
        "queue_position": 1,
        "attempt": 0,
        "stalled": True,
        "started_at": None,
        "steps": steps(0),
    },
    "running": {},
    "resumed": {
        "attempt": 2,
        "progress_percentage": 62,
        "current_message": None,
        "eta_low": 3.0,
        "eta_high": 61.0,
        "elapsed_ms": 3_723_000,
        "steps": [
            step(1, "done", resumed=True, duration_ms=180),
            step(2, "done", resumed=True, duration_ms=83_400, message="300 reviews"),
            step(3, "active", progress_percentage=44.9, message="Judged 135 of 300"),
            step(4, "skipped"),
        ],
    },
    "retrying": _WAITING
    | {
        "status": "pending",
        "phase": "retrying",
        "current_message": "The shop did not answer",
        "next_retry_at": "2030-01-01T00:00:30.000000Z",
        "steps": [step(1, "done"), step(2), step(3), step(4)],
    },
    "cancelling": {"phase": "cancelling", "cancellable": False},
    "failed": _OVER
    | {
        "status": "failed",
        "phase": "failed",
        "attempt": 3,
        "error": "The file has no column that looks like a rating.",
        "error_code": "unreadable",
        "reference": "r-7f3a9c",
        "steps": [step(1, "done"), step(2, "failed", duration_ms=5210), step(3), step(4)],
    },
    "cancelled": _OVER
    | {"status": "cancelled", "phase": "cancelled", "steps": [step(1, "done"), step(2), step(3), step(4)]},
}

COMPLETED: dict[str, Any] = _OVER | {
    "status": "completed",
    "phase": "completed",
    "progress_percentage": 100.0,
    "current_message": None,
    "result": {"report": {"grade": "B", "explanation": "Café <b>&</b> 'tea'"}, "redirect_url": None},
    "steps": [step(n, "done") for n in range(1, len(STEPS) + 1)],
}
