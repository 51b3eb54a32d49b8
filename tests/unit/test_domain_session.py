"""The phases of a session."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from outlast.domain.progress import Progress
from outlast.domain.session import AnalysisSession
from outlast.domain.status import Phase, Status

NOW = datetime(2026, 5, 4, tzinfo=UTC)
SESSION = AnalysisSession(
    id="a" * 26,
    analysis="site",
    subject="s",
    owner="o",
    input="{}",
    queue="analysis",
    priority=0,
    status=Status.PENDING,
    version=1,
    claim=0,
    worker_id=None,
    attempt=0,
    max_attempts=3,
    crashes=0,
    timeout=300.0,
    progress=Progress(),
    created_at=NOW,
    updated_at=NOW,
    available_at=NOW,
)


@pytest.mark.parametrize(
    ("changes", "phase"),
    [
        ({}, Phase.QUEUED),
        ({"attempt": 1, "error": "No answer."}, Phase.RETRYING),
        ({"attempt": 1}, Phase.QUEUED),
        ({"attempt": 0, "crashes": 1}, Phase.QUEUED),
        ({"attempt": 0, "error": "Its attempt did not count."}, Phase.QUEUED),
        ({"status": Status.PROCESSING}, Phase.RUNNING),
        ({"status": Status.PROCESSING, "attempt": 2, "error": "No answer."}, Phase.RUNNING),
        ({"status": Status.PROCESSING, "cancel_requested_at": NOW}, Phase.CANCELLING),
        ({"status": Status.COMPLETED, "cancel_requested_at": NOW}, Phase.COMPLETED),
        ({"status": Status.FAILED}, Phase.FAILED),
        ({"status": Status.CANCELLED}, Phase.CANCELLED),
    ],
)
def test_the_phase_refines_the_status(changes, phase):
    assert replace(SESSION, **changes).phase is phase


@pytest.mark.parametrize("status", Status)
@pytest.mark.parametrize("requested", [None, NOW])
def test_only_sessions_in_flight_without_a_cancel_request_are_cancellable(status, requested):
    session = replace(SESSION, status=status, cancel_requested_at=requested)
    assert session.cancellable == (not status.final and requested is None)


def test_the_same_row_read_later_is_equal():
    assert replace(SESSION, waited_ms=5, worked_ms=7) == SESSION
    assert replace(SESSION, version=2) != SESSION
