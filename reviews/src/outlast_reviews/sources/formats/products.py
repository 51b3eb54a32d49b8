"""Tells the products of a source's rows apart, by their ids and names (pure)."""

from collections import Counter
from collections.abc import Sequence

from outlast_reviews.deduplicate import name_key

MOST_PRODUCTS = 2_000
"""Different pairs of id and name that are told apart; rows of any beyond them name none."""
LONGEST_PRODUCT = 200
"""Characters of a product's name."""


class ProductIndex:
    """Rows of one id are of one product, and so are rows of one name: variants have ids of their own.

    An id without a name may be the name, so that its spelling counts as little.
    """

    def __init__(self) -> None:
        self._pairs: dict[tuple[str, str], int] = {}
        self._pair_of_review: list[int] = []
        """For each review, which pair it has; -1 for none."""

    def add(self, at: int, product_id: str, name: str) -> None:
        """What the review at this place says; empty where it does not. Places only grow."""
        pair = product_id[:LONGEST_PRODUCT], name[:LONGEST_PRODUCT]
        index = self._pairs.get(pair, -1)
        if index < 0 and len(self._pairs) < MOST_PRODUCTS and any(pair):
            index = self._pairs[pair] = len(self._pairs)
        self._pad(at)
        self._pair_of_review.append(index)

    def names(self, count: int) -> Sequence[str | None]:
        """For each of `count` reviews its product's name, the most frequent one, or its id where it has none."""
        if not self._pairs:
            return [None] * count
        self._pad(count)
        groups, counted = self._groups(), Counter(self._pair_of_review)
        counts: dict[int, Counter[str]] = {}
        for (product_id, name), index in self._pairs.items():
            counts.setdefault(groups[index], Counter())[name or product_id] += counted[index] if name else 0
        chosen = [max(counts[group].items(), key=lambda one: one[1])[0] for group in groups]
        return [chosen[index] if index >= 0 else None for index in self._pair_of_review]

    def _pad(self, count: int) -> None:
        self._pair_of_review.extend([-1] * (count - len(self._pair_of_review)))

    def _groups(self) -> list[int]:
        """For each pair the first one that it is of one product with."""
        first: dict[tuple[int, str], int] = {}
        parent = list(range(len(self._pairs)))

        def root(index: int) -> int:
            while parent[index] != index:
                parent[index] = parent[parent[index]]
                index = parent[index]
            return index

        for pair, index in self._pairs.items():
            product_id, name = pair
            for kind, value in enumerate((product_id, name_key(name), "" if name else name_key(product_id))):
                if value:
                    one, other = root(first.setdefault((kind, value), index)), root(index)
                    parent[max(one, other)] = min(one, other)
        return [root(index) for index in parent]
