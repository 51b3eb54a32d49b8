"""Which of many sets overlap by half or more, without comparing every pair (pure)."""

import math
from array import array
from collections.abc import Callable, Sequence

from outlast_reviews.checks.finding import Advance, part_of

LEAST_OVERLAP = 0.5
"""Jaccard: shared numbers over all numbers of the two sets."""
_BUCKETS = 1 << 20
_COUNTED = 0.2
"""Share of the work that is counting how frequent the numbers are."""
_MOST_LISTED = 16
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

    Similar sets overlap by `least` and share `least_shared` numbers. Two that overlap by half share one of
    the rarer half of the numbers of each: the sets are found through those alone (prefix filtering). Each
    set holds a number once; the same sets in the same order give the same groups.
    """
    frequency = _frequencies(sets, part_of(advance, 0, _COUNTED))
    advance = part_of(advance, _COUNTED, 1)
    leads: dict[int, list[int]] = {}
    parent = list(range(len(sets)))
    for n, numbers in enumerate(sets):
        if n % 250 == 0:
            advance(n / len(sets))
        rare_first = sorted(numbers, key=lambda x: (frequency[x % _BUCKETS], x))
        prefix = rare_first[: len(numbers) - math.ceil(least * len(numbers)) + 1]
        shared = [x for x in prefix if frequency[x % _BUCKETS] > 1]
        own = frozenset(numbers)
        for other in dict.fromkeys(m for x in shared for m in leads.get(x, ())):
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
