"""Significance tests: exact tail probabilities, and how many independent tests overlapping ones are (pure)."""

import itertools
import math
import random
from collections.abc import Callable, Iterable, Sequence


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


_DRAWS = 1_000
_AT = 0.02
"""Significance level at which the tests are counted."""


def independent_tests(slices: Sequence[tuple[int, int]], total: int) -> float:
    """The number of independent tests that is as likely to err as tests of all these slices of `total` things.

    Windows that overlap see nearly the same: counting each (Bonferroni) would forgive far too much. The
    things are drawn at random, as normal variables that know only how the slices overlap, always the same way.
    """
    cuts = sorted({0, total, *(cut for pair in slices for cut in pair)})
    place = {cut: n for n, cut in enumerate(cuts)}
    parts = [after - before for before, after in itertools.pairwise(cuts)]
    scales = [
        (place[first], place[after], 1 / math.sqrt((after - first) * (total - after + first) / total))
        for first, after in slices
        if 0 < after - first < total
    ]
    if len(scales) < 2:
        return 1.0
    rng = random.Random(0)  # noqa: S311 - no secret, and always the same
    highest: list[float] = []
    for _ in range(_DRAWS):
        drawn = [rng.gauss(0.0, math.sqrt(part)) for part in parts]
        drift = math.fsum(drawn) / total
        upto = [0.0]
        for part, value in zip(parts, drawn, strict=True):
            upto.append(upto[-1] + value - drift * part)
        highest.append(max((upto[after] - upto[first]) * scale for first, after, scale in scales))
    highest.sort()
    single = 0.5 * math.erfc(highest[int((1 - _AT) * _DRAWS)] / math.sqrt(2))
    return min(float(len(scales)), max(1.0, math.log1p(-_AT) / math.log1p(-single)))
