"""Measures recall on planted campaigns and the false-alarm rate (pure)."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from outlast_reviews.checks.burst import burst
from outlast_reviews.checks.near_copies import near_copies
from outlast_reviews.evaluate.figures import Figure, share
from outlast_reviews.invented.campaign import plant, plant_copies_of_one
from outlast_reviews.progress import ignore_progress
from outlast_reviews.review import Review

SIZES = (20, 40, 80)
EDITS = (0.0, 0.05, 0.1, 0.15, 0.2)
DAYS = (4, 7, 14)
COPY_DAYS = 4
LENGTHS = ((12, 20), (20, 60))
"""Words of the real texts that are copied, from and below."""
SIZE_OF_ONE = 20
EDITS_OF_ONE = (0.0, 0.05, 0.1, 0.2)


@dataclass(frozen=True, slots=True)
class PlantedFigures:
    """Over all files together; a campaign is found when a burst overlaps its days."""

    files: int
    reviews: int
    seeds: int
    """Campaigns of each kind in each file."""
    copies: dict[tuple[int, float], Figure]
    """By size and share of words changed: planted reviews with a strong sign."""
    of_one: dict[tuple[tuple[int, int], float], Figure]
    """The same where a real text is copied, by its length and share of words changed."""
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
    kinds = len(SIZES) * (len(EDITS) + len(DAYS)) + len(LENGTHS) * len(EDITS_OF_ONE) + _SHUFFLES
    counted = _Counted(progress, len(files) * seeds * kinds)
    for reviews in files:
        counted.false_copies.append((len(_strong(reviews)), len(reviews)))
        counted.false_bursts.append((burst(reviews, ignore_progress).outcome == "found", 1))
        for seed in range(seeds):
            for size in SIZES:
                for edits in EDITS:
                    _copies(counted, reviews, size, edits, seed)
                for days in DAYS:
                    _burst(counted, reviews, size, days, seed)
            for length in LENGTHS:
                for edits in EDITS_OF_ONE:
                    _copies_of_one(counted, reviews, length, edits, seed)
            _shuffled(counted, reviews, seed)
    return PlantedFigures(
        files=len(files),
        reviews=sum(map(len, files)),
        seeds=seeds,
        copies={key: _sum(found) for key, found in counted.copies.items()},
        of_one={key: _sum(found) for key, found in counted.of_one.items()},
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
        self.of_one: dict[tuple[tuple[int, int], float], _Pairs] = {}
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


def _copies_of_one(
    counted: _Counted, reviews: Sequence[Review], length: tuple[int, int], edits: float, seed: int
) -> None:
    least, below = length
    campaign = plant_copies_of_one(reviews, least=least, below=below, size=SIZE_OF_ONE, edits=edits, seed=seed)
    found = counted.of_one.setdefault((length, edits), [])
    if campaign is not None:
        strong = _strong(campaign.reviews)
        found.append((len(strong & campaign.planted), SIZE_OF_ONE))
        counted.false_copies.append((len(strong - campaign.planted), len(campaign.reviews) - SIZE_OF_ONE))
    counted.step("Planting copies of a real text")


def _burst(counted: _Counted, reviews: Sequence[Review], size: int, days: int, seed: int) -> None:
    campaign = plant(reviews, size=size, edits=0.0, days=days, seed=seed)
    windows = burst(campaign.reviews, ignore_progress).windows
    found = any(w.start <= campaign.end and campaign.start <= w.end for w in windows)
    counted.bursts.setdefault((size, days), []).append((found, 1))
    counted.step("Planting bursts")


def _shuffled(counted: _Counted, reviews: Sequence[Review], seed: int) -> None:
    for n in range(_SHUFFLES):
        stars = [review.rating for review in reviews]
        random.Random(f"{seed}/{n}").shuffle(stars)  # noqa: S311 - no secret, and always the same
        dealt = [replace(review, rating=rating) for review, rating in zip(reviews, stars, strict=True)]
        counted.shuffled.append((burst(dealt, ignore_progress).outcome == "found", 1))
        counted.step("Dealing stars out anew")


def _strong(reviews: Sequence[Review]) -> frozenset[int]:
    return frozenset(sign.row for sign in near_copies(reviews, ignore_progress).signs if sign.strength == "strong")


def _sum(pairs: _Pairs) -> Figure:
    return share(sum(part for part, _ in pairs), sum(whole for _, whole in pairs))
