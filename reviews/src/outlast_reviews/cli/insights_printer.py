"""Prints the insights of a report in the words of the page: what helps to judge the verdict."""

from collections.abc import Iterator, Mapping
from typing import Any

from rich.console import RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from outlast_reviews import formatting
from outlast_reviews.pages.insights_view import (
    ComparisonView,
    InsightsView,
    ReviewersView,
    TrustworthyView,
    WhatIf,
    insights_view,
)
from outlast_reviews.pages.query import ReportQuery
from outlast_reviews.reading import written_on

EXAMPLES = 2
"""Most trustworthy reviews that are printed."""
_OF_CHECKS = (
    "Average stars, and how many reviews have stars; then the grade and the adjusted rating without the check."
)
Part = tuple[str, Iterator[RenderableType]]
"""A part of the report: its title, and what stands below it."""


def insights_of(report: Mapping[str, Any]) -> InsightsView | None:
    """`None` for a report of an earlier version."""
    return insights_view(report, ReportQuery())


def about_all_reviews(insights: InsightsView) -> Iterator[Part]:
    """What belongs to the reviews that were looked at."""
    if missing := insights.missing:
        yield missing.heading, map(Text, missing.sentences)


def about_the_checks(insights: InsightsView, report: Mapping[str, Any]) -> Iterator[Part]:
    """What belongs to the checks and to groups of reviews."""
    if insights.what_if:
        yield "What each check changes", _what_if(insights.what_if, report["insights"])
    if insights.comparisons:
        yield "Side by side", (part for n, one in enumerate(insights.comparisons) for part in _comparison(n, one))
    if insights.reviewers:
        yield "Who wrote these reviews", _reviewers(insights.reviewers)


def about_trust(insights: InsightsView) -> Iterator[Part]:
    """What belongs below the reviews with warning signs."""
    if insights.trustworthy:
        yield "The most trustworthy reviews", _trustworthy(insights.trustworthy)


def heading(review: Mapping[str, Any], *more: str) -> str:
    """Who wrote the review, when, and with how many stars."""
    stars = review["rating"] is not None and f"{review['rating']:g} of 5 stars"
    return " · ".join(
        part for part in (review["review_id"], review["reviewer"], written_on(review), stars, *more) if part
    )


def under(text: Text) -> Padding:
    return Padding(text, (0, 0, 0, 2), expand=False)


def _what_if(what_if: WhatIf, facts: Mapping[str, Any]) -> Iterator[RenderableType]:
    """The page has a switch for each check; here is what each would show alone."""
    without = {tuple(scenario["left_out"]): scenario for scenario in facts["scenarios"]}
    table = _table("Warning sign", "With it", "Without", "Check left out")
    for switch, check in zip(what_if.switches, facts["checks"], strict=True):
        moved = _moved(what_if.before, without[check["name"],]) if check["can_be_left_out"] else "nothing changes"
        table.add_row(Text(switch.title), _stars(switch.with_sign), _stars(switch.without_sign), moved)
    yield table
    yield Text(_OF_CHECKS, "dim")


def _moved(before: Mapping[str, Any], after: Mapping[str, Any]) -> str:
    grade = after["grade"] if after["grade"] == before["grade"] else f"{before['grade']} → {after['grade']}"
    return f"grade {grade}, {formatting.average(after['adjusted_rating'])}"


def _stars(side: Mapping[str, Any]) -> str:
    return "no stars" if side["stars"] is None else f"{side['stars']:.2f} ({side['reviews']:,})"


def _comparison(number: int, comparison: ComparisonView) -> Iterator[RenderableType]:
    """The columns of all comparisons stand below each other."""
    table = _table("Reviews", "Number", "Average", "Five stars", "Flagged", header=number == 0)
    for column, width in zip(table.columns, (24, 9, 7, 10, 9), strict=True):
        column.min_width = width
    for name, group in comparison.rows:
        fives = group["five_star_percentage"]
        table.add_row(
            Text(name),
            f"{group['reviews']:,}",
            formatting.average(group["stars"]),
            "–" if fives is None else formatting.percent(fives),
            f"{group['suspicious']:,}",
        )
    yield table
    yield under(Text(comparison.sentence, "dim"))


def _reviewers(reviewers: ReviewersView) -> Iterator[RenderableType]:
    yield Text(" ".join(reviewers.sentences))
    yield Text(reviewers.groups_sentence)
    for group in reviewers.groups:
        more = [f"{group.more:,} more"] if group.more else []
        names = ", ".join([*(row.name or "no name" for row in group.rows), *more])
        yield under(Text.assemble((group.title, "bold"), f"\n{names}"))


def _trustworthy(trustworthy: TrustworthyView) -> Iterator[RenderableType]:
    average = f" {trustworthy.average}" if trustworthy.average else ""
    reasons = "; ".join(trustworthy.reasons)
    yield Text(f"{trustworthy.meeting} {reasons}.{average} No reason proves that a review is honest.")
    for review in trustworthy.first[:EXAMPLES]:
        said = f"\n“{review['excerpt']}”" if review["excerpt"] else ""
        yield under(Text(f"{heading(review)}{said}"))
    more = len(trustworthy.first) + len(trustworthy.others) - EXAMPLES
    if more > 0:
        yield under(Text(f"… and {more:,} more (--json has them)", "dim"))


def _table(first: str, *others: str, header: bool = True) -> Table:
    table = Table(box=None, show_header=header, header_style="dim", padding=(0, 2, 0, 0), pad_edge=False)
    table.add_column(first, overflow="fold")
    for name in others:
        table.add_column(name, justify="right", no_wrap=True)
    return table
