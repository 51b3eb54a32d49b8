"""Provider Judge.me: downloads the reviews of the operator's shop, without e-mail addresses."""

import json
import re
import tempfile
from typing import Any, BinaryIO, Final, cast
from urllib.parse import unquote

from outlast import message, plural
from outlast_reviews.progress import Progress
from outlast_reviews.review import ReviewSet
from outlast_reviews.settings import ReviewSettings
from outlast_reviews.sources.errors import FetchError
from outlast_reviews.sources.fetching.addresses import Product, parse_address
from outlast_reviews.sources.formats.read import read_reviews
from outlast_reviews.sources.limits import MIB
from outlast_reviews.sources.providers.api import Pause, ProviderApi, delivered

_PER_PAGE: Final = 100
_MOST_PAGES: Final = 1_000
_HANDLE = re.compile(r"/products/([^/?#]{1,200})")
_DROPPED = ("email", "phone")


class JudgeMe:
    """Covers the product pages of one shop, which the token belongs to."""

    name = "Judge.me"

    def __init__(self, settings: ReviewSettings) -> None:
        self._shop = settings.judgeme_shop or ""
        self._sites = {self._shop, *settings.judgeme_sites}
        token = settings.judgeme_token.get_secret_value() if settings.judgeme_token else ""
        self._credentials = {"api_token": token, "shop_domain": self._shop}
        self._api = ProviderApi(
            self.name, settings.judgeme_url, "ANALYSIS_JUDGEME_TOKEN and ANALYSIS_JUDGEME_SHOP"
        )

    def covers(self, product: Product) -> bool:
        return product.host in self._sites and _handle(product) is not None

    def order(self, product: Product) -> str:
        """The product's number with Judge.me."""
        _, answer = self._api.request_json(
            "GET", "/api/v1/products/-1", {**self._credentials, "handle": _handle(product) or ""}
        )
        found = answer.get("product")
        number = cast("dict[str, Any]", found).get("id") if isinstance(found, dict) else None
        if not isinstance(number, int):
            raise FetchError(message("Judge.me knows no product at this address. Check it."))
        return str(number)

    def collect(self, ticket: str, progress: Progress, pause: Pause) -> ReviewSet:  # noqa: ARG002 - as every provider
        with tempfile.SpooledTemporaryFile(max_size=4 * MIB) as spooled:
            file = cast("BinaryIO", spooled)
            shown = hidden = 0
            for page in range(1, _MOST_PAGES + 1):
                reviews = self._page(ticket, page)
                for review in reviews:
                    if review.get("hidden") is True:
                        hidden += 1
                        continue
                    shown += 1
                    file.write(json.dumps(_without_addresses(review)).encode() + b"\n")
                progress(page, page + (len(reviews) == _PER_PAGE))
                if len(reviews) < _PER_PAGE:
                    break
            left_out = (
                (
                    plural(
                        "{n:,} review that the shop does not show",
                        "{n:,} reviews that the shop does not show",
                        hidden,
                    ),
                )
                if hidden
                else ()
            )
            if not shown:
                return ReviewSet((), format=self.name, complete=True, left_out=left_out)
            size = file.tell()
            file.seek(0)
            with delivered(self._api):
                found = read_reviews(file, size, progress, mapping={"scale": "5"})
        return ReviewSet(
            found.reviews,
            format=self.name,
            product_title=found.product_title,
            complete=not found.skipped,
            skipped=found.skipped,
            left_out=left_out,
        )

    def _page(self, number: str, page: int) -> list[dict[str, Any]]:
        query = {**self._credentials, "product_id": number, "page": page, "per_page": _PER_PAGE}
        _, answer = self._api.request_json("GET", "/api/v1/reviews", query)
        reviews = answer.get("reviews")
        if not isinstance(reviews, list):
            raise self._api.invalid_answer()
        return [cast("dict[str, Any]", r) for r in cast("list[object]", reviews) if isinstance(r, dict)]


def _handle(product: Product) -> str | None:
    found = _HANDLE.search(parse_address(product.address).target)
    return unquote(found[1]) if found else None


def _without_addresses(review: dict[str, Any]) -> dict[str, Any]:
    reviewer = review.get("reviewer")
    if isinstance(reviewer, dict):
        kept = {k: v for k, v in cast("dict[str, Any]", reviewer).items() if k not in _DROPPED}
        review = {**review, "reviewer": kept}
    return {k: v for k, v in review.items() if k not in _DROPPED}
