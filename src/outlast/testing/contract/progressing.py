"""Contract: progress only grows, versions too; steps, results and durations are kept."""

# ruff: noqa: S101 - a contract suite consists of assertions

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from typing import Final

import pytest

from outlast.domain.plan import Expected
from outlast.domain.progress import Progress, StepState, StepStatus
from outlast.domain.session import AnalysisSession
from outlast.ports.results import SAMPLES_KEPT, StepSample
from outlast.ports.store import ProgressUpdate, Store
from outlast.testing.acts import (
    OWNER,
    claim_of,
    claim_session,
    completed,
    death_of,
    kept,
    postponed,
    read,
    register_worker,
    start,
    started_and_claimed,
    update,
)
from outlast.testing.clock import FakeClock
from outlast.testing.contract.fixtures import StoreFixtures

HOUR = 3_600


async def _claim(store: Store, session: AnalysisSession) -> object:
    register_worker(store)
    return await claim_session(store, session.id)


async def _report(store: Store, session: AnalysisSession) -> object:
    return await store.report([update(session, 50)])


async def _postpone(store: Store, session: AnalysisSession) -> object:
    return await store.finish(claim_of(session), postponed())


async def _rescue(store: Store, session: AnalysisSession) -> object:
    return await store.rescue_worker(session.worker_id or "", death_of())


async def _release(store: Store, session: AnalysisSession) -> object:
    return await store.release_worker(session.worker_id or "")


async def _cancel(store: Store, session: AnalysisSession) -> object:
    return await store.cancel(session.id, owner=None)


async def _retry(store: Store, session: AnalysisSession) -> object:
    return await store.retry(session.id, owner=None, attempts=1)


async def _complete(store: Store, session: AnalysisSession) -> object:
    return await store.finish(claim_of(session), completed())


Change = Callable[[Store, AnalysisSession], Awaitable[object]]
A_LIFE: Final[tuple[Change, ...]] = (
    *(_claim, _report, _report, _postpone, _claim, _rescue, _claim, _release),
    *(_cancel, _retry, _claim, _cancel, _postpone, _retry, _claim, _complete),
)


class ProgressContract(StoreFixtures):
    """`report` and the laws of versions."""

    async def test_progress_is_read_as_it_was_reported(self, store: Store, clock: FakeClock) -> None:
        session = await started_and_claimed(store)
        steps = (
            StepState(
                *("read", "Lesen ✓", 0.25, StepStatus.DONE, 100.0, "Gelesen"),
                started_at="2026-05-04T12:00:00Z",
                duration_ms=1234,
                resumed=True,
                expected=Expected(1.5, 2.5, 9.0),
            ),
            StepState("judge", "Judging", 0.75, StepStatus.ACTIVE, 12.5),
        )
        progress = Progress(34.3, current_step=2, message="Line 1\n\u2028 “quoted”", steps=steps)
        clock.advance(1)
        assert await store.report([ProgressUpdate(claim_of(session), progress)]) == set()
        row = await read(store, session.id)
        assert row.progress == progress
        assert row.updated_at == clock.now()
        assert row.version > session.version

    async def test_a_smaller_percentage_is_ignored_but_not_the_rest_of_the_report(self, store: Store) -> None:
        session = await started_and_claimed(store)
        await store.report([update(session, 60, "far")])
        await store.report([update(session, 30, "again")])
        progress = (await read(store, session.id)).progress
        assert (progress.percentage, progress.message) == (60, "again")

    async def test_the_percentage_survives_attempts_rescues_and_rounds(self, store: Store) -> None:
        session = await started_and_claimed(store)
        await store.report([update(session, 60)])
        for change in (_postpone, _claim, _rescue, _cancel, _retry, _claim, _release):
            await change(store, await read(store, session.id))
            assert (await read(store, session.id)).progress.percentage == 60

    @pytest.mark.parametrize("reported", [100.0, 250.0])
    async def test_a_hundred_percent_cannot_be_reported(self, store: Store, reported: float) -> None:
        session = await started_and_claimed(store)
        await store.report([update(session, reported)])
        assert 99 < (await read(store, session.id)).progress.percentage < 100

    async def test_no_report_is_fine_and_many_are_one_write(self, store: Store) -> None:
        assert await store.report([]) == set()
        sessions = [await started_and_claimed(store) for _ in range(30)]
        updates = [update(session, number) for number, session in enumerate(sessions)]
        assert await store.report(updates) == set()
        shown = [(await read(store, session.id)).progress.percentage for session in sessions]
        assert shown == list(range(30))

    async def test_two_reports_of_one_session_in_one_write_end_at_the_higher(self, store: Store) -> None:
        session = await started_and_claimed(store)
        await store.report([update(session, 20), update(session, 10, "last")])
        assert (await read(store, session.id)).progress.percentage == 20

    @pytest.mark.parametrize("jump", [0, 7, HOUR, -HOUR])
    async def test_each_change_raises_the_version_however_the_wall_clock_jumps(
        self, store: Store, clock: FakeClock, jump: float
    ) -> None:
        session = await start(store)
        for change in A_LIFE:
            clock.jump_wall(jump)
            await change(store, session)
            changed = await read(store, session.id)
            assert changed.version > session.version
            assert changed.version >= int(clock.now().timestamp() * 1000)
            assert changed.updated_at == clock.now()
            session = changed

    async def test_the_version_starts_at_the_wall_clock_and_goes_on_by_one(
        self, store: Store, clock: FakeClock
    ) -> None:
        session = await started_and_claimed(store)
        assert session.version == int(clock.now().timestamp() * 1000) + 1
        clock.jump_wall(-HOUR)
        await _report(store, session)
        assert (await read(store, session.id)).version == session.version + 1


class KeptStepContract(StoreFixtures):
    """`keep_step`, `kept_steps`."""

    async def test_each_call_of_a_step_is_kept_by_its_own_identity(self, store: Store) -> None:
        session = await started_and_claimed(store)
        other = await started_and_claimed(store)
        calls = [kept("read", 1, '"a"'), kept("read", 2, '"b"'), kept("judge", 1, '{"π":[null]}')]
        for call in calls:
            assert await store.keep_step(claim_of(session), call)
        found = await store.kept_steps(session.id)
        assert {k.call: k for k in found} == {k.call: k for k in calls}
        assert len(found) == len(calls)
        assert list(await store.kept_steps(other.id)) == []

    async def test_the_same_call_kept_again_is_replaced(self, store: Store) -> None:
        session = await started_and_claimed(store)
        await store.keep_step(claim_of(session), kept())
        again = replace(kept(result='"newer"'), duration_ms=99)
        assert await store.keep_step(claim_of(session), again)
        assert list(await store.kept_steps(session.id)) == [again]

    async def test_a_later_attempt_finds_the_kept_steps_of_an_earlier_one(self, store: Store) -> None:
        session = await started_and_claimed(store)
        await store.keep_step(claim_of(session), kept())
        for change in (_postpone, _claim, _rescue, _claim, _release, _cancel, _retry, _claim):
            await change(store, await read(store, session.id))
            assert list(await store.kept_steps(session.id)) == [kept()]


class ResultContract(StoreFixtures):
    """`result`, `record_durations`, `durations`."""

    async def test_a_result_belongs_to_its_owner(self, store: Store, clock: FakeClock) -> None:
        session = await started_and_claimed(store)
        await store.finish(claim_of(session), completed('{"n":[1,2.5,null,"\\u0000"]}', "/there"))
        result = await store.result(session.id, owner=OWNER)
        assert result is not None
        assert (result.session_id, result.analysis, result.subject) == (
            session.id,
            session.analysis,
            session.subject,
        )
        assert (result.result, result.redirect_url) == ('{"n":[1,2.5,null,"\\u0000"]}', "/there")
        assert result.completed_at == clock.now()
        assert await store.result(session.id, owner=None) == result
        assert await store.result(session.id, owner="somebody else") is None
        assert await store.result("a" * 26, owner=None) is None

    async def test_a_large_result_comes_back_whole(self, store: Store) -> None:
        session = await started_and_claimed(store)
        text = '"' + "grün " * 1_000_000 + '"'
        await store.finish(claim_of(session), completed(text))
        result = await store.result(session.id, owner=None)
        assert result is not None
        assert result.result == text
        assert (await read(store, session.id)).result_bytes == len(text.encode())

    async def test_durations_are_learnt_by_analysis_and_step(self, store: Store) -> None:
        assert await store.durations("site") == {}
        await store.record_durations([StepSample("site", "read", 5), StepSample("site", "judge", 7)])
        await store.record_durations([StepSample("site", "read", 6), StepSample("other", "read", 9)])
        await store.record_durations([])
        assert _sorted(await store.durations("site")) == {"read": [5, 6], "judge": [7]}
        assert _sorted(await store.durations("other")) == {"read": [9]}

    async def test_only_the_newest_durations_are_remembered(self, store: Store) -> None:
        await store.record_durations([StepSample("site", "judge", 1)])
        for batch in range(0, SAMPLES_KEPT + 20, 10):
            await store.record_durations([StepSample("site", "read", ms) for ms in range(batch, batch + 10)])
        expected = {"read": list(range(20, SAMPLES_KEPT + 20)), "judge": [1]}
        assert _sorted(await store.durations("site")) == expected


def _sorted(durations: Mapping[str, Sequence[int]]) -> dict[str, list[int]]:
    return {step: sorted(remembered) for step, remembered in durations.items()}
