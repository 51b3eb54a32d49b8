"""Reviews that nobody wrote, made by a seeded generator: campaigns to measure with, a sample to look at."""

from outlast_reviews.invented.campaign import Campaign, plant
from outlast_reviews.invented.sample import SAMPLE, sample_csv, sample_reviews

__all__ = ["SAMPLE", "Campaign", "plant", "sample_csv", "sample_reviews"]
