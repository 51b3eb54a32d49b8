"""What analyses remember beyond a session, by the public names."""

import asyncio
from datetime import timedelta

import pytest

from outlast import Fact, Outlast, TooLarge, step
from outlast.app import runtime_of
from outlast.domain.status import Status
from outlast.settings import load_settings
from sqlite_template import with_store

HOUR = timedelta(hours=1)


@pytest.fixture
async def outlast(tmp_path):
    made = Outlast(load_settings(data_dir=with_store(tmp_path)))
    yield made
    await made.close()


async def _completed(outlast, analysis, owner="ann", **values):
    started = await outlast.start(analysis, owner=owner, **values)
    async with asyncio.timeout(30):
        async for view in outlast.watch(started.session.id):
            if view.session.status.final:
                assert view.session.status is Status.COMPLETED, view.session.error
    return await outlast.result(started.session.id)


async def test_facts_are_found_again_by_their_keys_in_order_of_their_items(outlast):
    seen = outlast.facts("seen")
    await seen.put([Fact("r1", {"at": 2}, "b"), Fact("r1", [1], "a"), Fact("r2", None)], keep=HOUR)
    assert await seen.get(["r1", "r2", "r3"]) == {
        "r1": [Fact("r1", [1], "a"), Fact("r1", {"at": 2}, "b")],
        "r2": [Fact("r2", None)],
    }
    await seen.forget(["r1"])
    assert await outlast.facts("seen").get(["r1"]) == {}


async def test_many_facts_go_by_in_several_transactions(outlast):
    facts = [Fact(str(n), n) for n in range(2_500)]
    await outlast.facts("many").put(facts, keep=HOUR)
    found = await outlast.facts("many").get(str(n) for n in range(2_500))
    assert [found[str(n)][0].value for n in range(2_500)] == list(range(2_500))


async def test_plain_and_async_steps_remember_and_recall(outlast):
    seen = outlast.facts("seen")

    @step("Plain")
    def plain() -> int:
        seen.blocking.put([Fact("plain", 1)], keep=HOUR)
        return len(seen.blocking.get(["plain"]))

    @step("Async")
    async def awaited() -> int:
        await seen.put([Fact("async", 1)], keep=HOUR)
        return len(await seen.get(["plain", "async"]))

    @outlast.analysis("plain", steps=[plain])
    def work_plain() -> int:
        return plain()

    @outlast.analysis("async", steps=[awaited])
    async def work_async() -> int:
        return await awaited()

    await runtime_of(outlast).open(workers=1)
    assert (await _completed(outlast, "plain")).result == "1"
    assert (await _completed(outlast, "async")).result == "2"


async def test_what_is_too_large_or_not_json_is_refused_and_nothing_is_written(outlast):
    seen = outlast.facts("seen")
    for fact, refusal in (
        (Fact("k" * 201, 1), TooLarge),
        (Fact("big", "x" * (1 << 20)), TooLarge),
        (Fact("nan", float("nan")), ValueError),
        (Fact("object", object()), TypeError),
    ):
        with pytest.raises(refusal):
            await seen.put([Fact("first", 1), fact], keep=HOUR)
    assert await seen.get(["first"]) == {}
    with pytest.raises(TooLarge):
        outlast.facts("s" * 201)


async def test_facts_of_an_owner_are_seen_by_their_sessions_alone(outlast):
    seen = outlast.facts("seen")

    @step("Looking")
    def look() -> list[str]:
        mine = seen.of_owner.blocking
        before = [fact.value for fact in mine.get(["who"]).get("who", ())]
        mine.put([Fact("who", "somebody")], keep=HOUR)
        return before

    @step("Looking too")
    async def look_too() -> int:
        return len((await seen.of_owner.get(["who"])).get("who", ()))

    @outlast.analysis("look", steps=[look])
    def work(n: int) -> list[str]:
        return look()

    @outlast.analysis("look_too", steps=[look_too])
    async def work_too() -> int:
        return await look_too()

    await runtime_of(outlast).open(workers=1)
    assert (await _completed(outlast, "look", "ann", n=1)).result == "[]"
    assert (await _completed(outlast, "look", "ben", n=1)).result == "[]"
    assert (await _completed(outlast, "look", "ann", n=2)).result == '["somebody"]'
    assert (await _completed(outlast, "look_too", "ben")).result == "1"
    assert (await _completed(outlast, "look_too", "cleo")).result == "0"
    assert await seen.get(["who"]) == {}


async def test_owned_facts_are_refused_outside_an_analysis(outlast):
    with pytest.raises(RuntimeError, match="inside an analysis"):
        await outlast.facts("seen").of_owner.get(["who"])
