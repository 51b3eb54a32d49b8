"""Reads all files and addresses of a session into one set of reviews, and validates them at start."""

import asyncio
import hashlib
import io
import json
import os
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace
from typing import TYPE_CHECKING

from outlast import InvalidInput, Permanent, RetryAfter, Step, Upload, message, report, step
from outlast_reviews.cpu_shares import computing, report_progress
from outlast_reviews.invented import SAMPLE, sample_reviews
from outlast_reviews.progress import Progress
from outlast_reviews.review import Input, ReviewSet
from outlast_reviews.settings import ReviewSettings
from outlast_reviews.sources.errors import FetchError, NotReviews, of_file
from outlast_reviews.sources.fetching.addresses import BadAddress, Product, product_at, refuse
from outlast_reviews.sources.formats.columns import NO_MAPPING, Part
from outlast_reviews.sources.formats.read import HEAD, preview, read_reviews
from outlast_reviews.sources.limits import ReadLimits
from outlast_reviews.sources.providers import provider_of
from outlast_reviews.sources.questions import Only, doubts, question_about
from outlast_reviews.sources.review_sets import merged

if TYPE_CHECKING:
    from outlast_reviews.sources.fetching.fetch import Fetcher
    from outlast_reviews.sources.providers.api import Provider

Location = Upload | str
_PREVIEWS = ThreadPoolExecutor(2, "preview")
"""A dedicated pool, so that slow previews do not delay page requests."""
_REPORT_EVERY = 0.25
_RETRY = 5.0
_READ_SHARE = 0.9
"""Share of a file's progress that is reading it."""


def locations_of(source: Location | Sequence[Location]) -> Sequence[Location]:
    return [source] if isinstance(source, Upload | str) else source


async def refuse_file(
    upload: Upload, mapping: Mapping[Part, str], only: Mapping[Only, str] | None, pointer: str, file: str = ""
) -> None:
    """Raise `InvalidInput` for what the first bytes show; unknown columns or several products become questions."""
    head = await upload.head(HEAD + 1)
    try:
        running = asyncio.get_running_loop()
        seen = await running.run_in_executor(_PREVIEWS, preview, head[:HEAD], len(head), mapping)
    except NotReviews as refused:
        raise question_about(refused, mapping, file) or InvalidInput(
            of_file(file, str(refused)), pointer
        ) from None
    if len(head) <= HEAD and (asked := doubts(seen, mapping, only, file)):
        raise asked  # of a larger file the worker asks, which knows all dates and products


class Gathering:
    """Gathers reviews with the settings of one application."""

    def __init__(self, settings: ReviewSettings, ways_on: Callable[[Product], str] = lambda _: "") -> None:
        """`ways_on` says what to do instead of giving the address of a product that no program can read: HTML."""
        self._settings = settings
        self._ways_on = ways_on

        @step(message("Ordering the reviews"))
        def order_reviews(address: str) -> str:
            target = product_at(address)
            return self._provider(target).order(target)

        self._order_reviews: Step[[str], str] = order_reviews
        """A nested step, so that a retry collects what the first attempt ordered and paid for."""

    def product_at_start(self, address: str, pointer: str) -> Product:
        """Return the product at the address. Raises `InvalidInput` when nothing can read it."""
        refusal = refuse(address, provided=lambda target: provider_of(target, self._settings) is not None)
        if refusal is None:
            return product_at(address)
        try:
            product = product_at(address)
        except BadAddress:
            raise InvalidInput(refusal, pointer) from None
        raise InvalidInput(refusal, pointer, help=self._ways_on(product) if product.shop == "amazon" else "")

    def all_of(self, locations: Sequence[Location], mapping: Mapping[Part, str] = NO_MAPPING) -> ReviewSet:
        """All reviews of all places.

        Raises `Permanent` or `RetryAfter` with the reason and what to do, and `InvalidInput` with the questions
        whose answers make a file readable.
        """
        sets: list[tuple[str, ReviewSet]] = []
        for number, location in enumerate(locations):
            name = location if isinstance(location, str) else location.name()
            file = name if len(locations) > 1 else ""
            try:
                sets.append((name, self._one(location, mapping, _file_progress(number, len(locations)))))
            except NotReviews as refused:
                raise question_about(refused, mapping, file) or Permanent(of_file(file, str(refused))) from None
            except FetchError as failed:
                sentence = of_file(file, str(failed))
                if failed.transient:
                    raise RetryAfter(
                        _RETRY if failed.retry_after is None else failed.retry_after, sentence
                    ) from None
                raise Permanent(sentence) from None
        try:
            return merged(sets, ReadLimits()) if len(sets) > 1 else sets[0][1]
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
                    message(
                        "The short link does not lead to a product of Amazon's. Give the product's own address."
                    )
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
            raise FetchError(message("The key of the provider that delivers these reviews is not set any more."))
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
        read = {"done": done / 1e6, "total": total / 1e6}
        told = (
            message(
                "File {number} of {files}: {done:.1f} of {total:.1f} MB", number=number + 1, files=count, **read
            )
            if count > 1
            else message("{done:.1f} of {total:.1f} MB", **read)
        )
        report_progress(number + _READ_SHARE * done / max(total, 1), count, told)

    return progress


def _reporting_pause(provider: str) -> Callable[[float], None]:
    """Build a wait that reports progress, and so notices when the attempt is cancelled."""
    waited = 0.0

    def pause(seconds: float) -> None:
        nonlocal waited
        left = seconds
        while left > 0:
            report(
                message=message(
                    "{provider} is collecting the reviews ({seconds:.0f} s)", provider=provider, seconds=waited
                )
            )
            threading.Event().wait(min(_REPORT_EVERY, left))
            waited += min(_REPORT_EVERY, left)
            left -= _REPORT_EVERY

    return pause
