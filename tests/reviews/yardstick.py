"""How fast this machine computes at the moment, so that costs are compared and not timed."""

import time
from statistics import median

WORK = 2_000_000


def yardstick(part: int = 1) -> float:
    """Seconds of processor time that a fixed amount of plain Python takes: about 0.1 where limits were chosen.

    Only one part in `part` of it is done, and the rest is reckoned.
    """
    return part * median(_once(WORK // part) for _ in range(3))


def _once(work: int) -> float:
    began = time.process_time()
    sum(n * n for n in range(work))
    return time.process_time() - began
