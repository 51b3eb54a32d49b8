"""Prints benchmark results: our figure, the peer's, their ratio, and whether the target was met."""

import argparse
import math
import os
import statistics
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Figure:
    """One line of the table."""

    what: str
    ours: float
    unit: str
    peer: float | None = None
    peer_name: str = ""
    at_most: float | None = None
    """The target for our figure, in its unit."""
    at_least: float | None = None
    ratio_at_least: float | None = None
    """Target for our figure divided by the peer's."""
    ratio_at_most: float | None = None

    @property
    def ratio(self) -> float | None:
        return self.ours / self.peer if self.peer else None

    @property
    def wanted(self) -> str:
        if self.at_most is not None:
            return f"≤ {self.at_most:g}"
        if self.at_least is not None:
            return f"≥ {self.at_least:g}"
        if self.ratio_at_most is not None:
            return f"≤ {self.ratio_at_most:g} ×"
        return f"≥ {self.ratio_at_least:g} ×" if self.ratio_at_least is not None else ""

    @property
    def reached(self) -> bool | None:
        if self.at_most is not None:
            return self.ours <= self.at_most
        if self.at_least is not None:
            return self.ours >= self.at_least
        if self.ratio_at_least is not None and self.ratio is not None:
            return self.ratio >= self.ratio_at_least
        if self.ratio_at_most is not None and self.ratio is not None:
            return self.ratio <= self.ratio_at_most
        return None


def show(title: str, figures: Sequence[Figure]) -> None:
    load = os.getloadavg()[0]
    print(f"\n{title}  ({os.cpu_count()} cores, load {load:.1f})")
    print(f"  {'':44} {'ours':>10} {'peer':>10} {'ratio':>7}  {'wanted':<9} reached")
    for f in figures:
        peer = "" if f.peer is None else f"{f.peer:.4g}"
        ratio = "" if f.ratio is None else f"{f.ratio:.2f}"
        reached = {None: "", True: "yes", False: "NO"}[f.reached]
        name = f"{f.what}, {f.unit}" + (f" (peer: {f.peer_name})" if f.peer_name else "")
        print(f"  {name:44} {f.ours:>10.4g} {peer:>10} {ratio:>7}  {f.wanted:<9} {reached}")


def percentile(values: Sequence[float], percent: float) -> float:
    """The smallest value that this percentage of values does not exceed."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)]


def median(values: Sequence[float]) -> float:
    return statistics.median(values)


def size(real: int) -> int:
    """Parse `--size N`, the scale of the measurement; 1 takes seconds."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--size", type=int, default=real, help=f"1 takes seconds; {real} is the real one")
    return max(1, parser.parse_args().size)
