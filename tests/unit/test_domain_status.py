"""The statuses of a session, and the table of transitions that the store contract checks."""

from outlast.domain.status import IN_FLIGHT, Status
from outlast.testing.contract.transitions import Verb, allowed

FINAL = {Status.COMPLETED, Status.FAILED, Status.CANCELLED}


def test_three_statuses_are_final_and_two_are_in_flight():
    assert {status for status in Status if status.final} == FINAL
    assert set(Status) - IN_FLIGHT == FINAL


def test_only_retry_leaves_a_final_status_and_nothing_leaves_completed():
    leaving = {(verb, before) for verb in Verb for before in FINAL if allowed(verb, before)}
    assert leaving == {(Verb.RETRY, Status.FAILED), (Verb.RETRY, Status.CANCELLED)}


def test_only_a_claim_starts_processing_and_only_its_attempt_completes_a_session():
    entering = {
        (verb, before)
        for verb in Verb
        for before in Status
        for after in allowed(verb, before)
        if (after is Status.PROCESSING and before is not after) or after is Status.COMPLETED
    }
    assert entering == {(Verb.CLAIM, Status.PENDING), (Verb.COMPLETE, Status.PROCESSING)}
