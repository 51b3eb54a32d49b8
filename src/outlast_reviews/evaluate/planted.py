"""How many of the planted campaigns are found, and how often an alarm is false (pure)."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from outlast_reviews.checks.burst import burst
from outlast_reviews.checks.near_copies import near_copies
from outlast_reviews.evaluate.figures import Figure, share
from outlast_reviews.invented.campaign import plant
from outlast_reviews.review import Review

SIZES = (20, 40, 80)
EDITS = (0.0, 0.05, 0.1, 0.15, 0.2)
DAYS = (4, 7, 14)
COPY_DAYS = 4


@dataclass(frozen=True, slots=True)
class PlantedFigures:
    """Over all files together; a campaign is found when a burst overlaps its days."""

    files: int
    reviews: int
    seeds: int
    """Campaigns of each kind in each file."""
    copies: dict[tuple[int, float], Figure]
    """By size and share of words changed: planted reviews with a strong sign."""
    bursts: dict[tuple[int, int], Figure]
    """By size and days: campaigns found."""
    false_copies: Figure
    """Reviews of the files themselves with a strong sign, with and without a campaign beside them."""
    false_bursts: Figure
    """Files with a burst before anything is planted."""
    shuffled_bursts: Figure
    """Files whose stars were dealt out anew, in which no burst can be real, and one is seen all the same."""


def evaluate_planted(
    files: Sequence[Sequence[Review]], seeds: int, progress: Callable[[int, int, str], None]
) -> PlantedFigures:
    """`files` are unique, dated reviews of one product each, taken as honest; the same answer every time."""
    counted = _Counted(progress, len(files) * seeds * (len(SIZES) * (len(EDITS) + len(DAYS)) + _SHUFFLES))
    for reviews in files:
        counted.false_copies.append((len(_strong(reviews)), len(reviews)))
        counted.false_bursts.append((burst(reviews, _nowhere).outcome == "found", 1))
        for seed in range(seeds):
            for size in SIZES:
                for edits in EDITS:
                    _copies(counted, reviews, size, edits, seed)
                for days in DAYS:
                    _burst(counted, reviews, size, days, seed)
            _shuffled(counted, reviews, seed)
    return PlantedFigures(
        files=len(files),
        reviews=sum(map(len, files)),
        seeds=seeds,
        copies={key: _sum(found) for key, found in counted.copies.items()},
        bursts={key: _sum(found) for key, found in counted.bursts.items()},
        false_copies=_sum(counted.false_copies),
        false_bursts=_sum(counted.false_bursts),
        shuffled_bursts=_sum(counted.shuffled),
    )


_SHUFFLES = 5
"""For each seed."""
_Pairs = list[tuple[int, int]]


class _Counted:
    """Found and all, kind by kind."""

    def __init__(self, progress: Callable[[int, int, str], None], total: int) -> None:
        self.copies: dict[tuple[int, float], _Pairs] = {}
        self.bursts: dict[tuple[int, int], _Pairs] = {}
        self.false_copies: _Pairs = []
        self.false_bursts: _Pairs = []
        self.shuffled: _Pairs = []
        self._progress, self._total, self._done = progress, total, 0

    def step(self, message: str) -> None:
        self._done += 1
        self._progress(self._done, self._total, message)


def _copies(counted: _Counted, reviews: Sequence[Review], size: int, edits: float, seed: int) -> None:
    campaign = plant(reviews, size=size, edits=edits, days=COPY_DAYS, seed=seed)
    strong = _strong(campaign.reviews)
    counted.copies.setdefault((size, edits), []).append((len(strong & campaign.planted), size))
    counted.false_copies.append((len(strong - campaign.planted), len(reviews)))
    counted.step("Planting copies")


def _burst(counted: _Counted, reviews: Sequence[Review], size: int, days: int, seed: int) -> None:
    campaign = plant(reviews, size=size, edits=0.0, days=days, seed=seed)
    windows = burst(campaign.reviews, _nowhere).windows
    found = any(w.start <= campaign.end and campaign.start <= w.end for w in windows)
    counted.bursts.setdefault((size, days), []).append((found, 1))
    counted.step("Planting bursts")


def _shuffled(counted: _Counted, reviews: Sequence[Review], seed: int) -> None:
    for n in range(_SHUFFLES):
        stars = [review.rating for review in reviews]
        random.Random(f"{seed}/{n}").shuffle(stars)  # noqa: S311 - no secret, and always the same
        dealt = [replace(review, rating=rating) for review, rating in zip(reviews, stars, strict=True)]
        counted.shuffled.append((burst(dealt, _nowhere).outcome == "found", 1))
        counted.step("Dealing stars out anew")


def _strong(reviews: Sequence[Review]) -> frozenset[int]:
    return frozenset(sign.row for sign in near_copies(reviews, _nowhere).signs if sign.strength == "strong")


def _sum(pairs: _Pairs) -> Figure:
    return share(sum(part for part, _ in pairs), sum(whole for _, whole in pairs))


def _nowhere(_share: float) -> None:
    """A check's progress within one campaign."""
