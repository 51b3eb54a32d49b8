"""Reads all files and addresses of a session into one set of reviews, and validates them at start."""

import asyncio
import hashlib
import html
import io
import json
import os
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Literal

from outlast import InvalidInput, Permanent, Question, RetryAfter, Step, Upload, report, step
from outlast_reviews.cpu_shares import computing, report_progress
from outlast_reviews.invented import SAMPLE, sample_reviews
from outlast_reviews.progress import Progress
from outlast_reviews.review import Input, ReviewSet
from outlast_reviews.settings import ReviewSettings
from outlast_reviews.sources.errors import FetchError, NotReviews
from outlast_reviews.sources.fetching.addresses import Product, product_at, refuse
from outlast_reviews.sources.formats.columns import ABSENT, NO_MAPPING, REQUIRED, Part, UnknownColumns
from outlast_reviews.sources.formats.read import HEAD, preview, read_reviews
from outlast_reviews.sources.formats.scales import Scale, UnknownScale
from outlast_reviews.sources.limits import ReadLimits
from outlast_reviews.sources.providers import provider_of
from outlast_reviews.sources.review_sets import merged, named, reviews_of_product

if TYPE_CHECKING:
    from outlast_reviews.sources.fetching.fetch import Fetcher
    from outlast_reviews.sources.providers.api import Provider

Location = Upload | str
Only = Literal["product"]
ALL = "*"
"""The answer that selects all products of a source together."""

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
_SCALES = [
    (Scale.STARS.value, "1 to 5 stars; what is above is damaged"),
    (Scale.TEN.value, "1 to 10 points"),
    (Scale.HUNDRED.value, "0 to 100 points"),
]
_MOST_OFFERED = 200
"""Products offered on a page; API clients may name any."""
_LONGEST_QUESTION = 120_000
"""Characters of all column options as escaped JSON; a refusal has eight such questions."""
_PREVIEWS = ThreadPoolExecutor(2, "preview")
"""A dedicated pool, so that slow previews do not delay page requests."""
_REPORT_EVERY = 0.25
_RETRY = 5.0
_READ_SHARE = 0.9
"""Share of a file's progress that is reading it."""


def locations_of(source: Location | Sequence[Location]) -> Sequence[Location]:
    return [source] if isinstance(source, Upload | str) else source


async def refuse_file(
    upload: Upload, mapping: Mapping[Part, str], only: Mapping[Only, str] | None, pointer: str, name: str = ""
) -> None:
    """Raise `InvalidInput` for what the first bytes show; unknown columns or several products become questions."""
    head = await upload.head(HEAD + 1)
    try:
        running = asyncio.get_running_loop()
        products = await running.run_in_executor(_PREVIEWS, preview, head[:HEAD], len(head), mapping)
    except UnknownColumns as unknown:
        raise InvalidInput(f"{name}{unknown}", "/mapping", questions=_questions(unknown, mapping)) from None
    except UnknownScale as unknown:
        asked = Question("scale", "What are the ratings?", _SCALES, unknown.likely.value, required=True)
        raise InvalidInput(f"{name}{unknown}", "/mapping", questions=[asked]) from None
    except NotReviews as refused:
        raise InvalidInput(f"{name}{refused}", pointer) from None
    if products and only is None:
        raise InvalidInput(
            f"{name}These are reviews of several products: {named(products)}. A grade is for one product: say "
            "which, or take all together.",
            "/only",
            questions=[_which_product(products)],
        )


class Gathering:
    """Gathers reviews with the settings of one application."""

    def __init__(self, settings: ReviewSettings) -> None:
        self._settings = settings

        @step("Ordering the reviews")
        def order_reviews(address: str) -> str:
            target = product_at(address)
            return self._provider(target).order(target)

        self._order_reviews: Step[[str], str] = order_reviews
        """A nested step, so that a retry collects what the first attempt ordered and paid for."""

    def product_at_start(self, address: str, pointer: str) -> Product:
        """Return the product at the address. Raises `InvalidInput` when nothing can read it."""
        refusal = refuse(address, provided=lambda target: provider_of(target, self._settings) is not None)
        if refusal is not None:
            raise InvalidInput(refusal, pointer)
        return product_at(address)

    def all_of(
        self, locations: Sequence[Location], mapping: Mapping[Part, str] = NO_MAPPING, product: str | None = None
    ) -> ReviewSet:
        """All reviews of all places, or those of one product.

        Raises `Permanent` or `RetryAfter` with the reason and what to do.
        """
        sets: list[tuple[str, ReviewSet]] = []
        for number, location in enumerate(locations):
            name = location if isinstance(location, str) else location.name()
            prefix = f"{name}: " if len(locations) > 1 else ""
            try:
                sets.append((name, self._one(location, mapping, _file_progress(number, len(locations)))))
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
            return received if product is None or product == ALL else reviews_of_product(received, product)
        except NotReviews as refused:
            raise Permanent(str(refused)) from None

    def _one(self, location: Location, mapping: Mapping[Part, str], progress: Progress) -> ReviewSet:
        if isinstance(location, Upload):
            with location.open() as file:
                size = file.seek(0, os.SEEK_END)
                file.seek(0)
                with computing():
                    received = read_reviews(file, size, progress, mapping=mapping)
                return replace(received, inputs=(Input(location.name(), "file", location.sha256, size),))
        if location == SAMPLE:
            return _with_hash_of_reviews(sample_reviews(), SAMPLE)
        target = product_at(location)
        if target.is_short:
            target = product_at(_fetcher().follow_short_link(target.address))
            if target.shop != "amazon" or target.product_id is None:
                raise FetchError(
                    "The short link does not lead to a product of Amazon's. Give the product's own address."
                )
        if provider_of(target, self._settings) is not None:
            provider = self._provider(target)
            pause = _reporting_pause(provider.name)
            received = provider.collect(self._order_reviews(target.address), progress, pause)
            return _with_hash_of_reviews(received, target.address)
        page = _fetcher().fetch(target.address, progress)
        with computing():
            received = read_reviews(io.BytesIO(page.body), len(page.body), mapping=mapping)
            digest = hashlib.sha256(page.body).hexdigest()
        return replace(received, inputs=(Input(target.address, "page", digest, len(page.body)),))

    def _provider(self, target: Product) -> "Provider":
        found = provider_of(target, self._settings)
        if found is None:
            raise FetchError("The key of the provider that delivers these reviews is not set any more.")
        return found


def _with_hash_of_reviews(received: ReviewSet, name: str) -> ReviewSet:
    """Where there is no file: hash the reviews themselves, one JSON object a line."""
    with computing():
        lines = "".join(f"{json.dumps(asdict(r), default=str, sort_keys=True)}\n" for r in received.reviews)
        raw = lines.encode()
        return replace(received, inputs=(Input(name, "reviews", hashlib.sha256(raw).hexdigest(), len(raw)),))


def _fetcher() -> "Fetcher":
    from outlast_reviews.sources.fetching.fetch import Fetcher  # noqa: PLC0415 - httpx only where a page is read

    return Fetcher()


def _file_progress(number: int, count: int) -> Progress:
    def progress(done: int, total: int) -> None:
        of = f"File {number + 1} of {count}: " if count > 1 else ""
        message = f"{of}{done / 1e6:.1f} of {total / 1e6:.1f} MB"
        report_progress(number + _READ_SHARE * done / max(total, 1), count, message)

    return progress


def _reporting_pause(provider: str) -> Callable[[float], None]:
    """Build a wait that reports progress, and so notices when the attempt is cancelled."""
    waited = 0.0

    def pause(seconds: float) -> None:
        nonlocal waited
        left = seconds
        while left > 0:
            report(message=f"{provider} is collecting the reviews ({waited:.0f} s)")
            threading.Event().wait(min(_REPORT_EVERY, left))
            waited += min(_REPORT_EVERY, left)
            left -= _REPORT_EVERY

    return pause


def _which_product(products: Sequence[str]) -> Question:
    options = [*((product, product) for product in products[:_MOST_OFFERED]), (ALL, "All of them together")]
    return Question("product", "Product", options, required=True)


def _questions(unknown: UnknownColumns, mapping: Mapping[Part, str]) -> list[Question]:
    options: list[tuple[str, str]] = []
    remaining = _LONGEST_QUESTION
    for column in unknown.columns:
        option = column.name, f"{column.name}: {', '.join(column.samples)}" if column.samples else column.name
        remaining -= len(json.dumps(html.escape("".join(option))))
        if column.name and remaining > 0:
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
