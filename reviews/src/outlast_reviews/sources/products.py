"""Groups the rows of a source by product, since exports of a whole shop hold many."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from outlast_reviews.deduplicate import folded
from outlast_reviews.review import ReviewSet
from outlast_reviews.sources.limits import NotReviews

MOST = 2_000
"""Different pairs of id and name that are told apart; rows of any beyond them name none."""
LONGEST = 200
"""Characters of a product's name."""


class ProductIndex:
    """Rows of one id are of one product, and so are rows of one name: variants have ids of their own."""

    def __init__(self) -> None:
        self._pairs: dict[tuple[str, str], int] = {}
        self._pair_of_review: list[int] = []
        """For each review, which pair it has; -1 for none."""

    def add(self, at: int, product_id: str, name: str) -> None:
        """What the review at this place says; empty where it does not. Places only grow."""
        pair = product_id[:LONGEST], name[:LONGEST]
        index = self._pairs.get(pair, -1)
        if index < 0 and len(self._pairs) < MOST and any(pair):
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
            for kind, value in enumerate((pair[0], folded(pair[1]))):
                if value:
                    one, other = root(first.setdefault((kind, value), index)), root(index)
                    parent[max(one, other)] = min(one, other)
        return [root(index) for index in parent]


def reviews_of_product(received: ReviewSet, product: str) -> ReviewSet:
    """The reviews of this product alone. Raises `NotReviews` when there are none."""
    counted = received.products or {received.product_title or "": len(received.reviews)}
    if product not in counted:
        raise NotReviews(f"No review is of the product “{product}”. Products found: {named(list(counted))}.")
    kept = received.reviews
    if received.products:
        kept = tuple(replace(review, product=None) for review in kept if review.product == product)
    others = len(received.reviews) - len(kept)
    note = [f"{others:,} reviews of other products"] if others else []
    return replace(received, reviews=kept, product_title=product, left_out=(*received.left_out, *note))


def named(products: Sequence[str], most: int = 10) -> str:
    """For a sentence."""
    shown = ", ".join(f"“{product}”" for product in products[:most])
    return f"{shown} and {len(products) - most:,} more" if len(products) > most else shown
