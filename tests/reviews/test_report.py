"""The report has the keys of the contract, is JSON of bounded size, and the same for the same reviews."""

import dataclasses
import datetime as dt
import itertools
import json
import random

import pytest
from pydantic import TypeAdapter
from review_data import TEMPLATE, copies, invented, review_set

from outlast_reviews.checks import run_checks
from outlast_reviews.checks.finding import Finding
from outlast_reviews.deduplicate import clean
from outlast_reviews.listing import MOST_FLAGGED, MOST_WITHOUT_SIGNS
from outlast_reviews.report import Report, make_report, review_report
from outlast_reviews.review import Review, ReviewSet
from outlast_reviews.sanitising import excerpt, sanitised, sanitised_quotes
from outlast_reviews.timeline import timeline

NOW = dt.datetime(2025, 3, 4, 5, 6, 7, tzinfo=dt.UTC)
KEYS = """
grade fake_percentage fake_percentage_low fake_percentage_high original_rating adjusted_rating
adjusted_rating_low adjusted_rating_high rating_changed explanation total_reviews unique_reviews
coverage checks flagged incentivised_count method source analysed_at
"""


def report_of(reviews, **more) -> Report:
    return review_report(review_set(reviews, **more), source="upload:abc", analysed_at=NOW)


def test_every_key_of_the_contract_is_there_with_and_without_reviews():
    for reviews in ([], invented(3), [*invented(200), *copies(9, first_row=900)]):
        report = report_of(reviews)
        assert report.keys() >= set(KEYS.split())
        for check in report["checks"]:
            assert check.keys() >= {"name", "title", "outcome", "sentence", "count"}
            assert ("windows" in check) == (check["name"] == "burst")
        for flagged in report["flagged"]:
            assert flagged.keys() >= {"review_id", "rating", "date", "excerpt", "reasons"}
            for reason in flagged["reasons"]:
                assert reason.keys() >= {"check", "strength", "sentence", "quote"}


def test_no_reviews_at_all_are_no_grade_and_no_numbers():
    report = report_of([])
    assert report["grade"] == "U"
    assert report["fake_percentage"] is report["fake_percentage_low"] is report["fake_percentage_high"] is None
    assert report["original_rating"] is report["adjusted_rating"] is None
    assert {check["outcome"] for check in report["checks"]} == {"not_assessed"}
    assert "no reviews" in report["explanation"]


def test_an_a_says_that_nothing_was_seen_in_what_could_be_checked():
    report = report_of(invented(300))
    assert report["grade"] == "A"
    assert report["explanation"].startswith("No warning signs in what we could check.")
    assert report["rating_changed"] is False


def test_copies_are_flagged_together_and_first_with_their_words():
    report = report_of([*invented(300), *copies(12, first_row=900)])
    first = report["flagged"][:12]
    assert {f["row"] for f in first} == set(range(900, 912))
    assert {f["cluster"] for f in first} == {1}
    for flagged in first:
        assert flagged["counted"]
        quote = flagged["reasons"][0]["quote"]
        assert quote
        assert quote in flagged["excerpt"]
    assert report["strong_count"] == 12


def test_copies_of_different_texts_do_not_mix():
    one, other = copies(4, first_row=900), copies(4, first_row=950)
    other = [dataclasses.replace(r, text=" ".join(reversed(r.text.split()))) for r in other]
    days = [dt.date(2024, 5, n) for n in range(1, 5)]
    dated = [dataclasses.replace(r, date=day) for rs in (one, other) for r, day in zip(rs, days, strict=True)]
    clusters = [flagged["cluster"] for flagged in report_of([*invented(100), *dated])["flagged"][:8]]
    assert clusters == [1, 1, 1, 1, 2, 2, 2, 2]


def test_weak_signs_and_incentives_are_listed_and_not_counted():
    given = Review(row=900, text="I got it in exchange for an honest review.", reviewer="Z", verified=True)
    report = report_of([*invented(200), given])
    assert report["incentivised_count"] == 1
    assert report["weak_count"] > 0
    assert not any(flagged["counted"] for flagged in report["flagged"])
    assert report["flagged"][0]["review_id"] == "row 900"
    assert report["fake_percentage"] == 0


@pytest.mark.slow
def test_the_whole_set_is_more_certain_than_a_sample():
    reviews = [*invented(200), *copies(9, first_row=900)]
    whole, sample = report_of(reviews, complete=True), report_of(reviews)
    assert whole["fake_percentage_low"] == whole["fake_percentage_high"] == whole["fake_percentage"]
    assert (sample["fake_percentage_low"] or 0) < (whole["fake_percentage"] or 0)
    assert sample["projected"]
    assert "If these are typical" in sample["explanation"]
    assert not whole["projected"]
    assert "typical" not in whole["explanation"]


@pytest.mark.slow
def test_the_same_reviews_give_the_same_report():
    reviews = [*invented(200), *copies(9, first_row=900)]
    assert report_of(reviews) == report_of(list(reviews))


@pytest.mark.slow
def test_ids_and_the_order_of_rows_change_no_verdict():
    reviews = [*invented(200), *copies(9, first_row=900)]
    shuffled = [dataclasses.replace(r, review_id=f"other {n}", row=n) for n, r in enumerate(reviews, start=1)]
    random.Random(4).shuffle(shuffled)
    free = {"flagged", "without_signs", "source", "analysed_at", "reading"}
    first, second = report_of(reviews), report_of(shuffled)
    for report in (first, second):
        report["insights"]["trustworthy"] = None
    assert {k: v for k, v in first.items() if k not in free} == {k: v for k, v in second.items() if k not in free}


@pytest.mark.slow
def test_twenty_thousand_reviews_make_a_report_of_bounded_size():
    many = [*invented(18_000, days=3_000), *copies(2_000, first_row=50_000, changed=1)]
    told: list[tuple[int, int, str]] = []
    received = review_set(many)
    report = review_report(
        received,
        source="s",
        analysed_at=NOW,
        progress=lambda done, total, message: told.append((done, total, message)),
    )
    assert report["strong_count"] > 1_990
    assert 2_000 < len(report["flagged"]) <= MOST_FLAGGED
    assert len(report["without_signs"]) == MOST_WITHOUT_SIGNS < report["without_signs_count"]
    assert len(json.dumps(report)) < 12_000_000
    assert [done for done, _, _ in told] == sorted(done for done, _, _ in told)
    assert told[-1][0] == told[-1][1]


@pytest.mark.slow
def test_the_longest_texts_in_the_widest_letters_still_fit_in_a_result():
    wide = "\U0001f600" * 300
    many = [
        Review(row=n, title=wide, text=f"{wide} {n}", reviewer=f"{wide}{n}", verified=n % 4 != 0)
        for n in range(12_000)
    ]
    report = report_of(many)
    assert len(json.dumps(report, ensure_ascii=False).encode()) < 12_000_000
    assert len(report["flagged"]) < report["flagged_count"]


@pytest.mark.slow
def test_hostile_text_makes_json_that_can_be_sent():
    bad = "\ud800\x00\u202eevil\u2066 " + "x" * 100_000
    nasty = Review(row=1, review_id=bad, text=bad, title=bad, reviewer=bad, rating=1.0)
    report = review_report(ReviewSet((nasty,), "CSV", product_title=bad), source=bad, analysed_at=NOW)
    sent = json.dumps(report, ensure_ascii=False).encode("utf-8")
    assert len(sent) < 20_000
    assert "\\u0000" not in sent.decode()
    assert "\u202e" not in sent.decode()


def test_findings_survive_json():
    findings = run_checks(clean(review_set([*invented(200), *copies(9, first_row=900)])).reviews)
    adapter = TypeAdapter(tuple[Finding, ...])
    assert adapter.validate_json(adapter.dump_json(findings)) == findings


def test_steps_apart_give_the_report_of_one_call():
    received = review_set([*invented(100), *copies(5, first_row=900)])
    cleaned = clean(received)
    report = make_report(received, cleaned, run_checks(cleaned.reviews), source="upload:abc", analysed_at=NOW)
    assert report == review_report(received, source="upload:abc", analysed_at=NOW)


def test_nobody_is_accused():
    report = report_of([*invented(60), *copies(60, first_row=900)])
    words = json.dumps({k: v for k, v in report.items() if not k.startswith("fake_")}).casefold()
    assert report["grade"] == "D"
    assert not {"fraud", "liar", "scam", "cheat"} & set(words.split())
    assert "is fake" not in words


@pytest.mark.parametrize("lead", [0, 10, 250, 400, 5_000])
def test_an_excerpt_is_short_and_holds_the_quote(lead):
    quote = "this very telling part of the text"
    text = f"{'before ' * (lead // 7)}{quote}{' after' * 200}"
    cut = excerpt(text, [quote])
    assert quote in cut
    assert len(cut) <= 300
    assert cut.endswith("…")
    assert cut.startswith("…") == (lead > 60)


def test_an_excerpt_of_one_endless_word_is_short():
    assert len(excerpt("x" * 10_000, [])) == 300 - 1
    assert len(excerpt("x" * 10_000, sanitised_quotes(["x" * 5_000]))) <= 300


def test_quotes_stay_parts_of_the_plain_text():
    text = f"{TEMPLATE}\n\n\t{TEMPLATE}"
    assert all(quote in sanitised(text) for quote in sanitised_quotes([text, TEMPLATE, "", text]))
    assert " ".join(sanitised_quotes([f"{TEMPLATE} {TEMPLATE}"])) == f"{TEMPLATE} {TEMPLATE}"
    assert sanitised("a\u200db \x07 c\u202e") == "a\u200db c"


@pytest.mark.parametrize(
    ("days", "unit"), [(0, "week"), (300, "week"), (2_000, "month"), (9_000, "quarter"), (50_000, "year")]
)
def test_the_timeline_counts_every_dated_review_in_bounded_steps(days, unit):
    start = dt.date(1890, 1, 1)
    reviews = [Review(row=n, date=start + dt.timedelta(days=days * n // 10), rating=5.0) for n in range(11)]
    found, points = timeline([*reviews, Review(row=99)], frozenset({3}), [])
    assert found == unit
    assert len(points) <= 160
    assert sum(point.count for point in points) == 11
    assert sum(point.suspicious for point in points) == 1
    assert all(a.end < b.start for a, b in itertools.pairwise(points))


@pytest.mark.slow
def test_the_timeline_reaches_the_end_of_the_calendar():
    reviews = [Review(row=1, date=dt.date.min), Review(row=2, date=dt.date.max)]
    _, points = timeline(reviews, frozenset(), [])
    assert len(points) == 160
    assert points[-1].start.year == 9999
