"""The next version of `workload.py`: `steady` has a new field, `added` is new, `threaded` is removed."""

from outlast import Outlast
from workload import chapter, fails, first, long, note, poison, result, second

outlast = Outlast()
outlast.analysis("long", steps=[chapter])(long)
outlast.analysis("fails", steps=[first], max_attempts=2)(fails)
outlast.analysis("poison")(poison)


@outlast.analysis("steady", steps=[first, second])
async def steady(n: int, tone: str = "") -> str:
    note("tone", n, tone)
    await first(n)
    await second(n)
    return result(n)


@outlast.analysis("added", steps=[second])
async def added(n: int) -> str:
    await second(n)
    return result(n)
