"""The share is an interval, the grade follows published limits, and too little evidence is no grade."""

import dataclasses
import datetime as dt
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from review_data import invented

from outlast_reviews.checks.finding import Finding, Sign, Strength
from outlast_reviews.review import Review
from outlast_reviews.verdict import Evidence, compute_verdict, gather, grade_of, judged_rows, wilson
from outlast_reviews.wording import headline

NAMES = ("near_copies", "burst", "incentive", "unverified")
ORDER = "ABCDF"


def evidence(strong: int = 0, medium: int = 0) -> Evidence:
    rows = range(1, strong + medium + 1)
    return Evidence(frozenset(rows[:strong]), frozenset(rows[strong:]), frozenset(), frozenset())


def findings(*assessed: str) -> list[Finding]:
    return [Finding(n, n, "clear" if n in assessed else "not_assessed", "") for n in NAMES]


def texts(count: int) -> list[Review]:
    return [Review(row=n, text="words") for n in range(1, count + 1)]


def verdict(count: int, strong: int = 0, medium: int = 0, *, sample: bool = True):
    return compute_verdict(texts(count), findings(*NAMES), evidence(strong, medium), sample=sample)


@pytest.mark.parametrize(
    ("percentage", "grade"),
    [(0, "A"), (8, "A"), (8.01, "B"), (20, "B"), (20.01, "C"), (40, "C"), (65, "D"), (65.01, "F"), (100, "F")],
)
def test_grades_have_published_limits(percentage, grade):
    assert grade_of(percentage) == grade


@pytest.mark.parametrize(("part", "whole", "low", "high"), [(4, 20, 8.1, 41.6), (20, 100, 13.3, 28.9)])
def test_wilson_gives_the_known_intervals(part, whole, low, high):
    assert [round(100 * x, 1) for x in wilson(part, whole)] == [low, high]


@pytest.mark.parametrize("count", [20, 50, 300, 5_000])
def test_reviews_without_a_sign_earn_an_a(count):
    assert verdict(count).grade == "A"


def test_low_counts_strong_signs_and_high_medium_ones_too():
    share = verdict(100, strong=10, medium=20, sample=False).share
    assert share is not None
    assert (share.low, share.middle, share.high) == pytest.approx((10, 20, 30))


def test_a_sample_is_less_sure_than_the_whole():
    whole, sample = verdict(300, strong=40, sample=False).share, verdict(300, strong=40).share
    assert whole is not None
    assert sample is not None
    assert whole.low == whole.high == pytest.approx(40 / 3)
    assert sample.low < whole.low < sample.high


def test_fewer_than_twenty_texts_are_no_grade():
    reviews = [*texts(19), *(Review(row=n, rating=5.0) for n in range(100, 200))]
    answer = compute_verdict(reviews, findings(*NAMES), evidence(), sample=True)
    assert (answer.grade, answer.share) == ("U", None)
    assert "19" in (answer.unsure or "")


def test_no_reviews_are_no_grade():
    answer = compute_verdict([], findings(), evidence(), sample=True)
    assert (answer.grade, answer.with_text) == ("U", 0)


@pytest.mark.parametrize("assessed", [("near_copies",), ("incentive", "unverified"), ()])
def test_too_few_checks_or_none_that_counts_are_no_grade(assessed):
    assert compute_verdict(texts(100), findings(*assessed), evidence(), sample=True).grade == "U"


def test_an_interval_over_more_than_two_grades_is_no_grade():
    answer = verdict(100, strong=5, medium=40)
    assert (answer.grade, answer.share) == ("U", None)
    assert "from A to D" in (answer.unsure or "")


def test_signs_on_reviews_without_a_text_are_outside_the_share():
    reviews = [*texts(100), *(Review(row=n, rating=5.0) for n in range(200, 300))]
    rated = Evidence(frozenset(), frozenset(range(200, 300)), frozenset(), frozenset())
    answer = compute_verdict(reviews, findings(*NAMES), rated, sample=True)
    assert (answer.grade, answer.medium) == ("A", 0)


def test_weak_signs_and_incentives_never_count():
    signs = [
        Finding("unverified", "", "found", "", tuple(Sign(n, "weak", "") for n in range(1, 90))),
        Finding(
            "incentive", "", "found", "", tuple(Sign(n, "medium", "", (), "incentivised") for n in range(90, 101))
        ),
    ]
    weighed = gather(signs)
    assert not (weighed.strong | weighed.medium)
    assert (len(weighed.weak), len(weighed.incentivised)) == (89, 11)
    assert compute_verdict(texts(100), findings(*NAMES), weighed, sample=True).grade == "A"


def test_the_gravest_sign_of_a_review_decides():
    both = Finding("x", "", "found", "", (Sign(1, "medium", ""), Sign(1, "strong", ""), Sign(1, "weak", "")))
    weighed = gather([both])
    assert (weighed.strong, weighed.medium, weighed.weak) == (frozenset({1}), frozenset(), frozenset())


COUNTS = st.integers(20, 400).flatmap(
    lambda n: st.tuples(st.just(n), st.integers(0, n), st.integers(0, n), st.booleans())
)


@pytest.mark.slow
@given(COUNTS)
def test_the_interval_contains_its_middle(counts):
    count, strong, medium, sample = counts
    share = verdict(count, strong, min(medium, count - strong), sample=sample).share
    if share:
        assert 0 <= share.low <= share.middle <= share.high <= 100


@pytest.mark.slow
@given(COUNTS)
def test_one_more_strong_sign_never_improves_the_grade(counts):
    count, strong, medium, sample = counts
    strong = min(strong, count - 1)
    medium = min(medium, count - strong - 1)
    before = verdict(count, strong, medium, sample=sample)
    after = verdict(count, strong + 1, medium, sample=sample)
    if before.share and after.share:
        assert ORDER.index(after.grade) >= ORDER.index(before.grade)
        assert after.share.low >= before.share.low
        assert after.share.high >= before.share.high


@pytest.mark.slow
@given(st.integers(1, 500).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilson_contains_the_share_that_was_seen(counts):
    part, whole = counts
    low, high = wilson(part, whole)
    assert 0 <= low <= part / whole + 1e-12
    assert part / whole - 1e-12 <= high <= 1


def test_ids_change_nothing():
    reviews = invented(50)
    renamed = [dataclasses.replace(review, review_id=None) for review in reviews]
    answers = {
        compute_verdict(r, findings(*NAMES), evidence(3), sample=True) for r in (tuple(reviews), tuple(renamed))
    }
    assert len(answers) == 1


def over(days: int, count: int = 60, stars: float = 4.0) -> list[Review]:
    start = dt.date(2024, 1, 1)
    return [
        Review(row=n, text="words", rating=stars, date=start + dt.timedelta(days=n * (days - 1) // (count - 1)))
        for n in range(count)
    ]


@pytest.mark.parametrize(
    ("days", "assessed", "badge"),
    [
        (28, NAMES, "A"),
        (27, NAMES, "A of 4 checks"),
        (300, ("near_copies", "incentive", "unverified"), "A of 3 checks"),
        (300, ("near_copies", "burst", "incentive"), "A"),
        (300, ("near_copies", "burst"), "A of 2 checks"),
    ],
)
def test_an_a_says_when_little_stands_behind_it(days, assessed, badge):
    answer = compute_verdict(over(days), findings(*assessed), evidence(), sample=True)
    assert (answer.grade, answer.badge) == ("A", badge)


@pytest.mark.slow
@given(COUNTS)
def test_the_colour_is_never_good_where_there_is_a_strong_sign(counts):
    count, strong, medium, sample = counts
    answer = verdict(count, strong, min(medium, count - strong), sample=sample)
    assert answer.tone in ({"warn", "bad"} if strong else {"good", "warn", "bad", "unsure"})
    assert (answer.tone == "bad") == (answer.grade in "DF")


@pytest.mark.parametrize(
    ("shop", "typical"), [(None, None), (4.0, True), (4.24, True), (4.47, False), (3.6, False)]
)
def test_a_sample_with_another_average_than_the_shops_is_not_projected(shop, typical):
    answer = compute_verdict(over(90), findings(*NAMES), evidence(3), sample=True, product_rating=shop)
    assert answer.typical is typical
    assert answer.share is not None
    assert (answer.share.low == answer.share.middle == answer.share.high) == (typical is False)
    assert (
        compute_verdict(over(90), findings(*NAMES), evidence(), sample=False, product_rating=1.0).typical is None
    )


def sign(name: str, strength: Strength, count: int, sentence: str = "") -> Finding:
    return Finding(name, name, "found", sentence, tuple(Sign(n, strength, "") for n in range(1, count + 1)))


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (
            [replace(sign("near_copies", "strong", 40), different_names=True)],
            "40 reviews repeat each other under different names",
        ),
        (
            [replace(sign("near_copies", "strong", 1), different_names=True)],
            "1 review repeats another under another name",
        ),
        ([sign("near_copies", "strong", 2, "… under different names …")], "2 reviews repeat each other"),
        ([sign("near_copies", "strong", 2)], "2 reviews repeat each other"),
        ([sign("reviewer_overlap", "strong", 3)], "3 reviewers were seen together at other products"),
        ([sign("burst", "medium", 18)], "18 five-star reviews came in a sudden burst"),
        ([sign("burst", "medium", 30), sign("near_copies", "strong", 2)], "2 reviews repeat each other"),
        ([sign("near_copies", "medium", 1)], "Few warning signs in the 4 checks we could run"),
        ([], "No warning signs in the 4 checks we could run"),
    ],
)
def test_the_headline_is_the_gravest_finding(found, said):
    reviews = texts(100)
    judged = [*found, *findings(*NAMES)][: max(4, len(found))]
    weighed = gather(judged, judged_rows(reviews))
    assert headline(compute_verdict(reviews, judged, weighed, sample=False), weighed, judged) == said


def test_reviews_without_a_text_are_counted_nowhere():
    reviews = [*texts(100), *(Review(row=n, rating=5.0) for n in range(101, 201))]
    rush = Finding("burst", "", "found", "", tuple(Sign(n, "medium", "") for n in range(61, 141)))
    judged = [rush, *findings("near_copies")]
    weighed = gather(judged, judged_rows(reviews))
    answer = compute_verdict(reviews, judged, weighed, sample=True)
    assert len(weighed.medium) == answer.medium == 40
