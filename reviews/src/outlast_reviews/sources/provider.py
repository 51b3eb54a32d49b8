"""The provider protocol, and the choice of the provider for a product."""

from collections.abc import Callable, Sequence
from typing import Protocol

from outlast_reviews.product import Product
from outlast_reviews.review import ReviewSet
from outlast_reviews.settings import ReviewSettings
from outlast_reviews.sources.limits import Progress

Pause = Callable[[float], None]
"""Waits that many seconds; may raise to end the waiting."""


class Provider(Protocol):
    """A service that sells or keeps reviews. Every method blocks and raises `FetchError`."""

    name: str

    def covers(self, product: Product) -> bool:
        """Whether it is worth asking, as far as the address tells."""
        ...

    def order(self, product: Product) -> str:
        """Order the reviews, which may cost money, and return a non-empty ticket to collect them with."""
        ...

    def collect(self, ticket: str, progress: Progress, pause: Pause) -> ReviewSet:
        """Wait for the ordered reviews. Another attempt may reuse the ticket."""
        ...


def providers(settings: ReviewSettings) -> Sequence[Provider]:
    """The providers whose key is set."""
    from outlast_reviews.sources.brightdata import BrightData  # noqa: PLC0415 - only where there is a key
    from outlast_reviews.sources.judgeme import JudgeMe  # noqa: PLC0415 - only where there is a key

    found: list[Provider] = []
    if settings.brightdata_key is not None:
        found.append(BrightData(settings))
    if settings.judgeme_token is not None:
        found.append(JudgeMe(settings))
    return found


def provider_of(product: Product, settings: ReviewSettings) -> Provider | None:
    return next((provider for provider in providers(settings) if provider.covers(product)), None)
