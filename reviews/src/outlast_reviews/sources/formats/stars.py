"""Parses ratings in the notations of shops and exports to 1 to 5 stars."""

import re

from outlast import message
from outlast_reviews.sources.errors import quoted

_LONGEST = 80
_NUMBER = re.compile(r"\d{1,4}(?:[.,]\d{1,6})?")
_BOOLEAN = re.compile("true|false", re.IGNORECASE)
_AND_A_HALF = re.compile(r"(?<![\d.,])(\d) ?½")
_NEGATIVE = re.compile(r"[-−]\d")
_MINUS_ONE = frozenset({"-1", "-1.0"})
"""A thumb down, where there are only these and 1."""
_BEST_FIRST = re.compile("のうち|つ中の|üzerinden")
"""As in "5つ星のうち4.0" and "5 yıldız üzerinden 4,0"."""
_FULL, _HALF = "★⭐🌟✭✮", "⯨⯪½"
_NO_STARS = re.compile(r"[☆✩✰ ]+")
_WIDE = str.maketrans("０１２３４５６７８９．", "0123456789.")
_SCALES = (5.0, 10.0, 100.0)
_SPELLED = re.compile(r"(zero|one|two|three|four|five)(?:[ _-]stars?)?", re.IGNORECASE)
"""As in Google's own exports."""
_WITH_UNIT = re.compile(
    r"(\d{1,4}(?:[.,]\d{1,6})?)[ -]?"
    r"(?:stars?|points?|pts?|sterne?n?|punkte?|étoiles?|estrellas?|stelle|sterren|星|점)",
    re.IGNORECASE,
)
_WORDS = ("zero", "one", "two", "three", "four", "five")
_THUMBS = {
    **dict.fromkeys(
        ("up", "thumbs up", "thumb up", "👍", "like", "liked", "positive", "recommended", "yes"), True
    ),
    **dict.fromkeys(("down", "thumbs down", "thumb down", "👎", "dislike", "disliked", "negative"), False),
    **dict.fromkeys(("not recommended", "no"), False),
}
_NOTHING = frozenset({"", "null", "none", "nan", "n/a", "na", "-", "undefined"})


class UnreadableStars(ValueError):  # noqa: N818 - as `NotReviews`
    """What stands where a rating should is none; the message says it for a row's reason."""


class UnknownStars(UnreadableStars):
    """Zero of a scale, as in "0/5", which is the lowest rating or none."""


def bare_number(raw: object) -> float | None:
    """The number of a rating that says nothing of its scale, such as 4, "4.5" or "4,5"; else `None`."""
    if isinstance(raw, int | float):  # true and false are thumbs
        return float(raw) if -1e9 < raw < 1e9 else None
    text = str(raw).strip().translate(_WIDE) if isinstance(raw, str) and len(raw) <= _LONGEST else ""
    if _BOOLEAN.fullmatch(text):
        return float(text.lower() == "true")
    return float(text.replace(",", ".")) if _NUMBER.fullmatch(text) or text in _MINUS_ONE else None


def number_of_stars(raw: object) -> float | None:
    """The number in "6 stars" and "6 points", which says as little of its scale as a bare one; else `None`."""
    if not isinstance(raw, str) or len(raw) > _LONGEST:
        return None
    match = _WITH_UNIT.fullmatch(raw.strip().translate(_WIDE))
    return float(match[1].replace(",", ".")) if match else None


def read_thumb(raw: object) -> bool | None:
    """A thumb up or down, as words or as a sign; `None` for anything else."""
    return _THUMBS.get(raw.strip().lower().replace("-", " ").replace("_", " ")) if isinstance(raw, str) else None


def is_boolean(raw: object) -> bool:
    """Whether a rating is true or false."""
    return isinstance(raw, bool) or (isinstance(raw, str) and _BOOLEAN.fullmatch(raw.strip()) is not None)


def read_stars(raw: object) -> float | None:
    """`None` where there is nothing; "4", "4 out of 5 stars", "4,5 von 5 Sternen", "4½", "8/10", "80%", "★★★".

    Raises `UnreadableStars`.
    """
    if isinstance(raw, bool):
        raise UnreadableStars(message("the rating is not a number of stars"))
    if raw is None:
        return None
    if isinstance(raw, int | float):
        return _checked(raw, 5.0, raw)
    text = str(raw).strip().translate(_WIDE)
    if text.casefold() in _NOTHING:
        return None
    if len(text) > _LONGEST:
        raise UnreadableStars(message("the rating “{rating}…” is not a number of stars", rating=quoted(text)))
    full = 0 if text.isascii() else sum(text.count(star) for star in _FULL)
    if full > 1 or (full and not _NUMBER.search(text)):
        return _checked(full + 0.5 * sum(text.count(half) for half in _HALF), 5.0, text)
    if _NO_STARS.fullmatch(text):
        raise UnknownStars(message("the rating “{rating}” is not between 1 and 5 stars", rating=quoted(text)))
    if spelled := _SPELLED.fullmatch(text):
        return _checked(_WORDS.index(spelled[1].lower()), 5.0, text)
    if _NEGATIVE.search(text):
        raise UnreadableStars(message("the rating “{rating}” is not between 1 and 5 stars", rating=quoted(text)))
    numbers = [float(number.replace(",", ".")) for number in _NUMBER.findall(_AND_A_HALF.sub(r"\1.5", text))]
    match numbers:
        case [value] if "%" in text:
            return _checked(value, 100.0, text)
        case [value]:
            return _checked(value, 5.0, text)
        case [best, value] if _BEST_FIRST.search(text):
            return _checked(value, best, text)
        case [value, best]:
            return _checked(value, best, text)
        case _:
            raise UnreadableStars(message("the rating “{rating}” is not a number of stars", rating=quoted(text)))


def scaled_stars(value: float, best: float) -> float:
    """A rating on a scale that ends at `best`, as stars; anything below one star is one."""
    return max(1.0, min(5.0, round(value * 5 / best, 2)))


def _checked(value: float, best: float, raw: object) -> float:
    if best not in _SCALES:
        raise UnreadableStars(message("the rating “{rating}” is not a number of stars", rating=quoted(raw)))
    if not value:
        raise UnknownStars(message("the rating “{rating}” is not between 1 and 5 stars", rating=quoted(raw)))
    if best != 5.0 and 0 <= value <= best:
        return scaled_stars(value, best)
    if not 1 <= value <= 5:
        raise UnreadableStars(message("the rating “{rating}” is not between 1 and 5 stars", rating=quoted(raw)))
    return float(value)
