"""The analyses of the benchmarks; worker processes import this module."""

import asyncio
import os
import socket
import time
from itertools import count

from outlast import Outlast, Permanent, report

outlast = Outlast()
_socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)


@outlast.analysis("stamp")
async def stamp(n: int) -> None:
    """Send the time of the analysis's first line to the benchmark."""
    _socket.sendto(b"%d %.9f" % (n, time.monotonic()), os.environ["BENCH_EAR"])


@outlast.analysis("nothing")
async def nothing(n: int) -> int:
    return n


@outlast.analysis("fails", max_attempts=1)
async def fails(n: int) -> int:
    """Fail for one of two reasons."""
    if n % 2:
        raise Permanent("This cannot be analysed.")
    raise ValueError(f"{n} is even")


@outlast.analysis("waits")
async def waits(n: int, seconds: float) -> int:
    """Sleep with four reports."""
    for quarter in range(1, 5):
        await asyncio.sleep(seconds / 4)
        report(quarter, 4, f"Quarter {quarter}")
    return n


@outlast.analysis("tells")
async def tells(n: int, times: int) -> int:
    """Report the current time, more slowly than progress is written."""
    for i in range(times):
        report(i, times, f"{time.monotonic():.9f}")
        await asyncio.sleep(0.35 + 0.01 * (n % 7))
    return n


@outlast.analysis("holds")
async def holds(n: int) -> int:
    await asyncio.sleep(3600)
    return n


@outlast.analysis("ticks", timeout=3600)
async def ticks(n: int, every: float) -> int:
    """Report the current time repeatedly until cancelled."""
    await asyncio.sleep(every * (n % 97) / 97)
    for i in count():
        report(0.5, message=f"{time.monotonic():.9f}")
        await asyncio.sleep(every)
        n = i
    return n


@outlast.analysis("steady")
async def steady(n: int) -> int:
    """Take three seconds, with six reports."""
    for half in range(6):
        report(half, 6, f"Report {half}")
        await asyncio.sleep(0.5)
    return n
