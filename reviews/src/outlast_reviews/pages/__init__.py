"""The report as a page."""

from outlast_reviews.pages.page import render_report

__all__ = ["render_report"]
