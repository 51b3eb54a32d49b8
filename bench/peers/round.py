"""One engine measured once, in a process of its own: `python -m peers.round NAME SIZE` prints JSON.

Starts one by one without a worker; then a worker comes and drains them,
until the engine's own records say that all have ended; idle, it is given work at random moments;
another then holds many at once, and its memory is read.
"""

import asyncio
import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

import psutil

import peers
from peers.peer import Peer, Slots

PATIENCE = 60.0
"""Seconds after which an engine has failed."""
PICKUPS_FOR = 12.0
"""Seconds for pick-ups: engines that poll once a second get fewer."""
POLITENESS = 5.0
"""Seconds that a worker has to stop."""
HELD_FOR = 120.0
"""Seconds that each held job takes: longer than starting all of them."""


async def measure(peer: Peer, slots: Slots, size: int) -> dict[str, Any]:
    quick = size == 1  # one worker for everything, killed at the end
    many, few, held = (100, 4, 20) if quick else (peer.drained * size, 12 * size, 1000)
    await peer.open()
    warm = 20
    for n in range(warm):
        await peer.begin(n)
    began = time.monotonic()
    for n in range(warm, warm + many):
        await peer.begin(n)
    starts = many / (time.monotonic() - began)
    with working(peer, held if quick else peer.drains_with, 0.0 if quick else POLITENESS) as worker:
        await stamped(slots, range(warm + many))
        ended = await all_ended(peer)
        drain = (warm + many) / (ended - min(slots[n] for n in range(warm + many)))
        first = warm + many
        pickups = await pick_ups(peer, slots, first, few)
        first += few + 2
        if quick:
            memory = await memory_holding(peer, slots, first, held, worker.pid)
    if not quick:
        with working(peer, held, 0.0) as worker:
            memory = await memory_holding(peer, slots, first, held, worker.pid)
    await peer.close()
    versions = ", ".join(f"{p} {version(p)}" for p in peer.packages)
    return {
        "versions": versions,
        "starts": starts,
        "drain": drain,
        "pickups": pickups,
        "memory": memory,
        "held": held,
    }


async def memory_holding(peer: Peer, slots: Slots, first: int, held: int, pid: int) -> float:
    """Memory of the worker in MB while it holds this many jobs."""
    await peer.begin(first)
    await stamped(slots, range(first, first + 1))
    for n in range(first + 1, first + 1 + held):
        await peer.hold(n, HELD_FOR)
    await stamped(slots, range(first + 1, first + 1 + held))
    return memory_of(pid)


async def pick_ups(peer: Peer, slots: Slots, first: int, times: int) -> list[float]:
    """Measure pick-ups one at a time, after random pauses, in milliseconds; discards the first two."""
    took: list[float] = []
    end = time.monotonic() + PICKUPS_FOR
    for n in range(first, first + times + 2):
        await asyncio.sleep(random.uniform(0.02, 0.06))
        asked = time.monotonic()
        await peer.begin(n)
        await stamped(slots, range(n, n + 1))
        took.append((slots[n] - asked) * 1000)
        if time.monotonic() > end and len(took) > 5:
            break
    return took[2:]


async def stamped(slots: Slots, numbers: range) -> None:
    """Poll until all have begun, rarely enough not to disturb them."""
    end = time.monotonic() + PATIENCE
    left = list(numbers)
    while left := [n for n in left if not slots[n]]:
        if time.monotonic() > end:
            raise SystemExit(f"{len(left)} of {len(numbers)} have not begun after {PATIENCE:g} s")
        await asyncio.sleep(0.01)


async def all_ended(peer: Peer) -> float:
    """Return the time at which that happened."""
    end = time.monotonic() + PATIENCE
    while await peer.left():
        await asyncio.sleep(0.01)
        if time.monotonic() > end:
            raise SystemExit(f"Not all have ended after {PATIENCE:g} s")
    return time.monotonic()


def memory_of(pid: int) -> float:
    """Memory of a process tree in MB; shared pages count once."""
    parent = psutil.Process(pid)
    return sum(p.memory_full_info().pss for p in [parent, *parent.children(recursive=True)]) / 1e6


@contextmanager
def working(peer: Peer, at_once: int, patience: float) -> Iterator[subprocess.Popen[bytes]]:
    """Run one worker process; it gets TERM before KILL, as some engines leave locks behind when killed."""
    log = None if "BENCH_LOG" in os.environ else subprocess.DEVNULL
    command = [sys.executable, *peer.worker(at_once)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=log, stderr=log) as child:
        try:
            yield child
        finally:
            parent = psutil.Process(child.pid)
            family = [*parent.children(recursive=True), parent]
            child.terminate()
            for process in psutil.wait_procs(family, timeout=patience)[1]:
                process.kill()


def main() -> None:
    name, size = sys.argv[1], int(sys.argv[2])
    slots = Slots(Path(os.environ["BENCH_SLOTS"]))
    print(json.dumps(asyncio.run(measure(peers.peer(name), slots, size))))


if __name__ == "__main__":
    main()
