"""Which of many sets overlap by half or more, without comparing every pair (pure)."""

import math
from array import array
from collections import Counter
from collections.abc import Callable, Sequence
from itertools import chain

from outlast_reviews.checks.finding import Advance, part_of

LEAST_OVERLAP = 0.5
"""Jaccard: shared numbers over all numbers of the two sets."""
_BUCKETS = 1 << 20
_COUNTED = 0.2
"""Share of the work that is counting how frequent the numbers are."""
_MEETS = 3
"""Two sets are compared if they meet at one in so many of the numbers that they have to share."""
_MOST_LISTED = 64
"""Sets that one number leads to. Copies of a much-copied text meet through the first of them, so a
template with thousands of copies costs no more than its size; only sets of nothing but very common
numbers could miss each other."""


def similar_groups(
    sets: Sequence["array[int]"],
    may_link: Callable[[int, int], bool],
    advance: Advance,
    *,
    least: float = LEAST_OVERLAP,
    least_shared: int = 1,
) -> list[list[int]]:
    """Groups of two or more sets, each similar to another of its group, as ascending positions in `sets`.

    Similar sets overlap by `least` and share `least_shared` numbers. Two that share `o` numbers share `k` of the
    rarest `n - o + k` of their `n` each: sets are compared only if they met so often (prefix filtering, as in
    Wang, Li and Feng, "Can we beat the prefix filtering?", 2012). Each set holds a number once; the same sets in
    the same order give the same groups.
    """
    frequency = _frequencies(sets, part_of(advance, 0, _COUNTED))
    advance = part_of(advance, _COUNTED, 1)
    leads: dict[int, list[int]] = {}
    parent = list(range(len(sets)))
    meetings: list[int] = []
    for n, numbers in enumerate(sets):
        if n % 250 == 0:
            advance(n / len(sets))
        shares = max(least_shared, math.ceil(least * len(numbers)))
        meetings.append(max(1, shares // _MEETS))
        rare_first = sorted(numbers, key=lambda x: (frequency[x % _BUCKETS], x))
        prefix = rare_first[: max(0, len(numbers) - shares + meetings[n])]
        shared = [x for x in prefix if frequency[x % _BUCKETS] > 1]
        own = frozenset(numbers)
        met = Counter(chain.from_iterable(leads.get(x, ()) for x in shared))
        for other, times in met.items():
            if times < meetings[n] and times < meetings[other]:
                continue
            apart = _root(parent, n) != _root(parent, other) and may_link(n, other)
            if apart and _similar(own, sets[other], least, least_shared):
                parent[_root(parent, n)] = _root(parent, other)
        for x in shared:
            listed = leads.setdefault(x, [])
            if len(listed) < _MOST_LISTED:
                listed.append(n)
    groups: dict[int, list[int]] = {}
    for n in range(len(sets)):
        groups.setdefault(_root(parent, n), []).append(n)
    return [group for group in groups.values() if len(group) > 1]


def _frequencies(sets: Sequence["array[int]"], advance: Advance) -> "array[int]":
    """In how many sets a number is, at least; numbers that share a bucket share the count."""
    counts = array("I", bytes(4 * _BUCKETS))
    for n, numbers in enumerate(sets):
        if n % 1_000 == 0:
            advance(n / len(sets))
        for x in numbers:
            counts[x % _BUCKETS] += 1
    return counts


def _similar(own: frozenset[int], other: "array[int]", least: float, least_shared: int) -> bool:
    if min(len(own), len(other)) < least * max(len(own), len(other)):
        return False
    shared = len(own.intersection(other))
    return shared >= max(least_shared, least * (len(own) + len(other) - shared))


def _root(parent: list[int], n: int) -> int:
    while parent[n] != n:
        parent[n] = parent[parent[n]]
        n = parent[n]
    return n
