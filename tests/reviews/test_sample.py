"""The sample that ships: always the same, clearly invented, and a full report in one command or click."""

import datetime as dt
import io
import json
from collections import Counter
from functools import cache

import pytest
from click.testing import CliRunner

from outlast.cli.main import outlast
from outlast_reviews.analysis import subject
from outlast_reviews.invented import SAMPLE, sample_reviews
from outlast_reviews.invented.sample import CAMPAIGN, COPIES, REPEATED
from outlast_reviews.pages.highlighting import highlighted
from outlast_reviews.report import Report, review_report
from outlast_reviews.review import ReviewSet
from outlast_reviews.settings import ReviewSettings
from outlast_reviews.sources.formats.read import read_reviews
from outlast_reviews.sources.gathering import Gathering


@cache
def shown() -> Report:
    return report_of(sample_reviews())


def report_of(received: ReviewSet) -> Report:
    return review_report(received, source=SAMPLE, analysed_at=dt.datetime(2026, 7, 1, tzinfo=dt.UTC))


@pytest.mark.slow
def test_it_is_the_same_every_time_and_says_that_it_is_invented():
    reviews = sample_reviews()
    assert reviews == sample_reviews()
    assert "invented" in (reviews.product_title or "")


@pytest.mark.slow
def test_its_report_shows_every_kind_of_sign():
    report = shown()
    outcomes = {check["name"]: check["outcome"] for check in report["checks"]}
    assert {n for n, o in outcomes.items() if o == "found"} == {"near_copies", "burst", "incentive", "unverified"}
    assert report["strong_count"] == COPIES
    assert report["grade"] == "C"
    assert report["rating_changed"]
    assert report["coverage"]["merged_duplicates"] == REPEATED
    (window,) = next(check["windows"] for check in report["checks"] if "windows" in check)
    assert window["from"] <= CAMPAIGN.isoformat() <= window["to"]


@pytest.mark.slow
def test_only_planted_reviews_are_copies():
    report = shown()
    copied = Counter(f["reviewer"] for f in report["flagged"] if f["cluster"])
    assert sum(copied.values()) == COPIES
    assert {f["cluster"] for f in report["flagged"] if f["cluster"]} == {1}


@pytest.mark.slow
def test_the_same_words_are_highlighted_in_every_copy():
    end = "everyone should own two of them"
    alike = [f for f in shown()["flagged"] if f["excerpt"].endswith(end)]
    assert len(alike) > COPIES / 2
    for flagged in alike:
        last, lit = highlighted(flagged["excerpt"], (q for r in flagged["reasons"] for q in r["quotes"]))[-1]
        assert (last[-len(end) :], lit) == (end, True)


@pytest.mark.slow
def test_the_file_gives_the_same_report():
    raw = CliRunner().invoke(outlast, ["reviews", "sample"]).stdout_bytes
    received = read_reviews(io.BytesIO(raw), len(raw))
    told = report_of(received)
    assert received.skipped == ()
    assert {key for key in told if told[key] != shown()[key]} <= {"format", "reading"}


@pytest.mark.slow
def test_it_has_a_subject_of_its_own_and_needs_no_file():
    assert subject(Gathering(ReviewSettings()), SAMPLE) == SAMPLE
    done = CliRunner().invoke(outlast, ["analyse", SAMPLE, "--json"])
    assert done.exit_code == 0, done.stderr
    assert json.loads(done.stdout)["report"]["grade"] == "C"
