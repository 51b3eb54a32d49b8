"""What the report says of the real files."""

import csv
import dataclasses
import datetime as dt

import pytest
from review_data import DATA, needs_data, read

from outlast_reviews.report import Report, review_report
from outlast_reviews.review import ReviewSet

pytestmark = [pytest.mark.data, needs_data]

PLANTED = "constructed_pillow_planted40.csv"


def report_of(received: ReviewSet) -> Report:
    return review_report(received, source="upload:abc", analysed_at=dt.datetime(2025, 1, 1, tzinfo=dt.UTC))


def strong_rows(report: Report) -> set[int]:
    return {f["row"] for f in report["flagged"] for reason in f["reasons"] if reason["strength"] == "strong"}


def bursts(report: Report):
    return [window for check in report["checks"] for window in check.get("windows", ())]


@pytest.mark.slow
def test_all_planted_copies_are_strong_and_no_real_review_is():
    received, planted = read(PLANTED)
    assert len(planted) == 40
    report = report_of(received)
    assert strong_rows(report) == planted
    assert report["strong_count"] == 40
    assert report["grade"] != "U"
    assert report["original_rating"] == pytest.approx(4.33)
    assert report["adjusted_rating"] == pytest.approx(4.23, abs=0.02)


@pytest.mark.slow
def test_the_planted_campaign_is_a_burst():
    windows = bursts(report_of(read(PLANTED)[0]))
    assert any(w["from"] <= "2018-04-13" and w["to"] >= "2018-04-10" for w in windows)


@pytest.mark.slow
def test_every_quote_of_the_planted_copies_can_be_highlighted():
    for flagged in report_of(read(PLANTED)[0])["flagged"]:
        quotes = [reason["quote"] for reason in flagged["reasons"] if reason["check"] == "near_copies"]
        assert all(quote and quote in flagged["excerpt"] for quote in quotes)
        assert len(flagged["excerpt"]) <= 300


@pytest.mark.slow
def test_the_answer_comes_neither_from_ids_nor_from_the_order_of_rows():
    received, planted = read(PLANTED)
    changed = [dataclasses.replace(r, review_id=None) for r in reversed(received.reviews)]
    report = report_of(dataclasses.replace(received, reviews=changed))
    first = report_of(received)
    assert strong_rows(report) == planted
    assert all(
        report[key] == first[key] for key in ("grade", "fake_percentage_high", "adjusted_rating_low", "checks")
    )


@pytest.mark.slow
def test_without_names_the_planted_copies_are_still_found():
    received, planted = read(PLANTED)
    nameless = [dataclasses.replace(r, reviewer=None) for r in received.reviews]
    assert strong_rows(report_of(dataclasses.replace(received, reviews=nameless))) == planted


def test_the_column_that_names_the_planted_rows_reaches_no_review():
    with (DATA / PLANTED).open(newline="", encoding="utf-8") as file:
        assert "planted" in next(csv.reader(file))
    assert not any("planted" in str(dataclasses.asdict(r)) for r in read(PLANTED)[0].reviews)


@pytest.mark.slow
def test_the_pillow_has_no_strong_sign_and_no_burst():
    report = report_of(read("pillow_2018h1.csv")[0])
    assert not strong_rows(report)
    assert bursts(report) == []
    assert report["original_rating"] == pytest.approx(4.2247, abs=1e-4)
    assert report["grade"] in {"A", "B"}


@pytest.mark.slow
def test_ingestion_duplicates_are_merged_and_not_flagged():
    report = report_of(read("fire7_bestbuy_ingestion_dups.csv")[0])
    assert (report["total_reviews"], report["unique_reviews"]) == (467, 418)
    assert report["coverage"]["merged_duplicates"] == 49
    assert not strong_rows(report)
    assert report["grade"] in {"A", "B"}


@pytest.mark.slow
def test_a_launch_and_a_christmas_peak_do_not_condemn():
    report = report_of(read("echo_plus_bestbuy.csv")[0])
    assert report["grade"] in {"A", "B"}
    assert bursts(report) == []
    assert not report["rating_changed"]
