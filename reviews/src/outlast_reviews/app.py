"""The product as an `Outlast` object: what `outlast serve` serves without --app."""

from pathlib import Path

from outlast import Outlast
from outlast_reviews.analysis import register
from outlast_reviews.pages.languages import LOCALE

outlast = Outlast(title="Outlast Reviews", assets=Path(__file__).parent / "pages" / "assets", translations=LOCALE)
register(outlast)
