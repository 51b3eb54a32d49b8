"""Converts rows to reviews, and records skipped rows with the reason."""

import datetime as dt
import html
import re
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import groupby, islice
from sys import getsizeof
from typing import cast

from outlast import message, plural
from outlast_reviews.review import Review, ReviewSet, Skipped
from outlast_reviews.sources.errors import NotReviews, TooManyReviews, quoted
from outlast_reviews.sources.formats.columns import NO_MAPPING, UNKNOWN, Columns, Part
from outlast_reviews.sources.formats.dates import (
    AmbiguousDate,
    ApproximateDate,
    DateOrder,
    ReadDate,
    order_behind_year,
    order_of,
    read_in_column,
    resolve_date,
)
from outlast_reviews.sources.formats.products import ProductIndex
from outlast_reviews.sources.formats.scales import Scale, scale_of, stars_on
from outlast_reviews.sources.formats.stars import (
    UnknownStars,
    UnreadableStars,
    bare_number,
    is_boolean,
    number_of_stars,
    read_stars,
    read_thumb,
)
from outlast_reviews.sources.limits import MIB, ReadLimits

_BREAK = re.compile(r"<br ?/?>|</(?:p|li|div)> ?(?:<(?:p|li|div)>)?", re.IGNORECASE)
_LINE_BREAK = re.compile(r"<br ?/?>", re.IGNORECASE)
_MARKUP = re.compile(r"</?(?:p|li|ul|ol|div|b|i|em|strong|span)>", re.IGNORECASE)
_SPECIAL = re.compile(r"[<&\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_ENTITY = re.compile(r"&(?:#x?[0-9a-fA-F]{1,6}|[a-zA-Z]{2,8});")
_NOTHING = frozenset({"nan", "null", "undefined"})
_YES = frozenset(
    {
        "true", "t", "yes", "y", "1", "1.0", "x", "verified", "verified purchase", "verified buyer",
        "verifiedpurchase", "verified-purchase", "verified_purchase", "buyer", "confirmed-buyer", "vine",
        "ja", "wahr", "oui", "vrai", "sí", "si", "sì", "vero", "verdadero", "はい", "verifizierter kauf",
        "achat vérifié", "compra verificada", "acquisto verificato", "amazonで購入",
        "trip verified", "verified review", "✓", "✔", "✅",
        "vine customer review of free product",
    }
)  # fmt: skip
_NO = frozenset(
    {
        "false", "f", "no", "n", "0", "0.0", "unverified", "not verified", "nothing", "✗", "✘", "❌",
        "nein", "falsch", "non", "faux", "falso", "いいえ",
    }
)  # fmt: skip
_CACHE_SIZE = 20_000
_SHARE_OF_NOBODY = 0.2
"""If at least this share of a file's reviews has one name but different ids, the name is a placeholder."""
_FEWEST_OF_NOBODY = 10
_DIFFERENT = 0.9
"""Share of the reviews under one name that differ where it is nobody's."""
_SHOWN = 3
_AHEAD = dt.timedelta(days=1)
"""How far a day may have begun elsewhere."""
_LONGEST_DATE = 100
"""Characters of what is remembered as a date, or as none."""
_LONGEST_TEXT = 100_000
_LONGEST_NUMBER = 9
"""Digits."""
_NEITHER = message("the row has neither stars nor words")


def _stacked() -> re.Pattern[str]:
    """Marks on one letter beyond the 30 of Unicode's stream-safe form: normalising them is quadratic."""
    codes = [code for code in range(0x300, 0x1F000) if unicodedata.combining(chr(code))]
    stretches = ([code for _, code in some] for _, some in groupby(enumerate(codes), lambda one: one[1] - one[0]))
    marks = "".join(f"{chr(some[0])}-{chr(some[-1])}" for some in stretches)  # as ranges, twice as quick
    return re.compile(f"([{marks}]{{30}})[{marks}]+")


_STACKED = _stacked()
_LONGEST_DESCRIPTION = 20_000


class ReviewCollector:
    """Add or skip rows in the order of the source, then `finish`."""

    def __init__(self, limits: ReadLimits, mapping: Mapping[Part, str] = NO_MAPPING) -> None:
        """`mapping` may say the scale of the ratings and the order of day and month."""
        self._limits = limits
        self._scale = mapping.get("scale")
        self._order = mapping.get("dates")
        self._unordered: tuple[str, ...] = ()
        self._reviews: list[Review] = []
        self._skipped: list[Skipped] = []
        self._columns: Columns | None = None
        self._positions: tuple[int | None, ...] = ()
        """Those of the columns that the last row had."""
        self._numeric: dict[int, AmbiguousDate] = {}
        self._products = ProductIndex()
        self._memory = 0
        self.count = 0
        self._booleans: set[int] = set()
        """The places of reviews whose rating is true or false."""
        self._bare: dict[int, float] = {}
        """The ratings that say nothing of their scale, by the place of their review."""
        self._left_out: list[str] = []
        self._unread_dates = 0
        self._unread_date = ""
        self._stars: dict[object, float | None] = {}
        self._dates: dict[str, ReadDate | None] = {}
        self._today = dt.datetime.now(dt.UTC).date()

    def add(self, columns: Columns, values: Sequence[object]) -> None:
        """One row, whose parts stand at the places that `columns` says; a short row has nothing there."""
        row = self._next_row()
        if columns is not self._columns:
            self._columns, self._positions = columns, columns.positions
        length = len(values)
        parts = [None if at is None or at >= length else values[at] for at in self._positions]
        (
            review_id, stars, day, title, text, reviewer_id, reviewer, verified, incentivised, product_id, product,
            thumb, anonymous, written,
        ) = parts  # fmt: skip
        rating = None
        bare = bare_number(stars)
        if bare is None and stars:
            bare = number_of_stars(stars)
        recommended = (
            None if thumb is None else read_flag(thumb) if read_thumb(thumb) is None else read_thumb(thumb)
        )
        if bare is None and (said := read_thumb(stars)) is not None:
            recommended = said
        elif bare is None:
            try:
                rating = self._rating(stars)
            except UnknownStars:
                rating = 0.0
            except UnreadableStars as error:
                self._skipped.append(Skipped(row, str(error)))
                return
        title, text = plain_text(title), plain_text(text)
        if len(text) > _LONGEST_TEXT:
            self._skipped.append(
                Skipped(
                    row,
                    message(
                        "the text has {characters:,} characters, far more than a review", characters=len(text)
                    ),
                )
            )
            return
        if rating is None and bare is None and recommended is None and not text and not title:
            self._skipped.append(Skipped(row, _NEITHER))
            return
        self._memory += getsizeof(title) + getsizeof(text)
        if self._memory > self._limits.text:
            raise TooManyReviews(
                message(
                    "The file holds more than {most} MiB of words, more than one analysis can take. Give the"
                    " reviews of one product alone.",
                    most=self._limits.text // MIB,
                )
            )
        date = self._date(day)
        if date is None and day and (said := plain_text(day)):
            self._unread_dates += 1
            self._unread_date = self._unread_date or said
        approximate = isinstance(date, ApproximateDate)
        if isinstance(date, AmbiguousDate):
            self._numeric[len(self._reviews)] = date
            date = None
        elif isinstance(date, ApproximateDate):
            date = date.date
        if bare is not None:
            self._bare[len(self._reviews)] = bare
            if is_boolean(stars):
                self._booleans.add(len(self._reviews))
        if product_id or product:
            self._products.add(len(self._reviews), plain_text(product_id), plain_text(product))
        self._reviews.append(
            Review(
                row,
                _name(review_id),
                rating,
                date,
                title,
                text,
                None if read_flag(anonymous) else _account(reviewer_id) or _name(reviewer),
                None if verified is None else read_flag(verified),
                None if incentivised is None else read_flag(incentivised),
                recommended=recommended,
                approximate=approximate,
                reviewer_reviews=None if written is None else _whole_number(written),
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
        stated_ratings: int | None = None,
        description: object = None,
    ) -> ReviewSet:
        """The set; raises `NotReviews` when there were rows and none could be read.

        `stated_total` is how many reviews the source says there are, `stated_ratings` how many ratings.
        """
        reviews = self._reviews
        unreadable = self._put_on_scale()
        if len(unreadable) == len(reviews):
            self._refuse_unreadable()
        self._resolve_dates()
        if _ids_repeat(reviews):
            reviews = [replace(review, review_id=None) for review in reviews]
        else:
            reviews = self._without_names_of_nobody(reviews)
        products = self._products.names(len(reviews))
        titles = set(products) - {None}
        if len(titles) > 1:
            named = zip(reviews, products, strict=True)
            reviews = [replace(review, product=product) if product else review for review, product in named]
        if unreadable:
            reviews = [review for place, review in enumerate(reviews) if place not in unreadable]
        counted = max((n for n in (stated_total, stated_ratings) if n is not None), default=None)
        return ReviewSet(
            reviews=tuple(reviews),
            format=format,
            product_title=product_title or (next(iter(titles)) if len(titles) == 1 else None),
            product_rating=product_rating,
            stated_total=stated_total,
            stated_ratings=stated_ratings,
            description=plain_text(description)[:_LONGEST_DESCRIPTION],
            complete=counted is not None and len(reviews) >= counted and not self._skipped,
            skipped=tuple(self._skipped),
            left_out=(*self._unread(), *self._left_out),
            unordered_dates=self._unordered,
        )

    def _put_on_scale(self) -> set[int]:
        """Turn bare numbers into stars or thumbs, and zeros into the lowest rating or none.

        Returns the places of reviews whose number is off the scale, or who have no words beside no rating.
        """
        numbers = Counter(number for place, number in self._bare.items() if place not in self._booleans)
        stated = Counter(review.rating for review in self._reviews if review.rating is not None)
        scale = Scale.THUMBS
        if numbers or stated or not self._booleans:
            scale = scale_of(numbers, self._scale, stated)
        unreadable: set[int] = set()
        unrated = 0
        if 0 in stated:
            self._bare |= {place: 0.0 for place, review in enumerate(self._reviews) if review.rating == 0}
        for place, number in self._bare.items():
            review = self._reviews[place]
            try:
                if place in self._booleans and scale is not Scale.THUMBS:
                    raise UnreadableStars(message("the rating is not a number of stars"))
                rating, thumb = stars_on(scale, number), review.recommended
                if scale is Scale.THUMBS:
                    thumb = number == 1
                    if not number and -1 in numbers:
                        thumb = None  # between a thumb up and one down
                elif rating is None:
                    if thumb is None and not review.text and not review.title:
                        raise UnreadableStars(_NEITHER)
                    unrated += 1
            except UnreadableStars as error:
                unreadable.add(place)
                self._skipped.append(Skipped(review.row, str(error)))
            else:
                self._reviews[place] = replace(review, rating=rating, recommended=thumb)
        if unrated:
            self._left_out.append(
                plural(
                    "{n:,} rating of 0, which means that none was given",
                    "{n:,} ratings of 0, which mean that none was given",
                    unrated,
                )
            )
        self._skipped.sort(key=lambda skipped: skipped.row)
        return unreadable

    def _resolve_dates(self) -> None:
        today = self._today + _AHEAD
        said = None if self._order == UNKNOWN else cast("DateOrder | None", self._order)
        groups: dict[tuple[bool, bool], dict[int, AmbiguousDate]] = {}
        for place, date in self._numeric.items():
            groups.setdefault((date.begins_with_year, date.is_iso), {})[place] = date
        unordered: list[AmbiguousDate] = []
        for (begins_with_year, is_iso), dates in groups.items():
            if is_iso:
                order = order_behind_year(dates.values())
            elif begins_with_year:
                order = said or order_behind_year(dates.values())
            else:
                order = said or (None if self._order == UNKNOWN else order_of(dates.values(), today))
            if order is None:
                unordered += dates.values()
                continue
            resolved: dict[AmbiguousDate, dt.date | None] = {}
            for place, date in dates.items():
                if date not in resolved:
                    resolved[date] = resolve_date(date, order, today)
                self._reviews[place] = replace(self._reviews[place], date=resolved[date])
        if unordered:
            self._left_out.append(
                plural(
                    "{n:,} date such as “{date}”, in which the order of day and month is unknown; say dates=day or"
                    " dates=month",
                    "{n:,} dates such as “{date}”, in which the order of day and month is unknown; say dates=day"
                    " or dates=month",
                    len(unordered),
                    date=unordered[0],
                )
            )
            if self._order != UNKNOWN:
                differing = (str(d) for d in dict.fromkeys(unordered) if len(set(d.day_and_month)) > 1)
                self._unordered = tuple(islice(differing, _SHOWN))

    def _without_names_of_nobody(self, reviews: list[Review]) -> list[Review]:
        """Drop the name of a large share of the reviews, unless these repeat each other: it is a placeholder."""
        named: dict[str, list[Review]] = {}
        for review in reviews:
            if review.reviewer:
                named.setdefault(review.reviewer, []).append(review)
        least = max(_FEWEST_OF_NOBODY, len(reviews) * _SHARE_OF_NOBODY)
        nobody = {
            name: len(theirs) for name, theirs in named.items() if len(theirs) >= least and _are_of_many(theirs)
        }
        if not nobody:
            return reviews
        self._left_out += [
            message("the name “{name}”, which is that of {reviews:,} reviews", name=quoted(name), reviews=count)
            for name, count in nobody.items()
        ]
        return [replace(review, reviewer=None) if review.reviewer in nobody else review for review in reviews]

    def _unread(self) -> tuple[str, ...]:
        if not self._unread_dates:
            return ()
        unread = plural(
            "a date that cannot be read, such as “{date}”; 2024-05-31 can",
            "{n:,} dates that cannot be read, such as “{date}”; 2024-05-31 can",
            self._unread_dates,
            date=quoted(self._unread_date),
        )
        return (unread,)

    def _next_row(self) -> int:
        self.count += 1
        if self.count > self._limits.rows:
            raise TooManyReviews(
                message(
                    "The file has more than {most:,} rows, more than one analysis can take. Give the reviews of"
                    " one product alone.",
                    most=self._limits.rows,
                )
            )
        return self.count

    def _rating(self, raw: object) -> float | None:
        if raw is None:
            return None
        if not isinstance(raw, str | int | float) or isinstance(raw, bool):
            raise UnreadableStars(message("the rating is not a number of stars"))
        if raw in self._stars:
            return self._stars[raw]
        rating = read_stars(raw)
        if len(self._stars) < _CACHE_SIZE:
            self._stars[raw] = rating
        return rating

    def _date(self, raw: object) -> ReadDate | None:
        if not isinstance(raw, str):  # numbers of one hash are easily made, and thousands of them would be slow
            return read_in_column(raw, self._today) if isinstance(raw, int | float) else None
        if raw in self._dates:
            return self._dates[raw]
        date = read_in_column(raw, self._today)
        if len(self._dates) < _CACHE_SIZE and len(raw) <= _LONGEST_DATE:
            self._dates[raw] = date
        return date

    def _refuse_unreadable(self) -> None:
        if self._skipped:
            first = self._skipped[0]
            raise NotReviews(
                plural(
                    "The only row could not be read as a review: {reason}.",
                    "None of the {n:,} rows could be read as a review; in row {row}: {reason}.",
                    len(self._skipped),
                    row=first.row,
                    reason=first.reason,
                )
            )


def plain_text(raw: object) -> str:
    """Text as a person would read it: no line-break tags, entities or control characters, and always encodable."""
    if not isinstance(raw, str):
        if raw is None or isinstance(raw, bool | list | dict):
            return ""
        raw = str(raw)
    text = raw.strip()
    if len(text) < 10 and text.lower() in _NOTHING:
        return ""
    if not _SPECIAL.search(text):
        return _bounded(text)
    text = _MARKUP.sub("", _BREAK.sub("\n", text))
    for _ in range(2):  # some exports escape what was escaped
        text = _ENTITY.sub(lambda entity: html.unescape(entity[0]), text)
    text = _bounded(_LINE_BREAK.sub("\n", text))
    text = _CONTROL.sub("", text)
    # a lone half of a surrogate pair, from a JSON escape, could never be stored
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace").strip()


def _bounded(text: str) -> str:
    return text if text.isascii() else _STACKED.sub(r"\1", text)


def read_flag(raw: object) -> bool | None:
    """A yes or no in the words of an export; `None` for nothing and for anything else."""
    if raw is None or isinstance(raw, bool):
        return raw
    word = str(raw)[:40].strip().lower()
    if word in _YES:
        return True
    return False if word in _NO else None


def _whole_number(raw: object) -> int | None:
    """As 12, "12", "12.0" or "1,234"; `None` for nothing and for anything else."""
    word = str(raw)[:40].strip().removesuffix(".0").replace(",", "")
    return int(word) if word.isascii() and word.isdigit() and len(word) <= _LONGEST_NUMBER else None


def _name(raw: object) -> str | None:
    return (plain_text(raw)[:200] or None) if raw else None


def _account(raw: object) -> str | None:
    """WordPress and its like give all guests the id 0: none is a reviewer's own."""
    account = _name(raw)
    return None if account in {"0", "-1"} else account


def _ids_repeat(reviews: Sequence[Review]) -> bool:
    """A column of ids in which nearly all rows agree identifies the product, not the reviews."""
    ids = [review.review_id for review in reviews if review.review_id is not None]
    return len(ids) > 3 and len(set(ids)) * 4 < len(ids)


def _are_of_many(reviews: Sequence[Review]) -> bool:
    """Whether reviews under one name are several people's: their ids differ, or else their words and days."""
    if ids := {review.review_id for review in reviews if review.review_id}:
        return len(ids) >= _DIFFERENT * len(reviews)
    return len({(review.text, review.date) for review in reviews}) >= _DIFFERENT * len(reviews)
