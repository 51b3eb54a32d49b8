"""Provider Bright Data: orders a snapshot of Amazon reviews, polls it and downloads it."""

import re
from dataclasses import replace

from outlast import message
from outlast_reviews.progress import Progress
from outlast_reviews.review import ReviewSet
from outlast_reviews.settings import ReviewSettings
from outlast_reviews.sources.errors import FetchError
from outlast_reviews.sources.fetching.addresses import Product
from outlast_reviews.sources.formats.columns import UnknownColumns
from outlast_reviews.sources.formats.read import read_reviews
from outlast_reviews.sources.providers.api import Pause, ProviderApi, delivered

_SNAPSHOT = re.compile(r"[A-Za-z0-9_-]{3,80}")
_READY = frozenset({"ready", "done"})
_FAILED = frozenset({"failed", "error", "cancelled", "canceled"})
_FIRST_PAUSE, _LONGEST_PAUSE, _GROWTH = 1.0, 15.0, 1.5


class BrightData:
    """Asynchronous: an order creates a snapshot, which is polled until it is ready."""

    name = "Bright Data"

    def __init__(self, settings: ReviewSettings) -> None:
        key = settings.brightdata_key.get_secret_value() if settings.brightdata_key else ""
        self._dataset = settings.brightdata_dataset
        self._wait = settings.brightdata_wait
        self._api = ProviderApi(
            self.name,
            settings.brightdata_url,
            "ANALYSIS_BRIGHTDATA_API_KEY",
            {"Authorization": f"Bearer {key}"},
        )

    def covers(self, product: Product) -> bool:
        return product.shop == "amazon" and (product.product_id is not None or product.is_short)

    def order(self, product: Product) -> str:
        query = {"dataset_id": self._dataset, "include_errors": "true"}
        _, answer = self._api.request_json("POST", "/datasets/v3/trigger", query, [{"url": _address(product)}])
        ticket = answer.get("snapshot_id")
        if not isinstance(ticket, str) or not _SNAPSHOT.fullmatch(ticket):
            raise self._api.invalid_answer()
        return ticket

    def collect(self, ticket: str, progress: Progress, pause: Pause) -> ReviewSet:
        waited, next_pause = 0.0, _FIRST_PAUSE
        while (found := self._snapshot(ticket, progress) if self._is_ready(ticket) else None) is None:
            if waited >= self._wait:
                raise FetchError(
                    message(
                        "{provider} is still collecting the reviews. Try again in a few minutes: nothing is"
                        " ordered twice.",
                        provider=self.name,
                    ),
                    transient=True,
                    retry_after=30.0,
                )
            next_pause = min(next_pause, max(self._wait - waited, 0.1))
            pause(next_pause)
            waited += next_pause
            next_pause = min(next_pause * _GROWTH, _LONGEST_PAUSE)
        return replace(found, format=f"{self.name}: {found.format}")

    def _is_ready(self, ticket: str) -> bool:
        _, answer = self._api.request_json("GET", f"/datasets/v3/progress/{ticket}", {})
        status = str(answer.get("status", "")).lower()
        if status in _FAILED:
            raise FetchError(
                message(
                    "{provider} could not collect the reviews of this product. Check the address, start the"
                    " analysis again later, or export the reviews and upload that file.",
                    provider=self.name,
                )
            )
        return status in _READY

    def _snapshot(self, ticket: str, progress: Progress) -> ReviewSet | None:
        """Return `None` while the snapshot is not ready."""
        path = f"/datasets/v3/snapshot/{ticket}"
        with self._api.open("GET", path, {"format": "json"}, progress=progress) as body:
            if body.status == 202:
                return None
            with delivered(self._api):
                try:
                    return read_reviews(body.file, body.size, progress, mapping={"scale": "5"})
                except UnknownColumns as refused:
                    raise _no_product(refused) from None


def _no_product(refused: UnknownColumns) -> FetchError:
    """Every record is an error: what was ordered could not be collected."""
    samples = {column.name: column.samples for column in refused.columns}
    codes = (samples[name][0] for name in ("error_code", "error") if samples.get(name))
    return FetchError(
        message(
            "Bright Data could not read the reviews of this product ({code}). Check the address, or export the"
            " reviews and upload that file.",
            code=next(codes, message("no reviews in it")),
        )
    )


def _address(product: Product) -> str:
    """The canonical address, without anything else of the visitor's address, for privacy."""
    host = product.host.removeprefix("www.")
    return f"https://www.{host}/dp/{product.product_id}/"
