"""Groups sets by Jaccard similarity, with prefix filtering instead of comparing every pair (pure)."""

import math
from array import array
from collections import Counter
from collections.abc import Callable, Sequence
from itertools import chain

from outlast_reviews.checks.finding import Advance, part_of
from outlast_reviews.progress import counted_progress

LEAST_OVERLAP = 0.5
"""Jaccard: shared numbers over all numbers of the two sets."""
LOOSE_OVERLAP = 0.25
"""Enough between two sets to which the loose rule applies; the most that two real texts of strangers were seen to
share is 0.14."""
LOOSE_SHARED = 10
"""Numbers that they must share then."""
LOOSE_SPREAD = 4
"""Of these, so many apart from the longest stretch: a stock sentence is one stretch, a reworded copy is many."""
_BUCKETS = 1 << 24
_COUNTED = 0.2
"""Share of the work that is counting how frequent the numbers are."""
_MEETING_DIVISOR = 2
"""Two sets are compared if they meet at one in so many of the numbers that they have to share."""
_MOST_LISTED = 64
"""Sets that one number leads to. Copies of a much-copied text meet through the first of them, so a
template with thousands of copies costs no more than its size; only sets of nothing but very common
numbers could miss each other."""
_MOST_UNLIKE = 16
"""Sets that one set is compared with in vain, those that it meets most often first. Real texts rarely meet any
that they are unlike; texts made of the same paragraphs in other choices would meet all others."""


def similar_groups(
    sets: Sequence["array[int]"],
    may_link: Callable[[int, int], bool],
    advance: Advance,
    *,
    loosely: Sequence[bool] = (),
) -> list[list[int]]:
    """Groups of two or more sets, each similar to another of its group, as ascending positions in `sets`.

    Each set holds numbers of 32 bits, each once, in an order of its own; `loosely` says to which the loose rule
    applies too. Two sets that share `o` numbers share `k` of the rarest `n - o + k` of their `n` each: they are
    compared only if they met so often (prefix filtering, as in Wang, Li and Feng, "Can we beat the prefix
    filtering?", 2012). The same sets in the same order give the same groups.
    """
    frequency = _frequencies(sets, part_of(advance, 0, _COUNTED))
    advance = part_of(advance, _COUNTED, 1)
    index: dict[int, list[int]] = {}
    parent = list(range(len(sets)))
    meetings: list[int] = []
    for n, numbers in enumerate(counted_progress(sets, advance)):
        loose = bool(loosely) and loosely[n]
        size, shares = len(numbers), _shares(len(numbers), loose=loose)
        enough = max(1, shares // _MEETING_DIVISOR)
        meetings.append(enough)
        others_have = [(count, x) for x in numbers if (count := frequency[x >> 8]) > 1]
        others_have.sort()
        # those that nobody else has are the rarest
        prefix = len(others_have) - shares + enough
        shared = [x for _, x in others_have[: max(0, prefix)]]
        own: frozenset[int] | None = None
        hits = Counter(chain.from_iterable(filter(None, map(index.get, shared))))
        smallest = math.ceil((LOOSE_OVERLAP if loose else LEAST_OVERLAP) * size)
        fewest = min(enough, _shares(smallest, loose=bool(loosely)) // _MEETING_DIVISOR)
        unlike = 0
        often = [(-times, other) for other, times in hits.items() if times >= fewest]
        for times, other in ((-less, other) for less, other in sorted(often)):
            if unlike == _MOST_UNLIKE:
                break
            if times < enough and times < meetings[other]:
                continue
            both_loose = loose and loosely[other]
            least = LOOSE_OVERLAP if both_loose else LEAST_OVERLAP
            if not least * size <= len(sets[other]) <= size / least:
                continue
            if _root(parent, n) != _root(parent, other) and may_link(n, other):
                own = own or frozenset(numbers)
                if _similar(own, sets[other], loosely=both_loose):
                    parent[_root(parent, n)] = _root(parent, other)
                else:
                    unlike += 1
        for x in shared:
            listed = index.setdefault(x, [])
            if len(listed) < _MOST_LISTED:
                listed.append(n)
    groups: dict[int, list[int]] = {}
    for n in range(len(sets)):
        groups.setdefault(_root(parent, n), []).append(n)
    return [group for group in groups.values() if len(group) > 1]


def _shares(size: int, *, loose: bool) -> int:
    """How many numbers a set of that size shares with one that is similar, at least."""
    shares = math.ceil(LEAST_OVERLAP * size)
    return min(shares, max(LOOSE_SHARED, math.ceil(LOOSE_OVERLAP * size))) if loose else shares


def spread(flags: Sequence[bool]) -> int:
    """How many are set apart from the longest stretch of set ones."""
    longest = current = 0
    for flag in flags:
        current = current + 1 if flag else 0
        longest = max(longest, current)
    return sum(flags) - longest


def _frequencies(sets: Sequence["array[int]"], advance: Advance) -> bytearray:
    """In how many sets a number is, at least, up to 255; numbers that begin alike share the count."""
    counts = bytearray(_BUCKETS)
    for numbers in counted_progress(sets, advance):
        for x in numbers:
            if counts[x >> 8] < 255:
                counts[x >> 8] += 1
    return counts


def _similar(own: frozenset[int], other: "array[int]", *, loosely: bool) -> bool:
    shared = len(own.intersection(other))
    union = len(own) + len(other) - shared
    if shared >= LEAST_OVERLAP * union:
        return True
    if not loosely or shared < max(LOOSE_SHARED, LOOSE_OVERLAP * union):
        return False
    return spread([x in own for x in other]) >= LOOSE_SPREAD


def _root(parent: list[int], n: int) -> int:
    while parent[n] != n:
        parent[n] = parent[parent[n]]
        n = parent[n]
    return n
