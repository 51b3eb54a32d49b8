"""Exact tail probabilities of the Poisson and hypergeometric distributions (pure)."""

import math
from collections.abc import Callable, Iterable


def poisson_tail(count: int, expected: float) -> float:
    """Probability of `count` or more Poisson events with mean `expected` (above 0)."""
    if count <= 0:
        return 1.0
    if count <= expected:
        return 1.0 - math.fsum(_poisson(k, expected) for k in range(count))
    tail, k = 0.0, count
    while (term := _poisson(k, expected)) > tail * 1e-17:
        tail += term
        k += 1
    return min(1.0, tail)


def fisher_tail(inside: int, inside_all: int, outside: int, outside_all: int) -> float:
    """One-sided Fisher exact: probability that chance puts `inside` hits or more into the inside.

    `inside` of `inside_all` are hits, and `outside` of `outside_all`.
    """
    hits, everything = inside + outside, inside_all + outside_all
    ways = _log_choose(everything, inside_all)

    def term(k: int) -> float:
        return math.exp(_log_choose(hits, k) + _log_choose(everything - hits, inside_all - k) - ways)

    if inside * everything <= hits * inside_all:  # no more than to be expected: what is below is the smaller part
        return 1.0 - _falling(term, range(inside - 1, -1, -1))
    return _falling(term, range(inside, min(hits, inside_all) + 1))


def _falling(term: Callable[[int], float], counts: Iterable[int]) -> float:
    """Sum decreasing terms until they no longer change the sum."""
    total = 0.0
    for k in counts:
        added = term(k)
        total += added
        if added <= total * 1e-17:
            break
    return min(1.0, total)


def _poisson(count: int, expected: float) -> float:
    return math.exp(count * math.log(expected) - expected - math.lgamma(count + 1))


def _log_choose(n: int, k: int) -> float:
    if not 0 <= k <= n:
        return -math.inf
    return math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)
