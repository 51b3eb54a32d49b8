"""The report as a page."""

from outlast_reviews.pages.page import ReportPage, render_report

__all__ = ["ReportPage", "render_report"]
