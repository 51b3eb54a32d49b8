"""Deduplicate the reviews of a source and count its coverage, before the checks run (pure)."""

import datetime as dt
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from outlast import message, plural
from outlast_reviews.progress import Progress, ignore_progress
from outlast_reviews.review import MOST_CHARACTERS, Review, ReviewSet, Skipped
from outlast_reviews.reviewers import identity

_SHOWN_ROWS = 10
_REPORT_EVERY = 2_000
_MOST_PASSES = 8


@dataclass(frozen=True, slots=True)
class Coverage:
    """What the source held; counts are of unique reviews unless they say rows."""

    rows: int
    """Rows received, merged and skipped ones included."""
    unique: int
    texts: int
    ratings: int
    dates: int
    verified_known: int
    verified: int
    reviewers: int
    """Reviews whose reviewer can be identified; "Amazon Customer" cannot."""
    incentive_known: int
    thumbs: int
    """Reviews that recommend the product or not, in place of stars."""
    recommended: int
    merged: int
    """Rows that repeated an earlier one."""
    skipped: int
    skipped_reasons: tuple[tuple[str, int, str], ...]
    """Reason, how many rows, and which ("rows 3, 7 and 2 more"); the most frequent first, at most five."""
    left_out: tuple[str, ...]
    """What no check reads, with the reason: ends of very long texts, files without reviews; at most twenty."""
    products: int
    """Products that the source names; 0 unless there are several."""
    most_frequent_products: tuple[tuple[str, int], ...]
    """At most twenty."""
    first_date: dt.date | None
    last_date: dt.date | None
    approximate_dates: int = 0
    """Of the dates, those of which only the month is known."""
    first_is_approximate: bool = False
    last_is_approximate: bool = False


@dataclass(frozen=True, slots=True)
class CleanSet:
    """Reviews without repeats, in the order of the source."""

    reviews: tuple[Review, ...]
    coverage: Coverage
    made: str = ""
    """Unique name of this value, assigned by the step that made it."""


def clean(received: ReviewSet, progress: Progress = ignore_progress) -> CleanSet:
    """Merge repeated rows and count. A repeat is a fault of the export and never a warning sign."""
    reviews = merge(received.reviews, progress)
    return CleanSet(reviews, _count(received, reviews))


def merge(reviews: Iterable[Review], progress: Progress = ignore_progress) -> tuple[Review, ...]:
    """Merge rows with the same review id, or the same reviewer and text; later rows fill gaps of the first.

    A filled gap can reveal another repeat, so passes follow until nothing changes, up to a fixed number.
    """
    merged = tuple(reviews)
    for _ in range(_MOST_PASSES):
        before, merged = len(merged), _merge_once(merged, progress)
        if len(merged) == before:
            break
    return merged


def folded(text: str) -> str:
    """Normalise case, character width and white space."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def name_key(name: str) -> str:
    """The same for two names that differ in case, white space, width or invisible characters alone."""
    visible = "".join(character for character in name if unicodedata.category(character) != "Cf")
    return folded(folded(visible))  # folding the case can undo the normal form


def _merge_once(reviews: Sequence[Review], progress: Progress) -> tuple[Review, ...]:
    by_key: dict[tuple[object, ...], int] = {}
    kept: list[Review] = []
    for n, review in enumerate(reviews):
        if n % _REPORT_EVERY == 0:
            progress(n, len(reviews))
        keys = _keys(review)
        index = next((by_key[k] for k in keys if k in by_key and _same_review(kept[by_key[k]], review, k)), None)
        if index is None:
            index = len(kept)
            kept.append(review)
        else:
            kept[index] = _fill(kept[index], review)
        for key in keys:
            by_key.setdefault(key, index)
    return tuple(kept)


def _keys(review: Review) -> tuple[tuple[object, ...], ...]:
    keys: list[tuple[object, ...]] = []
    if review.review_id:
        keys.append(("id", review.review_id))
    reviewer, text = identity(review), folded(review.text)
    if reviewer and text:
        keys.append(("text", reviewer, text))
    elif reviewer and review.date and review.rating is not None:
        keys.append(("empty", reviewer, review.date, review.rating, folded(review.title)))
    return tuple(keys)


def _same_review(kept: Review, review: Review, key: tuple[object, ...]) -> bool:
    """Reject an id that different people's texts share: it is not a review's (a product id, say).

    Reviews with ids of their own are different reviews, whatever else is equal.
    """
    if key[0] != "id":
        return not (kept.review_id and review.review_id and kept.review_id != review.review_id)
    texts = {folded(kept.text), folded(review.text)} - {""}
    people = {identity(kept), identity(review)} - {None}
    return len(texts) < 2 or (len(people) == 1 and identity(kept) == identity(review))


def _fill(kept: Review, repeat: Review) -> Review:
    return replace(
        kept,
        review_id=kept.review_id or repeat.review_id,
        rating=repeat.rating if kept.rating is None else kept.rating,
        date=kept.date or repeat.date,
        approximate=kept.approximate if kept.date else repeat.approximate,
        title=kept.title or repeat.title,
        text=kept.text if kept.text.strip() else repeat.text,
        reviewer=kept.reviewer or repeat.reviewer,
        verified=repeat.verified if kept.verified is None else kept.verified,
        incentivised=repeat.incentivised if kept.incentivised is None else kept.incentivised,
        recommended=repeat.recommended if kept.recommended is None else kept.recommended,
        reviewer_reviews=repeat.reviewer_reviews if kept.reviewer_reviews is None else kept.reviewer_reviews,
    )


def _count(received: ReviewSet, reviews: Sequence[Review]) -> Coverage:
    days = [r.date for r in reviews if r.date]
    products = Counter(r.product for r in reviews if r.product)
    reasons: dict[str, list[Skipped]] = {}
    for row in received.skipped:
        reasons.setdefault(row.reason, []).append(row)
    frequent = sorted(reasons.items(), key=lambda item: (-len(item[1]), item[0]))[:5]
    return Coverage(
        rows=len(received.reviews) + len(received.skipped),
        unique=len(reviews),
        texts=sum(bool(r.text.strip()) for r in reviews),
        ratings=sum(r.rating is not None for r in reviews),
        dates=len(days),
        verified_known=sum(r.verified is not None for r in reviews),
        verified=sum(r.verified is True for r in reviews),
        reviewers=sum(identity(r) is not None for r in reviews),
        incentive_known=sum(r.incentivised is not None for r in reviews),
        thumbs=sum(r.recommended is not None for r in reviews),
        recommended=sum(r.recommended is True for r in reviews),
        merged=len(received.reviews) - len(reviews),
        skipped=len(received.skipped),
        skipped_reasons=tuple((reason, len(rows), _row_list(rows)) for reason, rows in frequent),
        left_out=(*_truncations(reviews), *received.left_out)[:20],
        products=len(products),
        most_frequent_products=tuple(products.most_common(20)),
        first_date=min(days, default=None),
        last_date=max(days, default=None),
        approximate_dates=sum(r.date is not None and r.approximate for r in reviews),
        first_is_approximate=_is_approximate(reviews, min(days, default=None)),
        last_is_approximate=_is_approximate(reviews, max(days, default=None)),
    )


def _is_approximate(reviews: Sequence[Review], day: dt.date | None) -> bool:
    """Whether no review is known to be of that very day."""
    return day is not None and all(r.approximate for r in reviews if r.date == day)


def _truncations(reviews: Sequence[Review]) -> tuple[str, ...]:
    long = sum(len(review.text) > MOST_CHARACTERS for review in reviews)
    if not long:
        return ()
    return (
        plural(
            "the end of a text of more than {most:,} characters",
            "the ends of {n:,} texts of more than {most:,} characters",
            long,
            most=MOST_CHARACTERS,
        ),
    )


def _row_list(rows: Sequence[Skipped]) -> str:
    shown = ", ".join(f"{row.row:,} ({row.file})" if row.file else f"{row.row:,}" for row in rows[:_SHOWN_ROWS])
    if len(rows) == 1:
        return message("row {row}", row=shown)
    more = len(rows) - _SHOWN_ROWS
    return (
        message("rows {rows} and {more:,} more", rows=shown, more=more)
        if more > 0
        else message("rows {rows}", rows=shown)
    )
