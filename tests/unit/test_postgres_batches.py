"""Group commit: every item is written, whenever it arrives."""

import asyncio

from outlast.backends.postgres.batches import MAX_CONCURRENT, Batches

WITHIN = 5.0


async def test_what_comes_in_the_turn_in_which_all_ways_became_free_is_written():
    """As when an attempt goes on to its next step at the answer for the one before."""
    answers, under_way = asyncio.Event(), asyncio.Semaphore(0)

    async def write(items):
        under_way.release()
        await answers.wait()
        return items

    batches = Batches(write)

    async def first_and_next():
        return [await batches.write("first"), await batches.write("next")]

    going_on = asyncio.create_task(first_and_next())
    await under_way.acquire()
    others = [asyncio.create_task(batches.write(n)) for n in range(MAX_CONCURRENT - 1)]
    for _ in others:
        await under_way.acquire()
    answers.set()  # all batches are answered in the same turn of the loop
    async with asyncio.timeout(WITHIN):
        assert await going_on == ["first", "next"]
        assert await asyncio.gather(*others) == list(range(MAX_CONCURRENT - 1))


async def test_draining_waits_for_all_that_was_accepted():
    written = []
    go = asyncio.Event()

    async def write(items):
        await go.wait()
        written.extend(items)
        return items

    batches = Batches(write)
    callers = [asyncio.create_task(batches.write(n)) for n in range(10)]
    await asyncio.sleep(0)
    draining = asyncio.create_task(batches.drain())
    await asyncio.sleep(0)
    assert not draining.done()
    go.set()
    async with asyncio.timeout(WITHIN):
        await draining
    assert sorted(written) == list(range(10))
    assert sorted(await asyncio.gather(*callers)) == list(range(10))
