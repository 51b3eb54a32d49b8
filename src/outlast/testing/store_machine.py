"""A state machine that tests a store against the model: workers, zombies, clock jumps, cancels and cleanups."""

# ruff: noqa: S101 - a contract suite consists of assertions

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import TypeVar

from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    MultipleResults,
    initialize,
    multiple,
    rule,
)

from outlast.domain.crash_policy import SUSPECT_CRASHES, may_run_beside
from outlast.domain.errors import QueueFull, TooManyActive
from outlast.domain.outcome import End
from outlast.domain.pauses import Pause
from outlast.domain.session import Claim
from outlast.domain.status import Status
from outlast.ports.store import CancelAnswer, Pruned, RetryAnswer, StartLimits
from outlast.testing.acts import (
    cancelled,
    claim_next,
    completed,
    death_of,
    failed,
    kept,
    lapse,
    postponed,
    read,
    register_worker,
    released,
    return_as,
    update,
)
from outlast.testing.store_machine_base import StoreMachineBase
from outlast.testing.store_model import ModelSession

WORKER_IDS = ("w1", "w2", "w3")
WORKERS = st.sampled_from(WORKER_IDS)
OWNERS = st.sampled_from(["ann", "bob"])
SUBJECTS = st.sampled_from(["s1", "s2", "s3"])
ACTIVE_PER_OWNER = 3
LIMITS = StartLimits(ACTIVE_PER_OWNER, pending=5)
ENDS = st.sampled_from([completed(), failed(), postponed(0), postponed(10.01), cancelled(), released()])
FRESH_FOR = 30.0
TOLERANCE = 0.1
"""Seconds that pass between a read by the store and one by the test, where the clock is a server's."""
CLAIMS_AGO = st.sampled_from([0, 0, 0, 1, 2])
T = TypeVar("T")


class StoreMachine(StoreMachineBase):
    """The operations of owners and workers, in any order, on a store that `open_store` creates."""

    sessions: Bundle[str] = Bundle("sessions")

    @initialize(target=sessions)
    def a_day_begins(self) -> MultipleResults[str]:
        for worker in WORKER_IDS:
            self.a_worker_enters_or_renews(worker)
        first = [self._new(o, s, timeout=t) for o in ("ann", "bob") for s, t in (("s1", 5.0), ("s2", 900.0))]
        for new in first:
            assert not self._run(self._store.add(new, LIMITS)).existing
            self._model.add(new, self._wall)
        for worker in WORKER_IDS:
            self.a_worker_claims(worker, None, limit=1, most_crashes=0)
        return _all([new.id for new in first])

    @rule(worker=WORKERS)
    def a_worker_enters_or_renews(self, worker: str) -> None:
        lease = self._store.lease()
        beat = lease.renew(worker)
        lease.close()
        assert (beat is not None) == (worker in self._model.workers)
        if beat is None:
            register_worker(self._store, worker)
        else:
            held = self._model.held_by(worker)
            assert beat.held == {Claim(s.id, s.claim) for s in held}
            assert beat.cancel_requested == {s.id for s in held if s.cancel_requested}
        self._model.workers.add(worker)

    @rule(
        target=sessions,
        owner=OWNERS,
        subject=SUBJECTS,
        priority=st.integers(-1, 2),
        timeout=st.sampled_from([5.0, 900.0]),
        delay=st.sampled_from([0.0, 0.0, 5.003]),
    )
    def somebody_starts(
        self, owner: str, subject: str, priority: int, timeout: float, delay: float
    ) -> MultipleResults[str]:
        model = self._model
        self._clock.advance(0.001)  # no two starts are equally new
        known = model.answering(owner, subject)
        waiting = sum(s.status is Status.PENDING for s in model.sessions.values())
        too_many = len(model.in_flight(owner)) >= ACTIVE_PER_OWNER
        full = waiting >= LIMITS.pending
        new = self._new(owner, subject, priority=priority, timeout=timeout, delay=delay)
        try:
            added = self._run(self._store.add(new, LIMITS))
        except TooManyActive:
            assert known is None
            assert too_many
            return _all(())
        except QueueFull:
            assert known is None
            assert full
            return _all(())
        assert added.existing == (known is not None)
        if known is not None:
            assert added.session.id == known.id
            return _all(())
        assert not too_many
        assert not full
        model.add(new, self._wall)
        return _all([new.id])

    @rule(target=sessions, owner=OWNERS, subject=SUBJECTS)
    def somebody_may_get_a_fresh_result(self, owner: str, subject: str) -> MultipleResults[str]:
        model = self._model
        self._clock.advance(0.001)  # no two starts are equally new
        new = self._new(owner, subject)
        newest = model.newest_made(subject)
        age = self._run(self._store.result_age(new))
        answer = self._run(self._store.reuse(new, fresh_for=FRESH_FOR))
        assert (age is None) == (not newest)
        if age is None or age >= FRESH_FOR or model.answering(owner, subject):
            assert answer is None
            return _all(())
        assert abs(age - (self._wall - max(model.results[made][1] for made in newest))) < TOLERANCE
        assert answer is not None
        if answer.existing:
            assert any(answer.session.id in model.reusing(owner, made) for made in newest)
            return _all(())
        made_by = answer.session.result_of
        assert answer.session.id == new.id
        assert made_by in newest
        assert not model.reusing(owner, made_by)
        model.reuse(new, made_by, self._wall)
        return _all([new.id])

    @rule(worker=WORKERS, session_id=st.none() | sessions, limit=st.integers(0, 4), most_crashes=st.integers(0, 3))
    def a_worker_claims(self, worker: str, session_id: str | None, limit: int, most_crashes: int) -> None:
        works = worker in self._model.workers and not self._model.paused
        ready = self._model.claimable(self._wall) if works else []
        if session_id is not None:
            one = self._run(self._store.claim_one(worker, session_id))
            assert (one is not None) == (session_id in {s.id for s in ready})
            taken = [one] if one else []
        else:
            taken = self._run(claim_next(self._store, worker, limit=limit, most_crashes=most_crashes))
            self._judge_choice({s.id for s in taken}, ready, limit, most_crashes)
        for session in taken:
            self._model.sessions[session.id].take(worker, self._wall)
            self._model.said.pop(session.id, None)

    def _judge_choice(self, ids: set[str], ready: list[ModelSession], limit: int, most_crashes: int) -> None:
        fit = [s for s in ready if may_run_beside(s.crashes, most_crashes)]
        assert ids <= {s.id for s in fit}
        honest = [s for s in fit if s.crashes < SUSPECT_CRASHES]
        suspects = ids - {s.id for s in honest}
        assert len(suspects) <= 1
        if suspects:
            honest = [s for s in honest if s.crashes == 0]
            assert ids - suspects <= {s.id for s in honest}
            fallen = sum(0 < s.crashes < SUSPECT_CRASHES for s in fit)
            assert len(ids) >= min(limit, len(honest) + fallen + 1) - fallen
        else:
            assert len(ids) == min(limit, len(honest) + (len(fit) > len(honest)))
        left = [s.turn for s in honest if s.id not in ids]
        assert all(s.turn <= min(left) for s in honest if s.id in ids and left)

    @rule(session_id=sessions, ago=CLAIMS_AGO, percentage=st.integers(0, 99), number=st.integers(1, 2))
    def a_worker_or_a_zombie_writes(self, session_id: str, ago: int, percentage: int, number: int) -> None:
        if session_id not in self._model.sessions:
            return
        claim = self._claim(session_id, ago)
        session = self._model.holding(claim)
        row = self._run(read(self._store, claim.session_id))
        lost = self._run(self._store.report([replace(update(row, percentage), claim=claim)]))
        assert lost == (set() if session else {claim})
        step = kept("read", number, str(percentage))
        assert self._run(self._store.keep_step(claim, step)) == (session is not None)
        if session is not None:
            session.percentage = max(session.percentage, percentage)
            session.kept[step.call] = step.result

    @rule(session_id=sessions, ago=CLAIMS_AGO, end=ENDS, unheard=st.booleans())
    def a_worker_or_a_zombie_finishes(self, session_id: str, ago: int, end: End, unheard: bool) -> None:
        model, claim = self._model, self._claim(session_id, ago)
        session = model.holding(claim)
        answer = self._run(self._store.finish(claim, end))
        if session is None:
            expected = model.says(claim, end)
            assert expected is None or answer == expected
            return
        assert answer
        session.end(end, self._wall)
        model.said[session.id] = (claim, end)
        model.told[claim] = end
        if session.result is not None:
            model.results[session.id] = (session.result, self._wall)
            model.made[session.id] = session.subject
        if unheard:  # the answer was lost, so it is said again
            assert self._run(self._store.finish(claim, end))

    @rule(session_id=sessions, right=st.booleans())
    def an_owner_or_a_stranger_cancels(self, session_id: str, right: bool) -> None:
        session = self._model.sessions.get(session_id)
        owner = session.owner if session and right else "a stranger"
        answer = self._run(self._store.cancel(session_id, owner=owner))
        if session is None or not right:
            assert answer is None
        elif session.at_work:
            assert answer is CancelAnswer.CANCELLING
            session.cancel_requested = True
        elif session.status is Status.PENDING:
            assert answer is CancelAnswer.CANCELLED
            session.status, session.cancel_requested = Status.CANCELLED, True
            session.finish(self._wall)
            self._model.said.pop(session_id, None)
        else:
            cancelled_before = session.status is Status.CANCELLED
            assert answer is (CancelAnswer.CANCELLED if cancelled_before else CancelAnswer.FINAL)

    @rule(session_id=sessions, right=st.booleans(), attempts=st.integers(1, 3))
    def an_owner_or_a_stranger_retries(self, session_id: str, right: bool, attempts: int) -> None:
        session = self._model.sessions.get(session_id)
        owner = session.owner if session and right else "a stranger"
        answer = self._run(self._store.retry(session_id, owner=owner, attempts=attempts))
        if session is None or not right:
            assert answer is None
        elif not session.status.final:
            assert answer is RetryAnswer.NOT_FINAL
        elif session.status is Status.COMPLETED:
            assert answer is RetryAnswer.COMPLETED
        elif self._model.answering(session.owner, session.subject):
            assert answer is RetryAnswer.ANOTHER_IN_FLIGHT
        else:
            assert answer is RetryAnswer.RETRIED
            session.status, session.crashes, session.lapses, session.error = Status.PENDING, 0, 0, None
            session.cancel_requested = False
            session.wait_again(self._wall)
            session.max_attempts = session.attempt + attempts
            self._model.said.pop(session_id, None)

    @rule(worker=WORKERS, how=st.sampled_from(["silent", "silent and back", "killed", "replaced", "stopped"]))
    def a_worker_goes(self, worker: str, how: str) -> None:
        if how.startswith("silent"):
            assert set(self._run(lapse(self._store, worker))) == self._model.lapse(worker, self._wall)
            if how == "silent and back":
                return_as(self._store, worker, previous_id=worker)
                self._model.come_back(worker)
                self._model.workers.add(worker)
        elif how == "stopped":
            held = self._model.held_by(worker)
            assert self._run(self._store.release_worker(worker)) == len(held)
            self._model.workers.discard(worker)
            for session in held:
                session.release(self._wall)
        else:
            rescued = self._run(self._store.rescue_worker(worker, death_of(worker)))
            assert sorted(rescued) == sorted(self._model.rescue_worker(worker, self._wall))
        if how == "replaced":  # under its old name, which is harder on the fence than a new one
            self.a_worker_enters_or_renews(worker)

    @rule(session_id=sessions, deaths=st.integers(1, 2), neighbours=st.integers(0, 2))
    def a_session_kills_its_workers(self, session_id: str, deaths: int, neighbours: int) -> None:
        for _ in range(deaths):
            self.a_worker_goes("w1", "replaced")
            self.a_worker_claims("w1", session_id, limit=0, most_crashes=1)
            self.a_worker_claims("w1", None, limit=neighbours, most_crashes=0)
        self.a_worker_goes("w1", "replaced")

    @rule(paused=st.booleans())
    def an_operator_pauses_or_resumes(self, paused: bool) -> None:
        change = self._store.pause if paused else self._store.resume
        assert self._run(change(Pause("queue", "analysis"))) == (paused != self._model.paused)
        self._model.paused = paused
        assert list(self._run(self._store.pauses())) == [Pause("queue", "analysis")] * paused

    @rule(session_age=st.sampled_from([0, 20]), result_age=st.sampled_from([5, 50]))
    def somebody_cleans_up(self, session_age: int, result_age: int) -> None:
        model, now = self._model, self._clock.now()
        before = {
            "sessions_before": now - timedelta(seconds=session_age),
            "results_before": now - timedelta(seconds=result_age),
            "uploads_before": now,
        }
        old = [s for s in model.sessions.values() if s.status.final and s.ended_at < self._wall - session_age]
        stale = [i for i, (_, ended_at) in model.results.items() if ended_at < self._wall - result_age]
        expected = Pruned(len(old), len(stale), 0)
        assert self._run(self._store.prune(**before, dry_run=True)) == expected
        assert self._run(self._store.prune(**before, dry_run=False)) == expected
        for session in old:
            del model.sessions[session.id]
            model.said.pop(session.id, None)
        for session_id in stale:
            del model.results[session_id]
            model.made.pop(session_id, None)

    @rule(session_id=sessions)
    def somebody_looks_closely(self, session_id: str) -> None:
        session = self._model.sessions.get(session_id)
        kept_steps = self._run(self._store.kept_steps(session_id))
        assert {k.call: k.result for k in kept_steps} == (session.kept if session else {})
        lines = [(r.claim, r.attempt, r.ended) for r in self._run(self._store.history(session_id))]
        expected = session.lines if session else []
        assert [line[:2] for line in lines] == [line[:2] for line in expected]
        assert all(want[2] in {None, line[2]} for line, want in zip(lines, expected, strict=True))
        result = self._run(self._store.result(session_id, owner=None))
        assert (result and result.result) == self._model.results.get(session_id, (None, 0))[0]
        position = self._run(self._store.queue_position(session_id))
        assert (position is not None) == (session in self._model.claimable(self._wall))


def _all(things: Sequence[T]) -> MultipleResults[T]:
    return multiple(*things)
