"""Measures the groups of reviewers on invented crowds, with and without a planted group (pure)."""

import datetime as dt
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from outlast_reviews.evaluate.figures import Figure, share
from outlast_reviews.insights.reviewer_groups import find_groups
from outlast_reviews.insights.reviewer_histories import Event

PLANTED = ((4, 3), (6, 2), (10, 2), (10, 3), (20, 3))
"""People and other products of a planted group."""
TAKING_PART = (1.0, 0.8)
"""Chance that a member reviews each of the group's products."""
CROWDS = ("strangers", "frequent reviewers", "fans of a series")
PEOPLE = 200
_PRODUCTS, _DAYS = 60, 730
_DAYS_OF_LAUNCH = 60
"""Mean days between a product's launch and a review: many come soon, so strangers do meet."""
_CAMPAIGN_DAYS = 10
_START = dt.date(2024, 1, 1).toordinal()


@dataclass(frozen=True, slots=True)
class GroupFigures:
    seeds: int
    """Crowds of each kind."""
    groups: Mapping[tuple[int, int, float], Figure]
    """By people, products and taking part: planted groups of which at least half of the members are found."""
    bystanders: Figure
    """Members of found groups that were not planted."""
    false_groups: Mapping[str, Figure]
    """By crowd: crowds without a planted group in which one is seen all the same."""


def evaluate_groups(seeds: int, progress: Callable[[int, int, str], None]) -> GroupFigures:
    """The same answer every time."""
    total, done = seeds * (len(CROWDS) + len(PLANTED) * len(TAKING_PART)), 0
    found_of: dict[tuple[int, int, float], tuple[int, int]] = {}
    seen: dict[str, int] = dict.fromkeys(CROWDS, 0)
    strangers = found_all = 0
    for seed in range(seeds):
        for kind in CROWDS:
            progress(done, total, "Looking at crowds")
            seen[kind] += bool(find_groups(crowd(kind, seed)))
            done += 1
        for people, products in PLANTED:
            for part in TAKING_PART:
                progress(done, total, "Planting groups")
                events, planted = plant_group(crowd("frequent reviewers", seed), people, products, part, seed)
                found = {mark for group in find_groups(events) for mark in group.people}
                hit, of = found_of.get((people, products, part), (0, 0))
                hit += 2 * len(found & planted) >= len(planted)
                found_of[people, products, part] = hit, of + 1
                strangers, found_all = strangers + len(found - planted), found_all + len(found)
                done += 1
    return GroupFigures(
        seeds=seeds,
        groups={key: share(*counts) for key, counts in found_of.items()},
        bystanders=share(strangers, found_all),
        false_groups={kind: share(count, seeds) for kind, count in seen.items()},
    )


def crowd(kind: str, seed: int) -> dict[str, list[Event]]:
    """Reviewers of one product who act alone: most wrote about no other product, popular products have more.

    Among frequent reviewers some write very much; fans often review the next parts of a series as they come out.
    """
    rng = random.Random(f"{kind}/{seed}")  # noqa: S311 - no secret, and always the same
    popularity = [1 / (n + 2) for n in range(_PRODUCTS)]
    launches = [rng.randrange(_DAYS) for _ in range(_PRODUCTS)]
    events: dict[str, list[Event]] = {}
    for n in range(PEOPLE):
        visits = min(25, int(rng.paretovariate(1.0 if kind == "frequent reviewers" else 1.6)) - 1)
        own = [Event("", _day(rng.randrange(_DAYS)), _stars(rng))]
        products = set(rng.choices(range(_PRODUCTS), popularity, k=visits))
        own += [
            Event(f"p{product}", _day(launches[product] + int(rng.expovariate(1 / _DAYS_OF_LAUNCH))), _stars(rng))
            for product in sorted(products)
        ]
        if kind == "fans of a series" and rng.random() < 0.15:
            own += [
                Event(f"part {part}", _day(200 * part + int(rng.expovariate(1 / 20))), _stars(rng))
                for part in (1, 2)
            ]
        events[f"person {n}"] = own
    return events


def plant_group(
    events: Mapping[str, Sequence[Event]], people: int, products: int, part: float, seed: int
) -> tuple[dict[str, list[Event]], frozenset[str]]:
    """The crowd with so many more reviewers who give five stars to the same products, each within ten days."""
    rng = random.Random(f"{people}/{products}/{part}/{seed}")  # noqa: S311 - no secret, and always the same
    starts = {f"p{product}": rng.randrange(_DAYS) for product in rng.sample(range(_PRODUCTS), products)}
    here = rng.randrange(_DAYS)
    planted: dict[str, list[Event]] = {}
    for n in range(people):
        own = [Event("", _day(here + rng.randrange(_CAMPAIGN_DAYS)), 5.0)]
        own += [
            Event(product, _day(start + rng.randrange(_CAMPAIGN_DAYS)), 5.0)
            for product, start in starts.items()
            if rng.random() < part
        ]
        planted[f"planted {n}"] = own
    return {**{mark: list(some) for mark, some in events.items()}, **planted}, frozenset(planted)


def _day(after: int) -> dt.date:
    return dt.date.fromordinal(_START + after)


def _stars(rng: random.Random) -> float:
    return float(rng.choices((5, 4, 3, 2, 1), (50, 22, 12, 7, 9))[0])
