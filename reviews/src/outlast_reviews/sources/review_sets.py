"""Merges the reviews of several files, and selects those of one product (pure)."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from sys import getsizeof

from outlast import message, plural
from outlast_reviews.deduplicate import name_key
from outlast_reviews.review import Review, ReviewSet, Skipped
from outlast_reviews.sources.errors import NotReviews, TooManyReviews
from outlast_reviews.sources.limits import MIB, ReadLimits


def merged(
    sets: Sequence[tuple[str, ReviewSet]],
    limits: ReadLimits,
    *,
    zipped: bool = False,
    left_out: Sequence[str] = (),
) -> ReviewSet:
    """One set of all, each with its file's name. Rows are counted on; a skipped one keeps its own place."""
    spelled = _spelled(
        name for _, received in sets for name in (received.product_title, *received.products) if name
    )
    sets = [(name, _respelled(received, spelled)) for name, received in sets]
    titles = {received.product_title for _, received in sets} - {None}
    several = len(titles.union(*(received.products for _, received in sets))) > 1
    reviews: list[Review] = []
    skipped: list[Skipped] = []
    ids: dict[str, Review] = {}
    memory = 0
    for name, received in sets:
        local = _ids_are_local(ids, received)
        title = received.product_title if several else None
        for review in received.reviews:
            row, review_id = len(reviews) + 1, None if local else review.review_id
            reviews.append(replace(review, row=row, review_id=review_id, product=review.product or title))
            memory += getsizeof(review.text) + getsizeof(review.title)
            if review.review_id is not None:
                ids.setdefault(review.review_id, review)
        skipped.extend(replace(row, file=row.file or name) for row in received.skipped)
        if memory > limits.text or len(reviews) > limits.rows:
            raise too_much(limits)
    formats = Counter(received.format for _, received in sets)
    ratings = {received.product_rating for _, received in sets} - {None}
    totals = {received.stated_total for _, received in sets} - {None}
    stated_ratings = {received.stated_ratings for _, received in sets} - {None}
    return ReviewSet(
        reviews=tuple(reviews),
        format=_of_files([name for name, _ in formats.most_common(3)], len(sets), zipped=zipped),
        product_title=titles.pop() if len(titles) == 1 and not several else None,
        product_rating=ratings.pop() if len(ratings) == 1 else None,
        stated_total=totals.pop() if len(totals) == 1 and not several else None,
        stated_ratings=stated_ratings.pop() if len(stated_ratings) == 1 and not several else None,
        description="\n".join(dict.fromkeys(received.description for _, received in sets if received.description)),
        complete=all(received.complete for _, received in sets),
        skipped=tuple(skipped),
        columns=sets[0][1].columns if len({tuple(one.columns.items()) for _, one in sets}) == 1 else {},
        files_of_one_product=not any(received.products for _, received in sets),
        unordered_dates=next((one.unordered_dates for _, one in sets if one.unordered_dates), ()),
        left_out=(*(line for _, received in sets for line in received.left_out), *left_out),
        inputs=tuple(read for _, received in sets for read in received.inputs),
    )


def _of_files(formats: Sequence[str], files: int, *, zipped: bool) -> str:
    """Up to three formats of so many files together, for people."""
    if files == 1:
        return message("ZIP of {format}", format=formats[0]) if zipped else formats[0]
    match formats:
        case [one]:
            if zipped:
                return message("ZIP of {files:,} files: {format}", files=files, format=one)
            return message("{files:,} files: {format}", files=files, format=one)
        case [one, other]:
            named = {"format": one, "other": other}
            if zipped:
                return message("ZIP of {files:,} files: {format}, {other}", files=files, **named)
            return message("{files:,} files: {format}, {other}", files=files, **named)
        case _:
            one, other, third = formats
            named = {"format": one, "other": other, "third": third}
            if zipped:
                return message("ZIP of {files:,} files: {format}, {other}, {third}", files=files, **named)
            return message("{files:,} files: {format}, {other}, {third}", files=files, **named)


def _spelled(names: Iterable[str]) -> Mapping[str, str]:
    """Each name in its first spelling, where a later one differs in case or white space alone."""
    first: dict[str, str] = {}
    return {name: first.setdefault(name_key(name), name) for name in names}


def _respelled(received: ReviewSet, spelled: Mapping[str, str]) -> ReviewSet:
    title = received.product_title and spelled[received.product_title]
    reviews = received.reviews
    if any(spelled[name] != name for name in received.products):
        reviews = [replace(review, product=review.product and spelled[review.product]) for review in reviews]
    return replace(received, product_title=title, reviews=reviews)


def too_much(limits: ReadLimits) -> TooManyReviews:
    """Files that are well one by one, and too many."""
    return TooManyReviews(
        message(
            "Together the files hold more than {rows:,} reviews or {most} MiB of words, more than one analysis"
            " can take. Give the reviews of one product alone.",
            rows=limits.rows,
            most=limits.text // MIB,
        )
    )


def _ids_are_local(known: dict[str, Review], received: ReviewSet) -> bool:
    """Whether these ids only count the rows of their file: most that are known already mean something else."""
    repeated = [(known[r.review_id], r) for r in received.reviews if r.review_id in known]
    others = sum(one.text != other.text or one.reviewer != other.reviewer for one, other in repeated)
    return others * 2 > len(repeated)


def reviews_of_product(received: ReviewSet, product: str) -> ReviewSet:
    """The reviews of this product alone. Raises `NotReviews` when there are none."""
    counted = received.products or {received.product_title or "": len(received.reviews)}
    product = next((name for name in counted if name_key(name) == name_key(product)), product)
    if product not in counted:
        raise NotReviews(
            message(
                "No review is of the product “{product}”. Products found: {products}.",
                product=product,
                products=named(list(counted)),
            )
        )
    kept = received.reviews
    if received.products:
        kept = tuple(replace(review, product=None) for review in kept if review.product == product)
    others = len(received.reviews) - len(kept)
    note = [plural("{n:,} review of another product", "{n:,} reviews of other products", others)] if others else []
    return replace(received, reviews=kept, product_title=product, left_out=(*received.left_out, *note))


def named(products: Sequence[str], most: int = 10) -> str:
    """For a sentence."""
    shown = ", ".join(f"“{product}”" for product in products[:most])
    more = len(products) - most
    return message("{names} and {more:,} more", names=shown, more=more) if more > 0 else shown
