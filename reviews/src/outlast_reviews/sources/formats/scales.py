"""Decides which scale the bare numbers of a source's ratings are on: stars, ten or a hundred points, or thumbs."""

from collections.abc import Mapping
from enum import Enum
from types import MappingProxyType
from typing import Literal

from outlast import message, plural
from outlast_reviews.sources.errors import NotReviews
from outlast_reviews.sources.formats.stars import UnreadableStars, scaled_stars

SURE = 1 / 3
"""Share of the numbers above the end of a smaller scale that shows the larger one."""
DAMAGED = 0.01
"""Up to this share of the numbers may be beyond a scale: they are damaged rows."""
FEW = 2
"""This many may be beyond it in any case."""
_NONE: Mapping[float, int] = MappingProxyType({})
HALF = 0.5
_ZERO = "0-"


class Scale(Enum):
    """What a bare number says; the value is its name in a mapping. With "0-", zero is a rating, and the lowest."""

    STARS = "5"
    FROM_ZERO = "0-5"
    TEN = "10"
    TEN_FROM_ZERO = "0-10"
    FIFTY = "50"
    FIFTY_FROM_ZERO = "0-50"
    HUNDRED = "100"
    HUNDRED_FROM_ZERO = "0-100"
    ONE = "1"
    """Shares of one, as 0.8."""
    ONE_FROM_ZERO = "0-1"
    HALVES = "halves"
    """Half a star to five, as some sites of films have it; nobody needs to say so."""
    THUMBS = "thumbs"
    """0 or -1 is not recommended, 1 is recommended; there are no stars."""

    @property
    def best(self) -> float:
        """The end of the scale; thumbs have none."""
        return 5.0 if self is Scale.HALVES else float(self.value.removeprefix(_ZERO))

    @property
    def has_zero(self) -> bool:
        """Whether zero is a rating. Elsewhere it means that none was given."""
        return self.value.startswith(_ZERO)

    @property
    def from_zero(self) -> "Scale":
        """The same scale, on which zero is a rating."""
        return self if self.has_zero else Scale(f"{_ZERO}{self.best:g}")


class UnknownScale(NotReviews):
    """The numbers can be meant in several ways; saying which makes the file readable."""

    def __init__(self, sentence: str, about: Literal["scale", "zero"], *likely: Scale) -> None:
        """`likely` are the scales to choose from, the likeliest first."""
        super().__init__(sentence)
        self.about: Literal["scale", "zero"] = about
        """What is asked: the scale of all numbers, or what a zero means."""
        self.scales = likely

    @property
    def likely(self) -> Scale:
        """The one to suggest."""
        return self.scales[0]


def scale_of(numbers: Mapping[float, int], said: str | None = None, stated: Mapping[float, int] = _NONE) -> Scale:
    """Return the scale of a column; `numbers` says how often it holds each number. Raises `UnknownScale`.

    A larger scale is recognised if many numbers need it, and some come near its end. Numbers that all fit five
    stars are stars, except 0 or -1 and 1 alone, which are thumbs. `stated` are the ratings of the column that say
    their scale themselves, in stars. A zero of any notation may be a rating or none, which only a person can say.
    """
    if said is not None:
        return _stars(numbers) if said == Scale.STARS.value else Scale(said)
    zeros = numbers.get(0, 0) + stated.get(0, 0)
    total = sum(numbers.values()) + sum(stated.values())
    if not stated and len(numbers) > 1 and set(numbers) <= {-1, 0, 1}:
        return Scale.THUMBS
    if not zeros:
        return _recognised(numbers)
    scale = Scale.STARS if zeros == total else _recognised(numbers)
    scale = Scale.STARS if scale is Scale.HALVES else scale
    raise UnknownScale(
        _about_zeros(zeros, total),
        "zero",
        *(scale, scale.from_zero),
        *((Scale.THUMBS,) if zeros == total and not stated else ()),
    )


def _about_zeros(zeros: int, ratings: int) -> str:
    if ratings == 1:
        return message(
            "The only rating is 0: it is not clear whether that is the lowest rating or means that there is none."
            " Say which."
        )
    return plural(
        "{n:,} of {ratings:,} ratings is 0: it is not clear whether that is the lowest rating or means that there"
        " is none. Say which.",
        "{n:,} of {ratings:,} ratings are 0: it is not clear whether that is the lowest rating or means that there"
        " is none. Say which.",
        zeros,
        ratings=ratings,
    )


_LOWEST = {Scale.STARS: 1.0, Scale.HALVES: 0.5}
"""The lowest ratings of the scales whose ratings go by steps; of the others it is anything above zero."""


def _stars(numbers: Mapping[float, int]) -> Scale:
    spare = _spare(numbers)
    halves = sum(count for number, count in numbers.items() if number in {1.5, 2.5, 3.5, 4.5})
    return Scale.HALVES if numbers.get(0.5, 0) > spare and halves > spare else Scale.STARS


def _spare(numbers: Mapping[float, int]) -> int:
    return max(FEW, int(DAMAGED * sum(numbers.values())))


def _recognised(numbers: Mapping[float, int]) -> Scale:
    """The scale by its end, whatever zero is on it."""
    total, spare = sum(numbers.values()), _spare(numbers)
    above = {end: sum(count for number, count in numbers.items() if number > end) for end in (5, 10, 100)}
    fractions = sum(count for number, count in numbers.items() if 0 < number < 1 and number != HALF)
    if above[5] <= spare and fractions > spare:
        raise UnknownScale(
            message(
                "{fractions:,} of {ratings:,} ratings are between 0 and 1: it is not clear which scale they are"
                " on. Say which.",
                fractions=fractions,
                ratings=total,
            ),
            "scale",
            *((Scale.ONE, Scale.ONE_FROM_ZERO) if max(numbers) <= 1 else ()),
            *(Scale.STARS, Scale.FROM_ZERO, Scale.TEN, Scale.TEN_FROM_ZERO),
        )
    if above[5] <= spare:
        return _stars(numbers)
    if above[10] <= spare:
        if above[5] - above[10] >= SURE * total and any(8 < number <= 10 for number in numbers):
            return Scale.TEN
    elif above[10] >= SURE * total and above[100] <= spare and any(50 < number <= 100 for number in numbers):
        return Scale.HUNDRED
    larger = (Scale.TEN, Scale.FIFTY, Scale.HUNDRED)
    likely = next((scale for scale in larger if max(numbers) <= scale.best), Scale.HUNDRED)
    raise UnknownScale(
        plural(
            "{n:,} of {ratings:,} ratings is above 5, and the largest is {largest:g}: it is not clear which scale"
            " they are on. Say which.",
            "{n:,} of {ratings:,} ratings are above 5, and the largest is {largest:g}: it is not clear which scale"
            " they are on. Say which.",
            above[5],
            ratings=total,
            largest=max(numbers),
        ),
        "scale",
        likely,
        *(scale for one in (Scale.STARS, *larger) for scale in (one, one.from_zero) if scale is not likely),
    )


def stars_on(scale: Scale, number: float) -> float | None:
    """Return the stars of a number on this scale, `None` where there are none: with thumbs, and with 0 for none.

    Raises `UnreadableStars` beyond its ends. Less than a star is shown as one.
    """
    if scale is Scale.THUMBS:
        if number not in {-1, 0, 1}:
            raise UnreadableStars(message("the rating “{rating:g}” is no thumb: neither 0 nor 1", rating=number))
        return None
    if number == 0 and not scale.has_zero:
        return None
    lowest, best = _LOWEST.get(scale, 0.0), scale.best
    if not lowest <= number <= best:
        raise UnreadableStars(
            message("the rating “{rating:g}” is not between {lowest:g} and 5 stars", rating=number, lowest=lowest)
            if best == 5
            else message(
                "the rating “{rating:g}” is not between {lowest:g} and {best:g}",
                rating=number,
                lowest=lowest,
                best=best,
            )
        )
    return max(1.0, number) if best == 5 else scaled_stars(number, best)
