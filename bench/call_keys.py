"""The cost of a call's key: hashing megabytes, and how long that blocks the event loop."""

import asyncio
import dataclasses
import time
from typing import Any

import figures
from outlast.core.analyses.call_keys import CallKeys


@dataclasses.dataclass(frozen=True, slots=True)
class Row:
    """A review-like record: about 600 bytes in nine fields."""

    number: int
    name: str
    rating: float
    title: str
    text: str
    reviewer: str
    verified: bool
    source: str | None = None
    product: str | None = None


def work(rows: list[Any]) -> None: ...


async def measure(megabytes: int) -> tuple[float, float, float]:
    rows = [
        Row(n, f"R{n}", 4.5, "A title of some words", f"{n} " + "text of a review " * 30, f"reviewer {n}", True)
        for n in range(megabytes * 1_000_000 // 600)
    ]
    longest = 0.0

    async def measure_pauses() -> None:
        nonlocal longest
        while True:
            before = time.perf_counter()
            await asyncio.sleep(0)
            longest = max(longest, time.perf_counter() - before)

    measuring = asyncio.create_task(measure_pauses())
    await asyncio.sleep(0.2)
    longest, began = 0.0, time.perf_counter()
    await CallKeys("work", work, None).key_on_loop((rows,), {})
    took = time.perf_counter() - began
    measuring.cancel()
    return took, took / megabytes, longest


async def small() -> float:
    keys, times = CallKeys("work", work, None), 10_000
    began = time.perf_counter()
    for n in range(times):
        await keys.key_on_loop((f"document {n}",), {})
    return (time.perf_counter() - began) / times


def main() -> None:
    largest = figures.size(30)
    print(f"a small argument: {asyncio.run(small()) * 1e6:.0f} µs")
    for size in sorted({1, min(10, largest), largest}):
        took, each, longest = asyncio.run(measure(size))
        print(
            f"{size} MB: {took * 1000:.0f} ms, {each * 1000:.0f} ms/MB beside a busy loop, "
            f"the loop stood still for {longest * 1000:.1f} ms at most"
        )


if __name__ == "__main__":
    main()
