"""Two versions of the function of an analysis, at the top of a module, so that isolated attempts can import it."""

from typing import Any

from outlast import Permanent, step


async def before(address: str) -> str:
    return address


async def after(url: str, depth: int) -> str:
    return f"{url} to {depth}"


def after_blocking(url: str, depth: int) -> str:
    return f"{url} to {depth}"


def upgrade(stored: dict[str, Any]) -> dict[str, Any]:
    return {"url": stored["address"], "depth": 3}


worked: list[str] = []
"""The calls of `count_as_number`."""


@step("Counting", name="count")
async def count_as_text(item: str) -> str:
    return f"{len(item)} characters"


@step("Counting", name="count")
async def count_as_number(item: str) -> int:
    worked.append(item)
    return len(item)


async def total_of_texts(items: list[str]) -> int:
    await count_as_text.map(items)
    raise Permanent("The first version ends here.")


async def total_of_numbers(items: list[str]) -> int:
    return sum(await count_as_number.map(items))
