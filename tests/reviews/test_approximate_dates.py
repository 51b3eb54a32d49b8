"""Dates known to the month are shown as months, on the page and in the terminal."""

import datetime as dt
import json
import re
from dataclasses import replace

import pytest
from review_data import review_set

from outlast_reviews import formatting
from outlast_reviews.checks.facts import ReviewFacts, Sighting, reviewer_mark
from outlast_reviews.checks.reviewer_overlap import reviewer_overlap
from outlast_reviews.cli.report_printer import print_report
from outlast_reviews.evidence.files import evidence_page
from outlast_reviews.evidence.keys import InstallationKey
from outlast_reviews.insights.reviewer_histories import events_by_reviewer
from outlast_reviews.pages import render_report
from outlast_reviews.report import review_report
from outlast_reviews.review import Review
from outlast_reviews.wording import what_was_read

NOW = dt.datetime(2025, 3, 4, 5, 6, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("days", "said"),
    [
        ([dt.date(2024, 1, 15)], "dated about Jan 2024."),
        ([dt.date(2024, 1, 15), dt.date(2024, 3, 15)], "dated about Jan 2024 to Mar 2024."),
        ([dt.date(2022, 6, 15), dt.date(2026, 11, 30)], "dated about Jun 2022 to Nov 2026."),
    ],
)
def test_a_date_known_to_the_month_is_nowhere_shown_as_a_day(days, said, capsys):
    reviews = [
        Review(n, rating=5.0, date=day, approximate=True, text=f"Number {n} of the words here", reviewer=f"P{n}")
        for n, day in enumerate(days)
    ]
    report = review_report(review_set(reviews), source="s", analysed_at=NOW)
    assert said in what_was_read(report)
    page = re.sub(r'datetime="[^"]*"', "", render_report({"report": report}))
    print_report({"report": report}, "reviews.csv")
    printed = capsys.readouterr().out
    for day in days:
        assert formatting.day(day) not in printed
        assert day.strftime("about %b %Y") in page
        assert formatting.day(day) not in page


@pytest.mark.parametrize(
    ("vague", "said"),
    [
        ((False, True, False), "dated from 10 January to 18 September 2024."),
        ((True, False, False), "dated from about Jan 2024 to 18 September 2024."),
        ((False, False, True), "dated from 10 January 2024 to about Sep 2024."),
        ((True, False, True), "dated about Jan 2024 to Sep 2024."),
    ],
)
def test_each_end_of_the_dates_is_shown_as_it_is_known_in_the_evidence_too(vague, said):
    days = (dt.date(2024, 1, 10), dt.date(2024, 3, 15), dt.date(2024, 9, 18))
    reviews = [
        Review(n, rating=5.0, date=day, approximate=about, text=f"Number {n} of the words here", reviewer=f"P{n}")
        for n, (day, about) in enumerate(zip(days, vague, strict=True))
    ]
    report = review_report(review_set(reviews), source="s", analysed_at=NOW)
    assert said in what_was_read(report)
    page = evidence_page({"report": report}, InstallationKey(bytes(32)))
    shown = said.removeprefix("dated ").removesuffix(".")
    assert f"<dt>Dates of reviews</dt><dd>{shown}</dd>" in page


def test_who_met_elsewhere_within_days_is_not_told_from_months():
    day = dt.date(2024, 5, 15)
    reviews = [
        Review(n, rating=5.0, date=day, approximate=True, text="Some words", reviewer=f"Person Number{n} Smith")
        for n in range(6)
    ]
    marks = [reviewer_mark(one, b"s") for one in reviews]
    assert all(marks)
    facts = ReviewFacts(
        secret=b"s",
        product="here",
        seen=[Sighting(mark, other, day) for mark in marks for other in ("one", "two")],
    )
    exact = [replace(one, approximate=False) for one in reviews]
    assert reviewer_overlap(exact, lambda _: None, facts=facts).outcome == "found"
    assert reviewer_overlap(reviews, lambda _: None, facts=facts).outcome == "not_assessed"
    events = events_by_reviewer(reviews, facts, lambda _: None)
    assert all(event.date is None for some in events.values() for event in some if not event.product)


def test_a_report_of_an_earlier_version_shows_its_dates_as_days():
    report = review_report(
        review_set([Review(0, date=dt.date(2024, 1, 15), text="Some words")]), source="s", analysed_at=NOW
    )
    earlier = json.loads(json.dumps(report))
    del earlier["coverage"]["with_approximate_date"]
    for review in earlier["without_signs"]:
        del review["approximate"]
    assert "dated 15 January 2024." in what_was_read(earlier)
    assert "15 January 2024" in render_report({"report": earlier})
