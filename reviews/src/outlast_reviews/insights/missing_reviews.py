"""What the reviews that the shop counts and the source lacks could change (pure)."""

from dataclasses import dataclass
from typing import NotRequired, TypedDict

from outlast_reviews.verdict import Grade, grade_of

LOWEST, HIGHEST = 1.0, 5.0


class MissingReviews(TypedDict):
    stated: int
    """Reviews that the shop counts; ratings where `of_ratings`."""
    of_ratings: NotRequired[bool]
    """Whether the shop counts ratings, many of which have no text; reports of earlier versions do not say."""
    read: int
    """Unique reviews in the source."""
    missing: int
    rating_low: float | None
    """The average of all if each missing review had one star."""
    rating_high: float | None
    """The average of all if each missing review had five stars."""
    missing_rating_low: float | None
    """What the missing ones average at least, by the shop's own average; `None` where it states none."""
    missing_rating_high: float | None
    averages_agree: bool | None
    """Whether the shop's average can be of all these reviews; `None` where it states none."""
    grade_best: Grade | None
    """The grade if no missing review had a sign; `None` where there is no grade or ratings are counted."""
    grade_worst: Grade | None
    """The grade if each missing review had a sign."""


@dataclass(frozen=True, slots=True)
class Counts:
    """What was read of a product's reviews."""

    read: int
    rated: int
    with_text: int
    strong: int
    medium: int
    """Reviews with a text and a strong sign, and with a medium one and no strong one."""


def missing_reviews(
    stated: int | None,
    counts: Counts,
    average: float | None,
    shop_average: float | None,
    *,
    graded: bool,
    of_ratings: bool = False,
) -> MissingReviews | None:
    """`None` where the shop counts no more than were read. The rated reviews have the `average`.

    Where the shop counts ratings (`of_ratings`), nobody knows how many of the missing ones have a text to grade.
    """
    read, rated = counts.read, counts.rated
    if stated is None or stated <= read or not read:
        return None
    missing = stated - read
    low = high = implied_low = implied_high = agree = None
    if average is not None:
        low, high = (_mean_of_all(average, rated, stars, missing) for stars in (LOWEST, HIGHEST))
        if shop_average is not None:
            agree, implied_low, implied_high = _implied(average, rated, shop_average, missing)
    texts = counts.with_text + missing
    best = worst = None
    if graded and not of_ratings:
        best = grade_of(100 * counts.strong / texts)
        worst = grade_of(100 * (counts.strong + counts.medium + missing) / texts)
    return {
        "stated": stated,
        "of_ratings": of_ratings,
        "read": read,
        "missing": missing,
        "rating_low": low,
        "rating_high": high,
        "missing_rating_low": implied_low,
        "missing_rating_high": implied_high,
        "averages_agree": agree,
        "grade_best": best,
        "grade_worst": worst,
    }


def _mean_of_all(average: float, rated: int, stars: float, missing: int) -> float:
    return round((average * rated + stars * missing) / (rated + missing), 4)


def _implied(average: float, rated: int, shop: float, missing: int) -> tuple[bool, float | None, float | None]:
    """The averages of the missing ones that fit the shop's average, which is rounded."""
    rounding = 0.05 if round(shop, 1) == round(shop, 4) else 0.005
    low, high = (
        (end * (rated + missing) - average * rated) / missing for end in (shop - rounding, shop + rounding)
    )
    if high < LOWEST or low > HIGHEST:
        return False, None, None
    return True, round(max(LOWEST, low), 4), round(min(HIGHEST, high), 4)
