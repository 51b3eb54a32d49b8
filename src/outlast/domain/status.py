"""The statuses of a session and the only table of its transitions."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final


class Status(StrEnum):
    """The status of a session; the last three are final."""

    PENDING = "pending"
    PROCESSING = "processing"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def final(self) -> bool:
        return self not in IN_FLIGHT


IN_FLIGHT: Final = frozenset({Status.PENDING, Status.PROCESSING})


class Phase(StrEnum):
    """The status in finer detail, for display."""

    QUEUED = "queued"
    RUNNING = "running"
    RETRYING = "retrying"
    CANCELLING = "cancelling"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


class Verb(StrEnum):
    """The transitions of a session."""

    CLAIM = "claim"
    RELEASE = "release"
    RESCUE = "rescue"
    POSTPONE = "postpone"
    COMPLETE = "complete"
    FAIL = "fail"
    CANCEL = "cancel"
    RETRY = "retry"


TRANSITIONS: Final[Mapping[Verb, Mapping[Status, frozenset[Status]]]] = {
    Verb.CLAIM: {Status.PENDING: frozenset({Status.PROCESSING})},
    Verb.RELEASE: {Status.PROCESSING: frozenset({Status.PENDING, Status.CANCELLED})},
    Verb.RESCUE: {Status.PROCESSING: frozenset({Status.PENDING, Status.FAILED, Status.CANCELLED})},
    Verb.POSTPONE: {Status.PROCESSING: frozenset({Status.PENDING, Status.CANCELLED})},
    Verb.COMPLETE: {Status.PROCESSING: frozenset({Status.COMPLETED})},
    Verb.FAIL: {Status.PROCESSING: frozenset({Status.FAILED})},
    Verb.CANCEL: {
        Status.PENDING: frozenset({Status.CANCELLED}),
        Status.PROCESSING: frozenset({Status.PROCESSING, Status.CANCELLED}),
    },
    Verb.RETRY: {
        Status.FAILED: frozenset({Status.PENDING}),
        Status.CANCELLED: frozenset({Status.PENDING}),
    },
}
"""From each status, where each verb may lead. A verb that is not listed for a status is refused.

A cancel request leaves a processing session processing (phase `cancelling`) until its attempt has stopped;
release, rescue and postpone of a session with a cancel request end it as cancelled.
"""


def allowed(verb: Verb, before: Status) -> frozenset[Status]:
    """The statuses to which `verb` may lead from `before`; empty when it is refused."""
    return TRANSITIONS[verb].get(before, frozenset())
