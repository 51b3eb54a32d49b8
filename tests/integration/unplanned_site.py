"""An analysis that calls steps which its plan lacks; at the top of a module, for isolated processes."""

from pathlib import Path

from outlast import step


@step("Reading")
async def read(ledger: str) -> list[int]:
    return [1, 2, 3]


@step("Counting the words")
async def count(ledger: str, numbers: list[int]) -> int:
    with Path(ledger).open("a") as file:  # noqa: ASYNC230 - a small file
        file.write("count\n")
    return sum(numbers)


@step("Doubling")
async def double(number: int) -> int:
    return 2 * number


async def analyse(ledger: str) -> int:
    numbers = await read(ledger)
    counted = await count(ledger, numbers)
    await double.map(numbers)
    failed = Path(ledger).with_suffix(".failed")
    if not failed.exists():
        failed.touch()
        raise RuntimeError("once")
    return counted
