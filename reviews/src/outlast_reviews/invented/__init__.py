"""Generated reviews from seeded random numbers: campaigns for measurements, and a sample."""

from outlast_reviews.invented.campaign import Campaign, plant
from outlast_reviews.invented.sample import SAMPLE, sample_csv, sample_reviews

__all__ = ["SAMPLE", "Campaign", "plant", "sample_csv", "sample_reviews"]
