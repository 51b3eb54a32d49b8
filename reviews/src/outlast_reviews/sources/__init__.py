"""Sources of reviews: file formats detected by content, fetched pages, and provider APIs."""

from outlast_reviews.sources.limits import NotReviews, Progress, ReadLimits
from outlast_reviews.sources.read import read_reviews

__all__ = ["NotReviews", "Progress", "ReadLimits", "read_reviews"]
