"""Effective number of independent tests among overlapping ones (pure)."""

import itertools
import math
import random
from collections.abc import Sequence

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
