"""What a report says beside its verdict is true of the reviews, whatever they are."""

import datetime as dt
import json
import random
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from review_data import copies, invented, review_set
from source_reading import read, read_lines
from typed_dicts import type_errors

from outlast_reviews.checks import run_checks
from outlast_reviews.checks.finding import Finding, Sign, Window
from outlast_reviews.insights.comparisons import LEAST_RATED, comparisons
from outlast_reviews.insights.insights import Insights
from outlast_reviews.insights.missing_reviews import Counts, missing_reviews
from outlast_reviews.insights.trustworthy import MOST_LISTED, trustworthy
from outlast_reviews.insights.what_if import scenarios, stars_by_check
from outlast_reviews.ratings import weight
from outlast_reviews.report import review_report
from outlast_reviews.review import Review
from outlast_reviews.verdict import GRADE_LIMITS, Evidence, compute_verdict, gather, grade_of

NOW = dt.datetime(2025, 3, 4, 5, 6, tzinfo=dt.UTC)
NOBODY = frozenset[int]()
NOTHING = Evidence(NOBODY, NOBODY, NOBODY, NOBODY)
GRADES = [grade for grade, _ in GRADE_LIMITS]
KINDS = {
    "near_copies": ("strong", "suspicious"),
    "burst": ("medium", "suspicious"),
    "incentive": ("weak", "incentivised"),
    "unverified": ("weak", "suspicious"),
}


def reviews_of(count: int) -> list[Review]:
    return [Review(row=n, rating=float(1 + n % 5), text=f"A text of its own, number {n}.") for n in range(count)]


def finding(name: str, rows) -> Finding:
    strength, kind = KINDS[name]
    signs = tuple(Sign(row, strength, "s", kind=kind) for row in sorted(rows))
    return Finding(name, name.title(), "found" if signs else "clear", "s", signs)


@st.composite
def findings_of_fifty(draw) -> list[Finding]:
    rows = st.sets(st.integers(0, 49), max_size=50)
    return [finding(name, draw(rows)) for name in KINDS]


@pytest.mark.slow
@settings(max_examples=40, deadline=None)
@given(findings_of_fifty(), st.booleans())
def test_each_scenario_is_the_verdict_of_the_reviews_without_those_signs(findings, sample):
    reviews = reviews_of(50)

    def judge(some):
        evidence = gather(some)
        return evidence, compute_verdict(reviews, some, evidence, sample=sample)

    found = scenarios(reviews, findings, judge(findings), judge)
    switches = [f.name for f in findings if f.signs and f.name != "unverified"]
    assert len({tuple(s["left_out"]) for s in found}) == len(found) == 2 ** len(switches)
    for scenario in found:
        kept = [finding(f.name, ()) if f.name in scenario["left_out"] else f for f in findings]
        evidence, verdict = judge(kept)
        assert scenario["grade"] == verdict.grade
        assert scenario["fake_percentage"] == (verdict.share and round(verdict.share.middle, 4))
        weights = [(weight(review.row, evidence), review.rating or 0) for review in reviews]
        if found[0]["fake_percentage"] is not None and sum(w for w, _ in weights):
            mean = sum(w * stars for w, stars in weights) / sum(w for w, _ in weights)
            assert scenario["adjusted_rating"] == pytest.approx(mean, abs=1e-4)
        else:
            assert scenario["adjusted_rating"] is None


@pytest.mark.slow
@settings(max_examples=40, deadline=None)
@given(findings_of_fifty())
def test_the_stars_of_both_sides_together_are_those_of_all(findings):
    reviews = reviews_of(50)
    sides = stars_by_check(reviews, findings)
    assert [side["name"] for side in sides] == [f.name for f in findings if f.signs]
    for side in sides:
        both = [side["with_sign"], side["without_sign"]]
        assert sum(one["reviews"] for one in both) == 50
        assert sum(one["reviews"] * (one["stars"] or 0) for one in both) == pytest.approx(150, abs=0.01)


def test_a_weak_sign_changes_nothing_and_has_no_switch():
    reviews = reviews_of(50)
    findings = [finding("unverified", range(20)), finding("burst", range(9))]
    switch = {side["name"]: side["can_be_left_out"] for side in stars_by_check(reviews, findings)}
    assert switch == {"unverified": False, "burst": True}


@pytest.mark.slow
def test_the_first_scenario_is_the_report():
    report = review_report(review_set([*invented(200), *copies(30, first_row=900)]), source="s", analysed_at=NOW)
    first, *others = report["insights"]["scenarios"]
    same = ("grade", "fake_percentage", "fake_percentage_low", "fake_percentage_high", "adjusted_rating")
    assert {key: first[key] for key in same} == {key: report[key] for key in same}
    assert any(other["grade"] != first["grade"] for other in others)


@pytest.mark.slow
def test_the_insights_are_what_their_type_says():
    for reviews in ([], invented(3), [*invented(200), *copies(9, first_row=900)]):
        made = replace(review_set(reviews), stated_total=900, product_rating=4.0)
        report = json.loads(json.dumps(review_report(made, source="s", analysed_at=NOW)))
        assert type_errors(report["insights"], Insights) == []


class TestComparisons:
    def test_both_sides_are_all_reviews_of_which_the_side_is_known(self):
        reviews = [replace(r, verified=None) if r.row % 7 == 0 else r for r in invented(200)]
        rewarded = [finding("incentive", [3, 4, 5])]
        found = {c["name"]: c["groups"] for c in comparisons(reviews, rewarded, NOTHING)}
        assert sum(g["reviews"] for g in found["verified"]) == sum(r.verified is not None for r in reviews)
        assert [g["reviews"] for g in found["rewarded"]] == [3, 197]
        first = min(r.date for r in reviews if r.date)
        early = sum(r.date < first + dt.timedelta(days=30) for r in reviews if r.date)
        assert [g["reviews"] for g in found["first_days"]] == [early, 200 - early]

    def test_what_has_one_side_only_is_not_compared(self):
        assert comparisons(reviews_of(50), [], NOTHING) == []

    @pytest.mark.slow
    def test_sides_dealt_at_random_hardly_ever_differ(self):
        """Also of few and skewed stars, and where one side happens to be all alike."""
        chance = random.Random(5)
        alarms = 0
        for _ in range(500):
            stars = [5.0 if chance.random() < 0.85 else float(chance.randint(1, 4)) for _ in range(220)]
            reviews = [Review(row=n, rating=s, verified=n >= LEAST_RATED) for n, s in enumerate(stars)]
            (one,) = comparisons(reviews, [], NOTHING)
            alarms += one["by_chance"] == "unlikely"
        assert alarms <= 15

    def test_a_real_difference_is_told(self):
        reviews = [Review(row=n, rating=5.0 if n % 2 else 3.0 + n % 3, verified=n % 2 == 1) for n in range(80)]
        (one,) = comparisons(reviews, [], NOTHING)
        assert one["by_chance"] == "unlikely"
        assert one["difference"] is not None
        assert one["difference"] > 0.5

    def test_few_reviews_tell_nothing(self):
        reviews = [Review(row=n, rating=5.0 if n < 19 else 1.0, verified=n < 19) for n in range(80)]
        assert comparisons(reviews, [], NOTHING)[0]["by_chance"] == "too_few"

    def test_a_source_that_counts_each_reviewers_reviews_sets_apart_those_with_one(self):
        rows = [(n, 1 if n % 4 == 0 else 1 + n % 4) for n in range(80)]
        lines = [
            {"rating": 5 if written == 1 else 3, "text": f"t{n}", "user": {"review_count": written}}
            for n, written in rows
        ]
        reviews = read_lines(lines).reviews
        assert [review.reviewer_reviews for review in reviews] == [written for _, written in rows]
        (one,) = comparisons(reviews, [], NOTHING)
        assert (one["name"], [g["reviews"] for g in one["groups"]]) == ("one_review", [20, 60])
        assert (one["difference"], one["by_chance"]) == (2.0, "unlikely")

    @pytest.mark.parametrize(
        ("said", "count"),
        [("1", 1), ("1,234", 1_234), ("12.0", 12), ("", None), ("many", None), ("-3", None), ("9" * 30, None)],
    )
    def test_what_is_no_number_of_reviews_is_unknown(self, said, count):
        found = read(f'rating,text,user_review_count\n5,good,"{said}"\n')
        assert [review.reviewer_reviews for review in found.reviews] == [count]


class TestTrustworthy:
    def test_no_review_with_a_sign_is_trusted_and_none_has_more_reasons(self):
        day = dt.date(2025, 5, 6)  # the latest are listed first
        copied = [
            replace(review, verified=True, date=day + dt.timedelta(days=9 * n))
            for n, review in enumerate(copies(30, first_row=900))
        ]
        reviews = [*invented(120), *copied]
        findings = run_checks(reviews)
        found = trustworthy(reviews, findings)
        assert found is not None
        signed = {sign.row for one in findings for sign in one.signs}
        assert signed >= {review.row for review in copied}
        assert not signed & {review["row"] for review in found["reviews"]}
        assert {len(review["reasons"]) for review in found["reviews"]} == {found["reasons"]}
        assert len(found["reviews"]) == min(found["count"], MOST_LISTED)
        dates = [review["date"] or "" for review in found["reviews"]]
        assert dates == sorted(dates, reverse=True)

    @pytest.mark.parametrize(
        "change",
        [{"verified": False}, {"text": "Good."}, {"date": None}, {"reviewer": "Amazon Customer"}],
        ids=["verified", "words", "day", "name"],
    )
    def test_a_review_that_lacks_a_reason_is_not_among_them(self, change):
        reviews = [replace(review, verified=True) for review in invented(60)]
        reviews[0] = replace(reviews[0], **change)
        found = trustworthy(reviews, [f for f in run_checks(reviews) if f.name != "unverified"])
        assert found is not None
        assert found["reasons"] == len(found["possible"])
        assert reviews[0].row not in {review["row"] for review in found["reviews"]}
        assert found["count"] == 59

    def test_names_are_a_reason_only_where_the_source_has_some(self):
        nameless = [replace(review, reviewer=None, verified=True) for review in invented(60)]
        for reviews in (nameless, [*nameless[1:], replace(nameless[0], reviewer="Ann Who")]):
            found = trustworthy(reviews, run_checks(reviews))
            assert found is not None
            assert ("reviewer" in found["possible"]) == any(review.reviewer for review in reviews)

    def test_a_day_within_a_burst_is_no_reason(self):
        reviews = [replace(review, verified=True) for review in invented(60)]
        day = reviews[0].date or dt.date.min
        burst = Finding("burst", "Burst", "found", "s", windows=(Window(day, day, 1),))
        found = trustworthy(reviews, [burst])
        assert found is not None
        assert reviews[0].row not in {review["row"] for review in found["reviews"]}

    def test_where_nothing_tells_reviews_apart_none_is_picked(self):
        assert trustworthy(reviews_of(50), []) is None
        assert trustworthy([], []) is None


FIFTY = Counts(read=50, rated=50, with_text=50, strong=0, medium=0)


class TestMissing:
    @pytest.mark.slow
    @settings(max_examples=100, deadline=None)
    @given(st.data())
    def test_whatever_is_missing_the_ranges_hold_the_truth(self, data):
        stars = data.draw(st.lists(st.integers(1, 5), min_size=2, max_size=60))
        read = data.draw(st.integers(1, len(stars) - 1))
        digits = data.draw(st.sampled_from([1, 2]))
        shop = round(sum(stars) / len(stars), digits)
        strong = data.draw(st.integers(0, read))
        medium = data.draw(st.integers(0, read - strong))
        counts = Counts(read=read, rated=read, with_text=read, strong=strong, medium=medium)
        found = missing_reviews(len(stars), counts, sum(stars[:read]) / read, shop, graded=True)
        assert found is not None
        assert found["rating_low"] - 1e-4 <= sum(stars) / len(stars) <= found["rating_high"] + 1e-4
        rest = stars[read:]
        assert found["averages_agree"]
        assert found["missing_rating_low"] - 1e-4 <= sum(rest) / len(rest) <= found["missing_rating_high"] + 1e-4
        best, worst = GRADES.index(found["grade_best"]), GRADES.index(found["grade_worst"])
        more = data.draw(st.integers(0, len(rest)))
        assert best <= GRADES.index(grade_of(100 * (strong + more) / len(stars))) <= worst

    def test_an_average_that_cannot_be_of_these_reviews_is_said_to_be_none(self):
        found = missing_reviews(60, FIFTY, 4.5, 2.0, graded=True)
        assert found is not None
        assert found["averages_agree"] is False
        assert found["missing_rating_low"] is found["missing_rating_high"] is None

    def test_nothing_is_missing_where_the_shop_counts_no_more(self):
        for stated in (None, 50, 40):
            assert missing_reviews(stated, FIFTY, 4.0, None, graded=True) is None

    def test_without_stars_or_a_grade_there_is_no_range_of_them(self):
        found = missing_reviews(60, replace(FIFTY, rated=0), None, 4.0, graded=False)
        assert found is not None
        assert found["rating_low"] is found["grade_best"] is found["averages_agree"] is None
