"""Gathers the rows of any table-like source into one set: what is read, what is skipped and why."""

import datetime as dt
import html
import re
from collections.abc import Sequence
from dataclasses import replace

from outlast_reviews.review import Review, ReviewSet, Skipped
from outlast_reviews.sources.columns import Columns
from outlast_reviews.sources.dates import Numeric, day_first, read_date, settle
from outlast_reviews.sources.limits import Limits, NotReviews
from outlast_reviews.sources.stars import UnreadableStars, read_stars

_BREAK = re.compile(r"<br ?/?>", re.IGNORECASE)
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_ENTITY = re.compile(r"&(?:#x?[0-9a-fA-F]{1,6}|[a-zA-Z]{2,8});")
_NOTHING = frozenset({"nan", "null", "undefined"})
_YES = frozenset(
    {
        "true",
        "t",
        "yes",
        "y",
        "1",
        "1.0",
        "x",
        "verified",
        "verified purchase",
        "verified buyer",
        "verifiedpurchase",
    }
    | {"verified-purchase", "verified_purchase", "buyer", "confirmed-buyer", "vine"}
)
_NO = frozenset({"false", "f", "no", "n", "0", "0.0", "unverified", "not verified", "nothing"})
_MEMORY = 20_000


class Rows:
    """Add or skip rows in the order of the source, then `finish`."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._reviews: list[Review] = []
        self._skipped: list[Skipped] = []
        self._numeric: dict[int, Numeric] = {}
        self._product_titles: set[str] = set()
        self._characters = 0
        self._beyond_five = 0
        self._stars: dict[object, float | None] = {}
        self._dates: dict[object, dt.date | Numeric | None] = {}

    def __len__(self) -> int:
        return len(self._reviews) + len(self._skipped)

    def add(self, columns: Columns, values: Sequence[object]) -> None:
        """One row, whose parts stand at the places that `columns` says; a short row has nothing there."""

        def at(place: int | None) -> object:
            return values[place] if place is not None and place < len(values) else None

        row = self._next_row()
        try:
            rating = self._rating(at(columns.rating))
        except UnreadableStars as error:
            self._beyond_five += "between" in str(error)
            self._skipped.append(Skipped(row, str(error)))
            return
        title, text = plain_text(at(columns.title)), plain_text(at(columns.text))
        if rating is None and not text and not title:
            self._skipped.append(Skipped(row, "the row has neither stars nor words"))
            return
        self._characters += len(title) + len(text)
        if self._characters > self._limits.text:
            raise NotReviews(
                f"The file holds more than {self._limits.text // 2**20} million characters of reviews, "
                "more than one analysis can take. Give the reviews of one product alone."
            )
        date = self._date(at(columns.date))
        if isinstance(date, Numeric):
            self._numeric[len(self._reviews)] = date
            date = None
        if len(self._product_titles) < 2 and (product := plain_text(at(columns.product_title))):
            self._product_titles.add(product)
        self._reviews.append(
            Review(
                row=row,
                review_id=_name(at(columns.review_id)),
                rating=rating,
                date=date,
                title=title,
                text=text,
                reviewer=_name(at(columns.reviewer_id)) or _name(at(columns.reviewer_name)),
                verified=read_flag(at(columns.verified)),
                incentivised=read_flag(at(columns.incentivised)),
            )
        )

    def skip(self, reason: str) -> None:
        self._skipped.append(Skipped(self._next_row(), reason))

    def finish(
        self,
        format: str,  # noqa: A002 - the field of `ReviewSet` is called so
        *,
        product_title: str | None = None,
        product_rating: float | None = None,
        stated_total: int | None = None,
    ) -> ReviewSet:
        """The set; raises `NotReviews` when there were rows and none could be read.

        `stated_total` is how many reviews the source says there are.
        """
        self._refuse_hopeless()
        reviews = self._reviews
        if self._numeric:
            first = day_first(self._numeric.values())
            for place, date in self._numeric.items():
                reviews[place] = replace(reviews[place], date=settle(date, day_first=first))
        if _ids_repeat(reviews):
            reviews = [replace(review, review_id=None) for review in reviews]
        titles = self._product_titles
        return ReviewSet(
            reviews=tuple(reviews),
            format=format,
            product_title=product_title or (next(iter(titles)) if len(titles) == 1 else None),
            product_rating=product_rating,
            complete=stated_total is not None and len(reviews) >= stated_total and not self._skipped,
            skipped=tuple(self._skipped),
        )

    def _next_row(self) -> int:
        if len(self) >= self._limits.rows:
            raise NotReviews(
                f"The file has more than {self._limits.rows:,} rows, more than one analysis can take. "
                "Give the reviews of one product alone."
            )
        return len(self) + 1

    def _rating(self, raw: object) -> float | None:
        if isinstance(raw, bool | list | dict):
            raise UnreadableStars("the rating is not a number of stars")
        if raw in self._stars:
            return self._stars[raw]
        rating = read_stars(raw)
        if len(self._stars) < _MEMORY:
            self._stars[raw] = rating
        return rating

    def _date(self, raw: object) -> dt.date | Numeric | None:
        if isinstance(raw, bool | list | dict):
            return None
        if raw in self._dates:
            return self._dates[raw]
        date = read_date(raw)
        if len(self._dates) < _MEMORY:
            self._dates[raw] = date
        return date

    def _refuse_hopeless(self) -> None:
        if self._skipped and not self._reviews:
            first = self._skipped[0]
            count = len(self._skipped)
            raise NotReviews(
                f"None of the {count:,} rows could be read as a review; in row {first.row} {first.reason}."
                if count > 1
                else f"The only row could not be read as a review: {first.reason}."
            )
        if self._beyond_five * 5 > len(self):
            raise NotReviews(
                f"{self._beyond_five:,} of {len(self):,} ratings are not between 1 and 5 stars, so the file seems "
                "to use another scale. Write ratings as 1 to 5, or with their scale, like 8/10."
            )


def plain_text(raw: object) -> str:
    """Text as a person would read it: no line-break tags, entities or control characters, and always encodable."""
    if raw is None or isinstance(raw, bool | list | dict):
        return ""
    text = str(raw).strip()
    if not text or text.lower() in _NOTHING:
        return ""
    if "<" in text:
        text = _BREAK.sub("\n", text)
    if "&" in text:
        text = _ENTITY.sub(lambda entity: html.unescape(entity[0]), text)
    text = _CONTROL.sub("", text)
    try:
        text.encode()
    except UnicodeEncodeError:  # half of a surrogate pair, from a JSON escape
        text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text.strip()


def read_flag(raw: object) -> bool | None:
    """A yes or no in the words of an export; `None` for nothing and for anything else."""
    if raw is None or isinstance(raw, bool):
        return raw
    word = str(raw)[:40].strip().lower()
    if word in _YES:
        return True
    return False if word in _NO else None


def _name(raw: object) -> str | None:
    return plain_text(raw)[:200] or None


def _ids_repeat(reviews: Sequence[Review]) -> bool:
    """A column of ids in which nearly all rows agree identifies the product, not the reviews."""
    ids = [review.review_id for review in reviews if review.review_id is not None]
    return len(ids) > 3 and len(set(ids)) * 4 < len(ids)
