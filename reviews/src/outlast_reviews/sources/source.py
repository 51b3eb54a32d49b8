"""The protocol of file formats, which are recognised by content and never by file name."""

from typing import Protocol

from outlast_reviews.review import ReviewSet
from outlast_reviews.sources.content import Content


class SourceFormat(Protocol):
    """One format. It is asked in a fixed order; the first that recognises the content reads it."""

    def recognises(self, content: Content) -> bool:
        """Look at `content.opening` or, for a web page, at `content.page()`; consume nothing else."""
        ...

    def read(self, content: Content) -> ReviewSet:
        """Every row becomes a review or is named in `skipped`; raises `NotReviews` when nothing can be read."""
        ...
