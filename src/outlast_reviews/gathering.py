"""From what a visitor gives, files and addresses, to one set of reviews; and what can be refused before."""

import asyncio
import html
import io
import json
import os
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Literal

from outlast import InvalidInput, Permanent, Question, RetryAfter, Upload, report, step
from outlast_reviews import product
from outlast_reviews.cpu_shares import computing, tell
from outlast_reviews.invented import SAMPLE, sample_reviews
from outlast_reviews.product import Product
from outlast_reviews.review import ReviewSet
from outlast_reviews.settings import review_settings
from outlast_reviews.sources import NotReviews, ReadLimits, read_reviews
from outlast_reviews.sources.columns import ABSENT, NO_MAPPING, REQUIRED, Part, UnknownColumns
from outlast_reviews.sources.fetch import Fetcher
from outlast_reviews.sources.fetch_error import FetchError
from outlast_reviews.sources.limits import Progress
from outlast_reviews.sources.merging import merged
from outlast_reviews.sources.products import named, of_one
from outlast_reviews.sources.provider import Provider, provider_of
from outlast_reviews.sources.read import HEAD, look_early

Place = Upload | str
Only = Literal["product"]
ALL = "*"
"""The answer that takes all products of a source together."""

_LABELS: Mapping[Part, str] = {
    "rating": "The stars",
    "text": "The words of the review",
    "title": "Its title",
    "date": "Its date",
    "reviewer": "Who wrote it (an id, or the name)",
    "verified": "Whether the purchase was verified",
    "review_id": "An id of the review",
    "incentivised": "Whether it was paid for or given free (Vine)",
}
_MOST_OFFERED = 200
"""Products to choose from on a page; a program may name any."""
_LONGEST_QUESTION = 120_000
"""Characters of all columns to choose from, as an answer carries them; there are eight such questions."""
_LOOKS = ThreadPoolExecutor(2, "look")
"""Looks before a start have threads of their own, so that slow ones hold up nobody's pages."""
_TOLD_EVERY = 0.25
_RETRY = 5.0
_READING = 0.9
"""Share of the gathering of a file that is reading it."""


def places_of(source: Place | Sequence[Place]) -> Sequence[Place]:
    return [source] if isinstance(source, Upload | str) else source


def refuse_address(address: str, pointer: str) -> Product:
    """The product at it; raises `InvalidInput` when nothing can read it."""
    settings = review_settings()
    refusal = product.refuse(address, provided=lambda meant: provider_of(meant, settings) is not None)
    if refusal is not None:
        raise InvalidInput(refusal, pointer)
    return product.product_at(address)


async def refuse_file(
    upload: Upload, mapping: Mapping[Part, str], only: Mapping[Only, str] | None, pointer: str, name: str = ""
) -> None:
    """Raises `InvalidInput` for what the beginning of a file shows; unknown columns of a table become questions,
    and so do several products, unless `only` says which.
    """
    head = await upload.head(HEAD + 1)
    try:
        running = asyncio.get_running_loop()
        products = await running.run_in_executor(_LOOKS, look_early, head[:HEAD], len(head), mapping)
    except UnknownColumns as unknown:
        raise InvalidInput(f"{name}{unknown}", "/mapping", questions=_questions(unknown, mapping)) from None
    except NotReviews as refused:
        raise InvalidInput(f"{name}{refused}", pointer) from None
    if products and only is None:
        raise InvalidInput(
            f"{name}These are reviews of several products: {named(products)}. A grade is for one product: say "
            "which, or take all together.",
            "/only",
            questions=[_which_product(products)],
        )


def gather_all(
    places: Sequence[Place], mapping: Mapping[Part, str] = NO_MAPPING, product: str | None = None
) -> ReviewSet:
    """All reviews of all places, or those of one product. Raises `Permanent` or `RetryAfter` with the reason and
    what to do.
    """
    sets: list[tuple[str, ReviewSet]] = []
    for number, place in enumerate(places):
        name = place if isinstance(place, str) else place.name()
        prefix = f"{name}: " if len(places) > 1 else ""
        try:
            sets.append((name, _one(place, mapping, _telling(number, len(places)))))
        except NotReviews as refused:
            raise Permanent(f"{prefix}{refused}") from None
        except FetchError as failed:
            if failed.transient:
                raise RetryAfter(
                    _RETRY if failed.retry_after is None else failed.retry_after, f"{prefix}{failed}"
                ) from None
            raise Permanent(f"{prefix}{failed}") from None
    try:
        received = merged(sets, ReadLimits()) if len(sets) > 1 else sets[0][1]
        return received if product is None or product == ALL else of_one(received, product)
    except NotReviews as refused:
        raise Permanent(str(refused)) from None


@step("Ordering the reviews")
def order_reviews(address: str) -> str:
    """A step within the gathering, so that another attempt collects what this one has ordered and paid for."""
    meant = product.product_at(address)
    return _provider(meant).order(meant)


def _one(place: Place, mapping: Mapping[Part, str], progress: Progress) -> ReviewSet:
    if isinstance(place, Upload):
        with place.open() as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(0)
            with computing():
                return read_reviews(file, size, progress, mapping=mapping)
    if place == SAMPLE:
        return sample_reviews()
    meant = product.product_at(place)
    if meant.is_short:
        meant = product.product_at(Fetcher().resolve(meant.address))
        if meant.shop != "amazon" or meant.product_id is None:
            raise FetchError(
                "The short link does not lead to a product of Amazon's. Give the product's own address."
            )
    if provider_of(meant, review_settings()) is not None:
        return _provider(meant).collect(order_reviews(meant.address), progress, _pausing(meant))
    page = Fetcher().fetch(meant.address, progress)
    with computing():
        return read_reviews(io.BytesIO(page.body), len(page.body), mapping=mapping)


def _provider(meant: Product) -> Provider:
    found = provider_of(meant, review_settings())
    if found is None:
        raise FetchError("The key of the provider that delivers these reviews is not set any more.")
    return found


def _telling(number: int, count: int) -> Progress:
    def progress(done: int, total: int) -> None:
        of = f"File {number + 1} of {count}: " if count > 1 else ""
        tell(number + _READING * done / max(total, 1), count, f"{of}{done / 1e6:.1f} of {total / 1e6:.1f} MB")

    return progress


def _pausing(meant: Product) -> Callable[[float], None]:
    """Waits while the provider works, saying so and noticing an end of the attempt."""
    waited = 0.0

    def pause(seconds: float) -> None:
        nonlocal waited
        left = seconds
        while left > 0:
            report(message=f"{_provider(meant).name} is collecting the reviews ({waited:.0f} s)")
            threading.Event().wait(min(_TOLD_EVERY, left))
            waited += min(_TOLD_EVERY, left)
            left -= _TOLD_EVERY

    return pause


def _which_product(products: Sequence[str]) -> Question:
    options = [*((product, product) for product in products[:_MOST_OFFERED]), (ALL, "All of them together")]
    return Question("product", "Whose reviews?", options, required=True)


def _questions(unknown: UnknownColumns, mapping: Mapping[Part, str]) -> list[Question]:
    options: list[tuple[str, str]] = []
    room = _LONGEST_QUESTION
    for column in unknown.columns:
        option = column.name, f"{column.name}: {', '.join(column.samples)}" if column.samples else column.name
        room -= len(json.dumps(html.escape("".join(option))))
        if column.name and room > 0:
            options.append(option)
    starless = [*options, (ABSENT, "(there are no stars in it)")]
    return [
        Question(
            part,
            label,
            starless if part == "rating" else options,
            mapping.get(part, unknown.guesses.get(part)),
            required=part in REQUIRED,
        )
        for part, label in _LABELS.items()
    ]
