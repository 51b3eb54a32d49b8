"""How fast this machine computes at the moment, so that costs are compared and not timed."""

import time
from statistics import median

WORK = 2_000_000


def yardstick() -> float:
    """Seconds of processor time that a fixed amount of plain Python takes: about 0.1 where limits were chosen."""
    return median(_once() for _ in range(3))


def _once() -> float:
    began = time.process_time()
    sum(n * n for n in range(WORK))
    return time.process_time() - began
