"""Contract: every operation in every status, by the table of transitions."""

# ruff: noqa: S101 - a contract suite consists of assertions

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import pytest

from outlast.domain.session import AnalysisSession
from outlast.domain.status import Status
from outlast.ports.store import Store
from outlast.ports.workers import LEASE
from outlast.testing.acts import (
    WORKER,
    cancelled,
    claim_next,
    claim_of,
    completed,
    death_of,
    failed,
    lapse,
    postponed,
    read,
    register_worker,
    released,
)
from outlast.testing.clock import FakeClock
from outlast.testing.contract.fixtures import StoreFixtures
from outlast.testing.states import STATES


class Verb(StrEnum):
    """The operations that change the status of a session."""

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
    """Return the statuses to which `verb` may lead from `before`; empty when it is refused."""
    return TRANSITIONS[verb].get(before, frozenset())


@dataclass(frozen=True, slots=True)
class Act:
    """One way to perform an operation."""

    verb: Verb
    perform: Callable[[Store, AnalysisSession], Awaitable[object]]
    fenced: bool = False
    """It names a claim, so it changes only processing sessions."""

    def may_lead_to(self, before: Status) -> frozenset[Status]:
        if self.fenced and before is not Status.PROCESSING:
            return frozenset()
        return allowed(self.verb, before)


async def _claim(store: Store, _session: AnalysisSession) -> object:
    register_worker(store, "another")
    return await claim_next(store, "another")


async def _claim_one(store: Store, session: AnalysisSession) -> object:
    register_worker(store, "another")
    return await store.claim_one("another", session.id)


async def _rescue_by_lease(store: Store, _session: AnalysisSession) -> object:
    return await lapse(store)


async def _rescue_by_name(store: Store, session: AnalysisSession) -> object:
    return await store.rescue_worker(session.worker_id or WORKER, death_of())


async def _release_worker(store: Store, session: AnalysisSession) -> object:
    return await store.release_worker(session.worker_id or WORKER)


async def _release(store: Store, session: AnalysisSession) -> object:
    return await store.finish(claim_of(session), released())


async def _postpone(store: Store, session: AnalysisSession) -> object:
    return await store.finish(claim_of(session), postponed(5, "Another reason."))


async def _complete(store: Store, session: AnalysisSession) -> object:
    return await store.finish(claim_of(session), completed('{"second":true}'))


async def _fail(store: Store, session: AnalysisSession) -> object:
    return await store.finish(claim_of(session), failed("Another failure."))


async def _cancel(store: Store, session: AnalysisSession) -> object:
    return await store.cancel(session.id, owner=session.owner)


async def _stop(store: Store, session: AnalysisSession) -> object:
    return await store.finish(claim_of(session), cancelled())


async def _retry(store: Store, session: AnalysisSession) -> object:
    return await store.retry(session.id, owner=session.owner, attempts=3)


ACTS: Final[Mapping[str, Act]] = {
    "claim": Act(Verb.CLAIM, _claim),
    "claim one": Act(Verb.CLAIM, _claim_one),
    "rescue by lease": Act(Verb.RESCUE, _rescue_by_lease),
    "rescue by name": Act(Verb.RESCUE, _rescue_by_name),
    "release": Act(Verb.RELEASE, _release, fenced=True),
    "release all of a worker": Act(Verb.RELEASE, _release_worker),
    "postpone": Act(Verb.POSTPONE, _postpone, fenced=True),
    "complete": Act(Verb.COMPLETE, _complete, fenced=True),
    "fail": Act(Verb.FAIL, _fail, fenced=True),
    "cancel": Act(Verb.CANCEL, _cancel),
    "stop after a cancel": Act(Verb.CANCEL, _stop, fenced=True),
    "retry": Act(Verb.RETRY, _retry),
}

SAYING_IT_AGAIN: Final = {
    ("released", "release"),
    ("cancelled at work", "stop after a cancel"),
    ("cancelling", "cancel"),
}
"""What is true already is answered with yes and changes nothing."""


class TransitionContract(StoreFixtures):
    """All verbs against `TRANSITIONS`."""

    def test_every_verb_of_the_table_is_performed(self) -> None:
        assert {act.verb for act in ACTS.values()} == set(TRANSITIONS) == set(Verb)

    async def test_every_status_is_reached(self, store: Store) -> None:
        assert {(await reach(store)).status for reach in STATES.values()} == set(Status)

    @pytest.mark.parametrize("state", STATES)
    @pytest.mark.parametrize("name", ACTS)
    async def test_a_verb_leads_to_the_status_of_the_table_and_a_refused_one_changes_nothing(
        self, store: Store, clock: FakeClock, state: str, name: str
    ) -> None:
        before, act = await STATES[state](store), ACTS[name]
        kept_before = (await store.history(before.id), await store.result(before.id, owner=None))
        clock.advance(LEASE + 1)  # so that there is somebody to rescue from
        await act.perform(store, before)
        after = await read(store, before.id)
        if (state, name) in SAYING_IT_AGAIN or not act.may_lead_to(before.status):
            assert after == before
            assert (await store.history(before.id), await store.result(before.id, owner=None)) == kept_before
        else:
            assert after.status in act.may_lead_to(before.status)
            assert after.version > before.version
            assert after.updated_at == clock.now()
            assert (after.completed_at is not None) == after.status.final
            assert (after.progress.percentage == 100) == (after.status is Status.COMPLETED)
            assert (after.worker_id is not None) == (after.status is Status.PROCESSING)
