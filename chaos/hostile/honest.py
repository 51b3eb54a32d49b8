"""The neighbours of hostile sessions: they repeat short steps until the hostile sessions have ended."""

import asyncio
import os
import time

from hostile.row import EFFECTS, note
from outlast import Outlast, report, step

TICK = 0.1


@step("Beginning")
async def first(tag: str) -> str:
    note("begin", tag, "first", os.getpid())
    await asyncio.sleep(TICK)
    return tag


@step("Ticking")
async def ticking(tag: str, n: int) -> int:
    note("begin", tag, f"tick{n}", os.getpid())
    for part in range(3):
        await asyncio.sleep(TICK)
        report(part, 3)
    return n


@step("Ending")
async def last(tag: str) -> str:
    note("begin", tag, "last", os.getpid())
    await asyncio.sleep(TICK)
    return tag


@step("Beginning, in a thread")
def first_blocking(tag: str) -> str:
    note("begin", tag, "first", os.getpid())
    time.sleep(TICK)
    return tag


@step("Ticking, in a thread")
def ticking_blocking(tag: str, n: int) -> int:
    note("begin", tag, f"tick{n}", os.getpid())
    for part in range(3):
        time.sleep(TICK)
        report(part, 3)
    return n


def over(tag: str) -> bool:
    """Whether the run has signalled the end of the hostile sessions."""
    return EFFECTS.with_name(f"over-{tag}").exists()


async def honest(tag: str) -> str:
    await first(tag)
    note("kept", tag, "first")
    n = 0
    while not over(tag):
        await ticking(tag, n)
        note("kept", tag, f"tick{n}")
        n += 1
    await last(tag)
    return f"{tag} ended well"


def honest_blocking(tag: str) -> str:
    first_blocking(tag)
    note("kept", tag, "first")
    n = 0
    while not over(tag):
        ticking_blocking(tag, n)
        note("kept", tag, f"tick{n}")
        n += 1
    return f"{tag} ended well"


def register(outlast: Outlast) -> None:
    about = {"timeout": 600, "max_attempts": 2}
    outlast.analysis("honest", steps=[first, ticking, last], **about)(honest)
    outlast.analysis("honest_blocking", steps=[first_blocking, ticking_blocking], **about)(honest_blocking)
