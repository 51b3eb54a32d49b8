"""What every source of reviews is: recognised by its content, never by a name, and read in one go."""

from typing import Protocol

from outlast_reviews.review import ReviewSet
from outlast_reviews.sources.content import Content


class Source(Protocol):
    """One format. It is asked in a fixed order; the first that recognises the content reads it."""

    def recognises(self, content: Content) -> bool:
        """Look at `content.opening` or, for a web page, at `content.page()`; consume nothing else."""
        ...

    def read(self, content: Content) -> ReviewSet:
        """Every row becomes a review or is named in `skipped`; raises `NotReviews` when nothing can be read."""
        ...
