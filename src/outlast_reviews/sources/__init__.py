"""Where reviews come from: files and saved pages, recognised by their content; and pages fetched safely."""

from outlast_reviews.sources.limits import Limits, NotReviews, Progress
from outlast_reviews.sources.read import read_reviews

__all__ = ["Limits", "NotReviews", "Progress", "read_reviews"]
