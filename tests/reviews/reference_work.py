"""Costs as ratios: processor time beside that of a fixed amount of plain Python, measured in the same moment."""

import time
from collections.abc import Callable
from statistics import median

WORK = 2_000_000
ROUNDS = 6


def reference_seconds(part: int = 1) -> float:
    """Seconds of processor time that a fixed amount of plain Python takes: about 0.1 where limits were chosen.

    Only one part in `part` of it is done, and the rest is reckoned.
    """
    return part * median(_once(WORK // part) for _ in range(3))


def cost(use: Callable[[], object]) -> float:
    """Processor time of `use` as a multiple of the reference work."""
    before = reference_seconds(32)  # and after: a machine that others use changes its pace within seconds
    began = time.process_time()
    use()
    seconds = time.process_time() - began
    return 2 * seconds / (before + reference_seconds(32))


def least(measure: Callable[[], float], limit: float) -> float:
    """The first measurement within the limit, else the smallest: other programs can only add to a cost."""
    smallest = float("inf")
    for _ in range(ROUNDS):
        smallest = min(smallest, measure())
        if smallest <= limit:
            break
    return smallest


def _once(work: int) -> float:
    began = time.process_time()
    sum(n * n for n in range(work))
    return time.process_time() - began
