"""The way in: any file of reviews to a set of reviews, or a sentence that says why not."""

from typing import BinaryIO

from outlast_reviews.review import ReviewSet
from outlast_reviews.sources.amazon_page import AmazonPage
from outlast_reviews.sources.content import Content
from outlast_reviews.sources.delimited import Delimited
from outlast_reviews.sources.json_document import JsonDocument
from outlast_reviews.sources.json_ld import JsonLd
from outlast_reviews.sources.json_lines import JsonLines
from outlast_reviews.sources.limits import WHAT_TO_GIVE, Limits, NotReviews, Progress, ignore_progress
from outlast_reviews.sources.lookalikes import about_page, refuse_markup
from outlast_reviews.sources.source import Source

_LIMITS = Limits()


def read_reviews(
    file: BinaryIO, size: int, progress: Progress = ignore_progress, *, limits: Limits = _LIMITS
) -> ReviewSet:
    """The reviews in a file of `size` bytes, read once from where it stands, recognised by its content alone.

    Raises `NotReviews`, whose message is for the person who gave the file. A set without any review means that the
    source was read and holds none.
    """
    content = Content(file, size, limits, progress)
    sources: tuple[Source, ...] = (AmazonPage(), JsonLd(), JsonLines(), JsonDocument(), Delimited())
    if not content.is_page:
        refuse_markup(content.opening)
    for source in sources:
        if source.recognises(content):
            return source.read(content)
    if content.is_page:
        raise about_page(content.page())
    raise NotReviews(f"This is text, but not a table or list of reviews. {WHAT_TO_GIVE}")
