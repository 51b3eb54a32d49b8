"""Finds groups: reviewers of this product who wrote together about the same other products (pure).

The question is that of dynamic reviewer graphs (arXiv 2603.08332); the method is our own. It tries sets of two to
four other products. A group is at least three reviewers who wrote about all products of a set, at each within 14
days, where chance brings so many together in fewer than one product in a hundred. The chance depends on how
popular each product is, how much each reviewer writes, and how many sets and spells of days there are to try.
"""

import datetime as dt
import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TypeVar

from outlast_reviews.insights.reviewer_histories import Event

T = TypeVar("T")

WITHIN_DAYS = 14
LEAST_PEOPLE = 3
LEAST_PRODUCTS, MOST_PRODUCTS = 2, 4
"""Other products in a set."""
ERROR = 0.01
"""Chance that a product whose reviewers act alone shows a group, as computed."""
MOST_GROUPS = 5
MOST_PEOPLE_SHOWN, MOST_PRODUCTS_SHOWN = 20, 8
MOST_VISITS = 20
"""Other products of one reviewer; whoever wrote about more meets everybody and is left out."""
_MOST_PAIRS = 2_000
_MOST_WORK = 30_000
"""Reviewers looked at, over all sets of products."""
_PRIOR = 2.0
"""Other reviews that everybody is taken to have beyond those known, so that few data do not look extreme."""

_Visits = Mapping[str, Mapping[str, int]]
"""The first day of each reviewer at each other product."""


@dataclass(frozen=True, slots=True)
class ReviewerGroup:
    """A group as the report shows it."""

    people: int
    products: int
    """Other products that they share."""
    first_date: str
    last_date: str
    rows: tuple[tuple[str | None, ...], ...]
    """For each reviewer shown, the date at this product and at each other product shown; `None` for no review."""
    names: tuple[str | None, ...]
    """The reviewers shown, shortened."""


@dataclass(frozen=True, slots=True)
class Group:
    """Reviewers by mark, and the other products that they share."""

    people: frozenset[str]
    products: frozenset[str]


@dataclass(frozen=True, slots=True)
class _Candidate:
    people: frozenset[str]
    products: tuple[str, ...]
    log_chance: float


def find_groups(events: Mapping[str, Sequence[Event]]) -> tuple[Group, ...]:
    """The groups among these reviewers, all of whom reviewed this product; the largest first."""
    visits = _visits(events)
    population = _Population(visits)
    found: dict[tuple[str, ...], _Candidate] = {}
    work = 0
    for pair, people in _people_by_pair(visits).items():
        if (work := work + len(people)) > _MOST_WORK:
            break
        for candidate in _grown(pair, people, visits, population):
            if candidate.log_chance < math.log(ERROR):
                found.setdefault(candidate.products, candidate)
    return _joined(sorted(found.values(), key=lambda one: (one.log_chance, one.products)))


def group_reports(
    groups: Sequence[Group], events: Mapping[str, Sequence[Event]], names: Mapping[str, str | None]
) -> tuple[ReviewerGroup, ...]:
    """The largest; reviewers in the order of their names, each with the date at this product first."""
    return tuple(_report(group, events, names) for group in groups[:MOST_GROUPS])


class _Population:
    """How likely it is by chance that reviewers of this product meet again at other products."""

    def __init__(self, visits: _Visits) -> None:
        self._visits = visits
        self._spells: dict[str, Counter[int]] = {}
        for by_product in visits.values():
            for product, day in by_product.items():
                self._spells.setdefault(product, Counter())[day // WITHIN_DAYS] += 1
        mean = sum(map(len, visits.values())) / max(1, len(visits))
        self._activity = {mark: (len(own) + _PRIOR) / (mean + _PRIOR) for mark, own in visits.items()}
        self._moments = {
            n: math.fsum(activity**n for activity in self._activity.values())
            for n in range(LEAST_PRODUCTS, MOST_PRODUCTS + 1)
        }

    def log_chance(self, products: Sequence[str], people: frozenset[str]) -> float:
        """Of as many people together at these products, corrected for all sets and spells of days tried.

        The popularity of a product is that among the others, and one more.
        """
        others = len(self._visits) - len(people) + 1
        active = self._moments[len(products)] - math.fsum(self._activity[mark] ** len(products) for mark in people)
        log_expected = math.log(max(1.0, active))
        log_trials = math.log(math.comb(len(self._spells), len(products)))
        for product in products:
            spells = self._spells[product] - Counter(self._visits[mark][product] // WITHIN_DAYS for mark in people)
            most = max(spells.values(), default=0) + 1
            log_expected += math.log(most / others)
            log_trials += math.log(2 * (1 + math.fsum(((n + 1) / most) ** len(people) for n in spells.values())))
        return _log_tail(len(people), log_expected) + log_trials


def _visits(events: Mapping[str, Sequence[Event]]) -> _Visits:
    """Reviewers without other products count too: they show how rare meeting again is."""
    visits = {mark: _first_days(some) for mark, some in events.items()}
    return {mark: by_product for mark, by_product in visits.items() if len(by_product) <= MOST_VISITS}


def _first_days(events: Iterable[Event]) -> dict[str, int]:
    days: dict[str, int] = {}
    for event in events:
        if event.product and event.date:
            day = event.date.toordinal()
            days[event.product] = min(day, days.get(event.product, day))
    return days


def _people_by_pair(visits: _Visits) -> Mapping[tuple[str, str], list[str]]:
    """Pairs of products with at least three reviewers in common, the most for their popularity first."""
    popularity = Counter(product for by_product in visits.values() for product in by_product)
    people: dict[tuple[str, str], list[str]] = {}
    for mark, by_product in visits.items():
        for pair in combinations(sorted(by_product), 2):
            people.setdefault(pair, []).append(mark)
    shared = [pair for pair, marks in people.items() if len(marks) >= LEAST_PEOPLE]
    shared.sort(key=lambda pair: (-len(people[pair]) / (popularity[pair[0]] * popularity[pair[1]]), pair))
    return {pair: people[pair] for pair in shared[:_MOST_PAIRS]}


def _grown(
    pair: tuple[str, str], people: Sequence[str], visits: _Visits, population: _Population
) -> Iterable[_Candidate]:
    """The pair, and the larger sets that come of adding the product that most of its people share."""
    products: tuple[str, ...] = pair
    together = _together(people, products, visits)
    while len(together) >= LEAST_PEOPLE:
        yield _Candidate(together, products, population.log_chance(products, together))
        if len(products) == MOST_PRODUCTS:
            return
        shared = Counter(product for mark in together for product in visits[mark] if product not in products)
        if not shared:
            return
        products = tuple(sorted((*products, max(shared, key=lambda product: (shared[product], product)))))
        together = _together(together, products, visits)


def _together(people: Iterable[str], products: Sequence[str], visits: _Visits) -> frozenset[str]:
    """The most of them who wrote about each product within the same days, product after product."""
    marks = [mark for mark in people if all(product in visits[mark] for product in products)]
    for product in products:
        marks = _busiest(sorted(marks), lambda mark, product=product: visits[mark][product])
    return frozenset(marks)


def _busiest(things: Iterable[T], day_of: Callable[[T], int]) -> list[T]:
    """The most of them within the same days; the earliest of equals."""
    ordered = sorted(things, key=day_of)
    best: tuple[int, int] = (0, 0)
    end = 0
    for start, thing in enumerate(ordered):
        while end < len(ordered) and day_of(ordered[end]) - day_of(thing) < WITHIN_DAYS:
            end += 1
        best = max(best, (end - start, -start))
    return ordered[-best[1] : best[0] - best[1]]


def _log_tail(count: int, log_mean: float) -> float:
    """The logarithm of the chance of at least so many in a Poisson distribution, or of a bound on it."""
    mean = math.exp(log_mean)
    if count <= mean:
        return 0.0
    first = count * log_mean - mean - math.lgamma(count + 1)
    return first - math.log1p(-mean / (count + 1))  # the terms fall at least as fast as a geometric series


def _joined(candidates: Sequence[_Candidate]) -> tuple[Group, ...]:
    """Join sets that share most of their people, the least likely by chance first."""
    joined: list[tuple[set[str], set[str]]] = []
    for candidate in candidates:
        for people, products in joined:
            if 2 * len(people & candidate.people) >= min(len(people), len(candidate.people)):
                people.update(candidate.people)
                products.update(candidate.products)
                break
        else:
            joined.append((set(candidate.people), set(candidate.products)))
    groups = [Group(frozenset(people), frozenset(products)) for people, products in joined]
    return tuple(sorted(groups, key=lambda group: (-len(group.people), sorted(group.people))))


def _report(group: Group, events: Mapping[str, Sequence[Event]], names: Mapping[str, str | None]) -> ReviewerGroup:
    days = {mark: _first_days(events[mark]) for mark in group.people}
    own = {
        mark: min((e.date for e in events[mark] if e.date and not e.product), default=None)
        for mark in group.people
    }
    met = Counter(product for mark in group.people for product in days[mark] if product in group.products)
    products = sorted(group.products, key=lambda product: (-met[product], product))
    shown = [mark for mark in names if mark in group.people][:MOST_PEOPLE_SHOWN]
    known = [day for mark in group.people for product, day in days[mark].items() if product in group.products]
    known += [day.toordinal() for day in own.values() if day]
    return ReviewerGroup(
        people=len(group.people),
        products=len(group.products),
        first_date=dt.date.fromordinal(min(known)).isoformat(),
        last_date=dt.date.fromordinal(max(known)).isoformat(),
        rows=tuple(
            (_iso(own[mark]), *(_iso(days[mark].get(product)) for product in products[:MOST_PRODUCTS_SHOWN]))
            for mark in shown
        ),
        names=tuple(names[mark] for mark in shown),
    )


def _iso(day: dt.date | int | None) -> str | None:
    if day is None:
        return None
    return (dt.date.fromordinal(day) if isinstance(day, int) else day).isoformat()
