"""Services that deliver the reviews of a product for a key, and the choice of the one for a product."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from outlast_reviews.settings import ReviewSettings
from outlast_reviews.sources.fetching.addresses import Product

if TYPE_CHECKING:
    from outlast_reviews.sources.providers.api import Provider


def providers(settings: ReviewSettings) -> "Sequence[Provider]":
    """The providers whose key is set."""
    from outlast_reviews.sources.providers.brightdata import BrightData  # noqa: PLC0415 - only where there is a key
    from outlast_reviews.sources.providers.judgeme import JudgeMe  # noqa: PLC0415 - only where there is a key

    found: list[Provider] = []
    if settings.brightdata_key is not None:
        found.append(BrightData(settings))
    if settings.judgeme_token is not None:
        found.append(JudgeMe(settings))
    return found


def provider_of(product: Product, settings: ReviewSettings) -> "Provider | None":
    return next((provider for provider in providers(settings) if provider.covers(product)), None)
