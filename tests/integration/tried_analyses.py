"""Analyses whose steps fail first, or take too long, for processes of their own, which import this module."""

import asyncio
import threading
from pathlib import Path

from outlast import Permanent, report, step


def turn(folder: str) -> int:
    """The number of this call; a file counts, because an isolated attempt is another process."""
    count = Path(folder) / "turns"
    number = int(count.read_text()) + 1 if count.exists() else 1
    count.write_text(str(number))
    return number


@step("Reading", retries=2)
def read(folder: str) -> int:
    if (number := turn(folder)) == 1:
        raise ConnectionError
    return number


@step("Reading", retries=2)
async def read_on_loop(folder: str) -> int:
    return read.work(folder)


@step("Waiting", timeout=0.2)
def wait(folder: str) -> int:
    turn(folder)
    while not threading.Event().wait(0.01):
        report(0.5)
    return 1


@step("Waiting", timeout=0.2)
async def wait_on_loop(folder: str) -> int:
    turn(folder)
    await asyncio.Event().wait()
    return 1


@step("Giving up", retries=5)
async def give_up(folder: str) -> int:
    raise Permanent(f"There is nothing after {turn(folder)} call.")


def tried(folder: str) -> int:
    return read(folder)


async def tried_on_loop(folder: str) -> int:
    return await read_on_loop(folder)


def slow(folder: str) -> int:
    return wait(folder)


async def slow_on_loop(folder: str) -> int:
    return await wait_on_loop(folder)


async def given_up(folder: str) -> int:
    return await give_up(folder)
