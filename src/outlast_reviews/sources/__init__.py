"""Where reviews come from: files and saved pages, recognised by their content; and pages fetched safely."""

from outlast_reviews.sources.limits import NotReviews, Progress, ReadLimits
from outlast_reviews.sources.read import read_reviews

__all__ = ["NotReviews", "Progress", "ReadLimits", "read_reviews"]
