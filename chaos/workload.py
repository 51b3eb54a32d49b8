"""The analyses of the chaos runs. Each records its effects in a file, independently of the store.

Lines: `begin N STEP`, `begin N chapter C PID`, `end N STEP`, `result N NONCE`, `poison N PID`; in the
next version `tone N TONE`.
"""

import asyncio
import os
import secrets
import signal
import time

from outlast import Outlast, report, step

outlast = Outlast()
EFFECTS = os.open(os.environ.get("CHAOS_EFFECTS", "effects"), os.O_WRONLY | os.O_APPEND | os.O_CREAT)
"""Opened once, so that a worker without descriptors can still record effects."""


leaked: list[bytes] = []


def note(*words: object) -> None:
    os.write(EFFECTS, " ".join(map(str, words)).encode() + b"\n")


@step("First")
async def first(n: int) -> int:
    note("begin", n, "first")
    for i in range(5):
        await asyncio.sleep(0.05)
        report(i, 5)
    note("end", n, "first")
    return n


@step("Second")
async def second(n: int) -> int:
    note("begin", n, "second")
    for i in range(10):
        await asyncio.sleep(0.05)
        report(i, 10)
    note("end", n, "second")
    return n


@step("First, in a thread")
def first_blocking(n: int) -> int:
    note("begin", n, "first")
    time.sleep(0.2)
    note("end", n, "first")
    return n


@step("Second, in a thread")
def second_blocking(n: int) -> int:
    note("begin", n, "second")
    for i in range(10):
        time.sleep(0.05)
        report(i, 10)
    note("end", n, "second")
    return n


@step("A chapter")
async def chapter(n: int, number: int) -> int:
    note("begin", n, "chapter", number, os.getpid())
    for i in range(25):
        await asyncio.sleep(0.1)
        report(i, 25)
    return number


def result(n: int) -> str:
    """A nonce that differs between attempts, so that a second end is distinguishable."""
    nonce = secrets.token_hex(8)
    note("result", n, nonce)
    return nonce


@outlast.analysis("steady", steps=[first, second])
async def steady(n: int) -> str:
    await first(n)
    await second(n)
    return result(n)


@outlast.analysis("threaded", steps=[first_blocking, second_blocking])
def threaded(n: int) -> str:
    first_blocking(n)
    second_blocking(n)
    return result(n)


@outlast.analysis("long", steps=[chapter])
async def long(n: int) -> str:
    """Takes 20 s, or longer under harm, so that several harms hit it."""
    for number in range(8):
        await chapter(n, number)
    return result(n)


@outlast.analysis("leaks")
async def leaks(n: int) -> str:
    """Keep 2 MiB for as long as the process lives."""
    leaked.append(b"x" * (2 << 20))
    await asyncio.sleep(0.4)
    return result(n)


@outlast.analysis("fails", steps=[first], max_attempts=2)
async def fails(n: int) -> str:
    await first(n)
    raise RuntimeError("as every time")


@outlast.analysis("poison")
async def poison(n: int) -> str:
    note("poison", n, os.getpid())
    os.kill(os.getpid(), signal.SIGKILL)
    return ""


@outlast.analysis("endless", timeout=600)
async def endless(n: int) -> str:
    for i in range(10_000):
        await asyncio.sleep(0.05)
        report(i, 10_000, f"Round {i} of {n}")
    return result(n)
