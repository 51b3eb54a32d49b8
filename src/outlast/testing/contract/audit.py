"""Contract: the audit log, and the samples of the counts for monitoring."""

# ruff: noqa: S101 - a contract suite consists of assertions

from datetime import timedelta

from outlast.core.ids import new_session_id
from outlast.ports.audit import AUDIT_KEPT_DAYS, ActionSelection, NewAction
from outlast.ports.metrics import SAMPLES_KEPT_MINUTES, MetricSample
from outlast.ports.store import Store
from outlast.testing.clock import FakeClock
from outlast.testing.contract.fixtures import StoreFixtures

EVERYTHING = ActionSelection(limit=1_000)


def _action(action: str = "queue pause", actor: str = "ada@host", target: str = "slow") -> NewAction:
    return NewAction(new_session_id(), actor, action, target, "")


class AuditContract(StoreFixtures):
    """`record_action`, `actions`."""

    async def test_lines_are_listed_with_their_time_the_newest_first(self, store: Store, clock: FakeClock) -> None:
        first, second = _action("queue pause"), _action("workers stop")
        await store.record_action(first)
        began = clock.now()
        clock.advance(1)
        await store.record_action(second)
        lines = await store.actions(EVERYTHING)
        assert [line.id for line in lines] == [second.id, first.id]
        assert (lines[1].actor, lines[1].action, lines[1].target) == (first.actor, first.action, first.target)
        assert lines[0].at >= began
        assert lines[0].at.tzinfo is not None

    async def test_the_same_line_again_changes_nothing(self, store: Store) -> None:
        line = _action()
        await store.record_action(line)
        await store.record_action(line)
        assert len(await store.actions(EVERYTHING)) == 1

    async def test_lines_are_selected_by_actor_action_and_time(self, store: Store, clock: FakeClock) -> None:
        lines = [_action("queue pause", "Ada"), _action("queue resume", "bob%_"), _action("workers stop", "ada")]
        for line in lines:
            await store.record_action(line)
            clock.advance(60)
        listed = await store.actions(EVERYTHING)

        async def ids(selection: ActionSelection) -> list[str]:
            return [line.id for line in await store.actions(selection)]

        assert await ids(ActionSelection(actor="ADA")) == [lines[2].id, lines[0].id]
        assert await ids(ActionSelection(actor="%_")) == [lines[1].id]
        assert await ids(ActionSelection(action="queue")) == [lines[1].id, lines[0].id]
        assert await ids(ActionSelection(action="queue resume")) == [lines[1].id]
        assert await ids(ActionSelection(since=listed[1].at)) == [lines[2].id, lines[1].id]

    async def test_pages_follow_each_other(self, store: Store, clock: FakeClock) -> None:
        for n in range(5):
            await store.record_action(_action(target=str(n)))
            if n % 2:
                clock.advance(1)
        whole = [line.id for line in await store.actions(EVERYTHING)]
        first = [line.id for line in await store.actions(ActionSelection(limit=2))]
        rest = [line.id for line in await store.actions(ActionSelection(after=first[-1]))]
        assert first + rest == whole
        assert list(await store.actions(ActionSelection(after=new_session_id()))) == []

    async def test_a_cleanup_deletes_lines_after_their_retention(self, store: Store, clock: FakeClock) -> None:
        await store.record_action(_action(target="old"))
        clock.advance(86_400 * AUDIT_KEPT_DAYS - 60)
        await store.record_action(_action(target="new"))
        for expected in (["new", "old"], ["new"]):
            long_ago = clock.now() - timedelta(days=1_000)
            await store.prune(
                sessions_before=long_ago, results_before=long_ago, uploads_before=long_ago, dry_run=False
            )
            assert [line.target for line in await store.actions(EVERYTHING)] == expected
            clock.advance(120)

    async def test_any_text_is_kept_as_it_is(self, store: Store) -> None:
        await store.record_action(NewAction(new_session_id(), "ä ' \\ %s", "a\nb", '"', "{}"))
        (line,) = await store.actions(EVERYTHING)
        assert (line.actor, line.action, line.target, line.detail) == ("ä ' \\ %s", "a\nb", '"', "{}")


class MetricSampleContract(StoreFixtures):
    """`add_metric_sample`, `metric_samples`."""

    async def test_the_first_sample_of_a_minute_stays(self, store: Store) -> None:
        await store.add_metric_sample(MetricSample(100, "[1]"))
        await store.add_metric_sample(MetricSample(100, "[2]"))
        assert list(await store.metric_samples(0, 1)) == [MetricSample(100, "[1]")]

    async def test_the_first_of_each_span_is_returned(self, store: Store) -> None:
        for minute in (99, 101, 104, 105, 109, 112):
            await store.add_metric_sample(MetricSample(minute, str(minute)))
        assert [s.minute for s in await store.metric_samples(100, 5)] == [101, 105, 112]
        assert [s.minute for s in await store.metric_samples(99, 1)] == [99, 101, 104, 105, 109, 112]

    async def test_old_samples_are_deleted(self, store: Store) -> None:
        await store.add_metric_sample(MetricSample(1, "a"))
        await store.add_metric_sample(MetricSample(1 + SAMPLES_KEPT_MINUTES, "b"))
        assert len(await store.metric_samples(0, 1)) == 2
        await store.add_metric_sample(MetricSample(2 + SAMPLES_KEPT_MINUTES, "c"))
        assert [s.counts for s in await store.metric_samples(0, 1)] == ["b", "c"]
