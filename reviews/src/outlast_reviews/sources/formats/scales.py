"""Decides which scale the bare numbers of a source's ratings are on: stars, ten or a hundred points, or thumbs."""

from collections.abc import Mapping
from enum import Enum

from outlast_reviews.sources.errors import NotReviews
from outlast_reviews.sources.formats.stars import UnreadableStars, scaled_stars

SURE = 1 / 3
"""Share of the numbers above the end of a smaller scale that shows the larger one."""
DAMAGED = 0.01
"""Up to this share of the numbers may be beyond a scale: they are damaged rows."""
FEW = 2
"""This many may be beyond it in any case."""


class Scale(Enum):
    """What a bare number says; the value is its name in a mapping."""

    STARS = "5"
    FROM_ZERO = "0-5"
    """Zero to five points, of which zero is a rating, and the lowest."""
    TEN = "10"
    FIFTY = "50"
    HUNDRED = "100"
    HALVES = "halves"
    """Half a star to five, as some sites of films have it; nobody needs to say so."""
    THUMBS = "thumbs"
    """0 or -1 is not recommended, 1 is recommended; there are no stars."""


class UnknownScale(NotReviews):
    """The numbers fit several scales; saying which makes the file readable."""

    def __init__(self, numbers: Mapping[float, int], *, zeros: bool = False) -> None:
        """`zeros`: what is doubtful is whether zero is a rating."""
        above = sum(count for number, count in numbers.items() if number > 5)
        total = sum(numbers.values())
        if zeros:
            super().__init__(
                f"{numbers[0]:,} of {total:,} ratings are 0: it is not clear whether that is the lowest rating or "
                "means that there is none. Say which."
            )
            self.likely = Scale.STARS
            return
        super().__init__(
            f"{above:,} of {total:,} ratings are above 5, and the largest is {max(numbers):g}: it is not clear "
            "which scale they are on. Say which."
        )
        self.likely = next(
            scale for scale in _LARGER if max(numbers) <= float(scale.value) or scale is _LARGER[-1]
        )


_LARGER = (Scale.TEN, Scale.FIFTY, Scale.HUNDRED)
_LOWEST = {Scale.STARS: 1.0, Scale.HALVES: 0.5, Scale.FROM_ZERO: 0.0}
"""The lowest ratings of the scales that end at five. Less than a star is shown as one."""


def scale_of(numbers: Mapping[float, int], said: str | None = None) -> Scale:
    """Return the scale of a column; `numbers` says how often it holds each number. Raises `UnknownScale`.

    A larger scale is recognised if many numbers need it, and some come near its end. Numbers that all fit five
    stars are stars, except 0 or -1 and 1 alone, which are thumbs. Zeros beside them are a rating or none.
    """
    total = sum(numbers.values())
    spare = max(FEW, int(DAMAGED * total))
    halves = sum(count for number, count in numbers.items() if number in {1.5, 2.5, 3.5, 4.5})
    stars = Scale.HALVES if numbers.get(0.5, 0) > spare and halves > spare else Scale.STARS
    if said is not None:
        return stars if said == Scale.STARS.value else Scale(said)
    if not numbers:
        return Scale.STARS
    if set(numbers) <= {-1, 0, 1} and not set(numbers) <= {1}:
        return Scale.THUMBS
    above = {end: sum(count for number, count in numbers.items() if number > end) for end in (5, 10, 100)}
    if above[5] <= spare:
        if numbers.get(0, 0) > spare:
            raise UnknownScale(numbers, zeros=True)
        return stars
    if above[10] <= spare:
        if above[5] - above[10] >= SURE * total and any(8 < number <= 10 for number in numbers):
            return Scale.TEN
    elif above[10] >= SURE * total and above[100] <= spare and any(50 < number <= 100 for number in numbers):
        return Scale.HUNDRED
    raise UnknownScale(numbers)


def stars_on(scale: Scale, number: float) -> float | None:
    """Return the stars of a number on this scale, `None` with thumbs. Raises `UnreadableStars` beyond its ends."""
    if scale in _LOWEST:
        lowest = _LOWEST[scale]
        if not lowest <= number <= 5:
            raise UnreadableStars(f"the rating “{number:g}” is not between {lowest:g} and 5 stars")
        return max(1.0, number)
    if scale is Scale.THUMBS:
        if number not in {-1, 0, 1}:
            raise UnreadableStars(f"the rating “{number:g}” is no thumb: neither 0 nor 1")
        return None
    best = float(scale.value)
    if not 0 <= number <= best:
        raise UnreadableStars(f"the rating “{number:g}” is not between 0 and {best:g}")
    return scaled_stars(number, best)
