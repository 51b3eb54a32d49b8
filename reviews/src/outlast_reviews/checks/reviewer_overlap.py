"""Check for groups of reviewers who reviewed the same other products within days (pure)."""

from collections import Counter
from collections.abc import Iterable, Sequence
from functools import cache
from itertools import combinations

from outlast import message, plural
from outlast_reviews.checks.facts import ReviewFacts, reviewer_mark
from outlast_reviews.checks.finding import Advance, Finding, Sign
from outlast_reviews.review import Review

NAME, TITLE = "reviewer_overlap", message("Reviewers seen together elsewhere")
LEAST_PRODUCTS = 2
"""Other products at which a reviewer must have been seen."""
WITHIN_DAYS = 14
LEAST_TOGETHER = 2
"""Reviewers who must share two products; one alone may just review much, and that never counts."""

_MOST_PRODUCTS = 50
"""Products of one reviewer of which pairs are made."""


def reviewer_overlap(reviews: Sequence[Review], _advance: Advance, /, facts: ReviewFacts) -> Finding:
    """Strong where several reviewers of this product met again at the same two others; weak for one alone."""
    elsewhere: dict[str, list[tuple[int, str]]] = {}
    products: set[str] = set()
    for seen in facts.seen:
        if seen.product != facts.product:
            products.add(seen.product)
            elsewhere.setdefault(seen.reviewer, []).append((seen.date.toordinal(), seen.product))
    others = max(len(products), facts.others)
    if others < LEAST_PRODUCTS:
        why = message("We haven't analysed enough other products to compare.")
        return Finding(NAME, TITLE, "not_assessed", why)
    known = [
        (r, r.date, mark)
        for r in reviews
        if r.date and not r.approximate and (mark := reviewer_mark(r, facts.secret))
    ]
    if not known:
        why = message("No review has both an exact date and a name that clearly belongs to one person.")
        return Finding(NAME, TITLE, "not_assessed", why)

    @cache  # one reviewer may have written thousands of reviews
    def near(mark: str, day: int) -> frozenset[str]:
        return frozenset(product for on, product in elsewhere.get(mark, ()) if abs(on - day) <= WITHIN_DAYS)

    matches: dict[int, frozenset[str]] = {}
    people: dict[int, str] = {}
    for review, date, mark in known:
        if len(products_near := near(mark, date.toordinal())) >= LEAST_PRODUCTS:
            matches[review.row], people[review.row] = products_near, mark
    if not matches:
        sentence = plural(
            "Of {n:,} reviewer, none also reviewed two of the {others:,} other products we analysed within {days}"
            " days.",
            "Of {n:,} reviewers, none also reviewed two of the {others:,} other products we analysed within {days}"
            " days.",
            len({mark for *_, mark in known}),
            others=others,
            days=WITHIN_DAYS,
        )
        return Finding(NAME, TITLE, "clear", sentence)
    together = _together(matches, people)
    signs = tuple(_sign(row, len(matches[row]), together=row in together) for row in sorted(matches))
    if not together:
        sentence = plural(
            "{n:,} reviewer also reviewed two other products we analysed within {days} days, but nobody else here"
            " did, so this doesn't count.",
            "{n:,} reviewers also reviewed two other products we analysed within {days} days, but never the same"
            " two, so this doesn't count.",
            len(set(people.values())),
            days=WITHIN_DAYS,
        )
    else:
        sentence = message(
            "{reviewers:,} reviewers here also reviewed the same other products within {days} days. Customers who"
            " don't know each other rarely do.",
            reviewers=len({people[row] for row in together}),
            days=WITHIN_DAYS,
        )
    return Finding(NAME, TITLE, "found", sentence, signs)


def _together(matches: dict[int, frozenset[str]], people: dict[int, str]) -> frozenset[int]:
    """Rows whose reviewer shares two products with a reviewer of another row.

    A popular product is met by chance; two shared ones make a pair, and pairs are counted by people.
    """
    of_person: dict[str, set[tuple[str, str]]] = {}
    for mark, near in {(people[row], near) for row, near in matches.items()}:
        of_person.setdefault(mark, set()).update(_pairs(near))
    people_of = Counter(pair for pairs in of_person.values() for pair in pairs)
    together = {
        near for near in set(matches.values()) if any(people_of[pair] >= LEAST_TOGETHER for pair in _pairs(near))
    }
    return frozenset(row for row, near in matches.items() if near in together)


def _pairs(products: frozenset[str]) -> Iterable[tuple[str, str]]:
    return combinations(sorted(products)[:_MOST_PRODUCTS], 2)


def _sign(row: int, products: int, *, together: bool) -> Sign:
    if together:
        sentence = message(
            "This reviewer also reviewed {products} other products we analysed within {days} days, and so did"
            " another reviewer here.",
            products=products,
            days=WITHIN_DAYS,
        )
        return Sign(row, "strong", sentence)
    sentence = message(
        "This reviewer also reviewed {products} other products within {days} days; nobody else here did.",
        products=products,
        days=WITHIN_DAYS,
    )
    return Sign(row, "weak", sentence)
