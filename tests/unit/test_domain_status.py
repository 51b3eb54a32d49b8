"""The table of transitions: what may happen to a session, and what may not."""

import pytest

from outlast.domain.status import IN_FLIGHT, TRANSITIONS, Status, Verb, allowed

FINAL = {Status.COMPLETED, Status.FAILED, Status.CANCELLED}


def test_three_statuses_are_final_and_two_are_in_flight():
    assert {status for status in Status if status.final} == FINAL
    assert set(Status) - IN_FLIGHT == FINAL


@pytest.mark.parametrize("verb", [verb for verb in Verb if verb is not Verb.RETRY])
@pytest.mark.parametrize("before", sorted(FINAL))
def test_no_verb_but_retry_leads_out_of_a_final_status(verb, before):
    assert allowed(verb, before) == frozenset()


def test_nothing_leads_out_of_completed():
    assert not any(allowed(verb, Status.COMPLETED) for verb in Verb)


def test_retry_leads_back_to_pending_alone():
    assert allowed(Verb.RETRY, Status.FAILED) == allowed(Verb.RETRY, Status.CANCELLED) == {Status.PENDING}


def test_completed_is_reached_from_processing_by_completing_alone():
    ways = {(verb, before) for verb in Verb for before in Status if Status.COMPLETED in allowed(verb, before)}
    assert ways == {(Verb.COMPLETE, Status.PROCESSING)}


def test_processing_is_entered_by_a_claim_alone():
    ways = {
        (verb, before)
        for verb in Verb
        for before in set(Status) - {Status.PROCESSING}
        if Status.PROCESSING in allowed(verb, before)
    }
    assert ways == {(Verb.CLAIM, Status.PENDING)}


def test_every_verb_has_a_row_and_every_status_can_be_reached():
    assert set(TRANSITIONS) == set(Verb)
    reached, grown = {Status.PENDING}, True
    while grown:
        after = {to for verb in Verb for before in reached for to in allowed(verb, before)}
        grown = not after <= reached
        reached |= after
    assert reached == set(Status)


@pytest.mark.parametrize("verb", [Verb.RELEASE, Verb.RESCUE, Verb.POSTPONE])
def test_what_gives_a_session_back_may_cancel_it_instead(verb):
    assert {Status.PENDING, Status.CANCELLED} <= allowed(verb, Status.PROCESSING)
