"""The terminal says what the page says beside the verdict, in the same words and in 80 columns."""

import datetime as dt
import json
from collections.abc import Callable
from dataclasses import replace

import pytest
from review_data import copies, invented, review_set

from outlast_reviews.checks.facts import ReviewFacts, Sighting, reviewer_mark
from outlast_reviews.cli.report_printer import print_report
from outlast_reviews.pages.insights_view import insights_view
from outlast_reviews.pages.query import ReportQuery
from outlast_reviews.report import Report, review_report
from outlast_reviews.review import Review

NOW = dt.datetime(2025, 3, 4, 5, 6, tzinfo=dt.UTC)
TITLES = ("could change", "What each check changes", "Side by side", "Who wrote", "The most trustworthy reviews")

Print = Callable[[object], str]


@pytest.fixture
def printed(monkeypatch, capsys) -> Print:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("NO_COLOR", "1")

    def printed(report: object) -> str:
        print_report({"report": json.loads(json.dumps(report))}, "reviews.csv")
        return capsys.readouterr().out

    return printed


@pytest.fixture(scope="module")
def report() -> Report:
    """Copies, rewarded reviews, a group that met elsewhere, and a shop that counts more."""
    honest = [replace(review, reviewer=f"Anna Number{review.row}x") for review in invented(160)]
    paid = [
        replace(r, row=r.row + 2_000, text=f"{r.text} In exchange for my review.") for r in invented(9, seed=3)
    ]
    seen = [
        Sighting(reviewer_mark(honest[n]) or "", product, dt.date(2024, 5, 1 + n), 5.0)
        for n in range(6)
        for product in ("a", "b", "c")
    ]
    received = replace(
        review_set([*honest, *copies(40, first_row=1_000), *paid]), stated_total=900, product_rating=4.0
    )
    facts = ReviewFacts(product="own", seen=seen, others=9)
    return review_report(received, source="s", analysed_at=NOW, facts=facts)


def one_line(text: str) -> str:
    return " ".join(text.split())


@pytest.mark.slow
def test_every_sentence_of_the_page_is_printed_in_80_columns(printed, report):
    told = printed(report)
    assert all(len(line) <= 80 for line in told.splitlines())
    view = insights_view(report, ReportQuery())
    assert view
    assert view.missing
    assert view.trustworthy
    assert view.reviewers
    sentences = [
        *view.missing.sentences,
        *(comparison.sentence for comparison in view.comparisons),
        *view.reviewers.sentences,
        view.reviewers.groups_sentence,
        *(group.title for group in view.reviewers.groups),
        f"{view.trustworthy.meeting} {'; '.join(view.trustworthy.reasons)}. {view.trustworthy.average}",
    ]
    assert len(sentences) > 8
    for sentence in sentences:
        assert sentence in one_line(told)
    for title in TITLES:
        assert title in told


def test_each_check_has_its_stars_and_what_leaving_it_out_moves(printed, report):
    lines = [one_line(line) for line in printed(report).splitlines()]
    insights = report["insights"]
    titles = {check["name"]: check["title"] for check in report["checks"]}
    moved = {
        scenario["left_out"][0]: scenario for scenario in insights["scenarios"] if len(scenario["left_out"]) == 1
    }
    assert moved
    for check in insights["checks"]:
        (line,) = [line for line in lines if line.startswith(f"{titles[check['name']]} ") and "(" in line]
        for side in (check["with_sign"], check["without_sign"]):
            assert f"{side['stars']:.2f} ({side['reviews']:,})" in line
        if check["can_be_left_out"]:
            after = moved[check["name"]]
            assert line.endswith(f"{after['grade']}, {after['adjusted_rating']:.2f}")
        else:
            assert line.endswith("nothing changes")


def test_what_a_report_does_not_have_is_not_printed(printed):
    bare = [Review(row=n, rating=4.0, text=f"Number {n}") for n in range(30)]
    few = printed(review_report(review_set(bare), source="s", analysed_at=NOW))
    assert not [title for title in TITLES if title in few]


@pytest.mark.slow
def test_a_report_of_an_earlier_version_is_printed_without_insights(printed, report):
    told = printed({name: part for name, part in report.items() if name != "insights"})
    assert not [title for title in TITLES if title in told]
    assert "What we checked" in told


@pytest.mark.slow
def test_stars_that_are_missing_are_a_dash_and_no_error(printed):
    starless = [replace(review, rating=None, verified=review.row % 3 > 0) for review in invented(120)]
    told = printed(review_report(review_set(starless), source="s", analysed_at=NOW))
    assert "One side has no stars to compare." in told
    assert "nan" not in told
