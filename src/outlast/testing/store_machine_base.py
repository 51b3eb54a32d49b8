"""The base of the state machine: a store, its model and a clock, with invariants after each step."""

# ruff: noqa: S101 - a contract suite consists of assertions

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from outlast.domain.session import AnalysisSession, Claim, NewSession
from outlast.ports.store import Selection, Store
from outlast.testing.acts import new_session
from outlast.testing.clock import FakeClock
from outlast.testing.store_model import Model, ModelSession

OpenStore = Callable[[FakeClock], Awaitable[Store]]
T = TypeVar("T")


LETTERS = str.maketrans("0123456789", "abcdefghij")
SPANS = (1.013, 4.037, 9.719, 16.191)
"""Seconds, whose sums never equal a delay."""


class StoreMachineBase(RuleBasedStateMachine):
    """Everything of the state machine but its rules."""

    def __init__(self, open_store: OpenStore, clock: FakeClock) -> None:
        super().__init__()
        self._loop = asyncio.Runner()
        self._clock = clock
        self._model = Model()
        self._seen: dict[str, tuple[int, float]] = {}
        """Version and percentage of each session at the last check."""
        self._started = 0
        self._store = self._run(_opened(open_store, self._clock))

    def teardown(self) -> None:
        self._run(self._store.close())
        self._loop.close()

    def _run(self, call: Coroutine[Any, Any, T]) -> T:
        return self._loop.run(call)

    @property
    def _wall(self) -> float:
        return self._clock.now().timestamp()

    def _new(self, owner: str, subject: str, **changes: Any) -> NewSession:
        """Return a start with a deterministic id, so that a failing history can be replayed."""
        self._started += 1
        session_id = f"{self._started:026}".translate(LETTERS)
        return new_session(id=session_id, owner=owner, subject=subject, reuse_key="1 everybody", **changes)

    def _claim(self, session_id: str, ago: int) -> Claim:
        """Return the session's last claim, or an earlier one, which is lost."""
        session = self._model.sessions.get(session_id)
        return Claim(session_id, session.claim - ago if session else 1)

    @rule(seconds=st.sampled_from(SPANS), jump=st.sampled_from([0, 0, 0, -7_200, 7_200]))
    def time_passes(self, seconds: float, jump: int) -> None:
        self._clock.advance(seconds)
        self._clock.jump_wall(jump)

    @rule(seconds=st.sampled_from(SPANS))
    def time_passes_and_workers_renew(self, seconds: float) -> None:
        lease = self._store.lease()
        for _ in range(2):
            self._clock.advance(seconds / 1.3)
            seen = self._run(self._store.heartbeats())
            for worker in self._model.workers:
                assert lease.renew(worker) is not None
            assert self._run(self._store.rescue(seen)) == []
        lease.close()

    @invariant()
    def the_rows_are_as_the_model_says(self) -> None:
        rows = self._run(self._store.select(Selection(limit=1_000)))
        assert {row.id for row in rows} == self._model.sessions.keys()
        for row in rows:
            _compare(row, self._model.sessions[row.id])
            version, percentage = self._seen.get(row.id, (0, 0.0))
            assert row.version >= version
            assert row.progress.percentage >= percentage
            self._seen[row.id] = (row.version, row.progress.percentage)

    @invariant()
    def one_subject_is_worked_for_once(self) -> None:
        rows = [s for s in self._run(self._store.select(Selection(limit=1_000))) if not s.status.final]
        keys = [(row.owner, row.subject) for row in rows if row.cancel_requested_at is None]
        assert len(keys) == len(set(keys))


async def _opened(open_store: OpenStore, clock: FakeClock) -> Store:
    return await open_store(clock)


def _compare(row: AnalysisSession, want: ModelSession) -> None:
    assert (row.status, row.claim, row.worker_id) == (want.status, want.claim, want.worker)
    assert (row.attempt, row.max_attempts) == (want.attempt, want.max_attempts)
    assert (row.crashes, row.lapses) == (want.crashes, want.lapses)
    assert (row.cancel_requested_at is not None) == want.cancel_requested
    assert (row.completed_at is not None) == row.status.final
    assert row.progress.percentage == want.percentage
    told = bool(want.lines) and want.lines[-1][2] in {"postponed", "failed"}
    if told and not want.at_work:
        assert row.error == want.error
