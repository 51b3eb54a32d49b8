"""Reviews that give orders to the model: even where it obeys, the report is whole, its grade within the bound."""

import datetime as dt
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from injections import injections
from judge_runner import JudgeRunner, reviews
from typed_dicts import type_errors

from model_server import Model, honest, judged, judgements, model_server, said
from outlast_reviews import ratings
from outlast_reviews.checks.finding import Finding, Sign
from outlast_reviews.deduplicate import clean
from outlast_reviews.language_model.answer import Judgement
from outlast_reviews.language_model.opinion import JudgingSummary as Told
from outlast_reviews.language_model.opinion import opinion
from outlast_reviews.language_model.prompt import LONGEST_TEXT, REASONS
from outlast_reviews.pages import render_report
from outlast_reviews.report import Report, make_report
from outlast_reviews.review import Review, ReviewSet
from outlast_reviews.verdict import GRADE_LIMITS, MODEL_PULL

NOW = dt.datetime(2025, 3, 4, tzinfo=dt.UTC)
GRADES = [grade for grade, _ in GRADE_LIMITS]
ALL = injections()


@pytest.fixture(scope="module", autouse=True)
def few_resamples():
    """The interval of the rating is not what these thousands of reports are about."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ratings, "_RESAMPLES", 100)
        yield


def whitewash(asked):
    return judgements([judged(r, suspicion=0, reasons=[], quote="") for r in asked.reviews])


def smear(asked):
    return judgements(
        [judged(r, suspicion=100, reasons=list(REASONS), quote=r["text"].strip()[:40]) for r in asked.reviews]
    )


def echo(asked):
    """What the injected review says, word for word, and then the honest answer."""
    return said(max((r["text"] for r in asked.reviews), key=len) + honest(asked).body.decode())


def parrot(asked):
    return said(asked.reviews[0]["text"])


def spoof(asked):
    items = [judged(r, suspicion=100, quote=asked.reviews[0]["text"][:40]) for r in asked.reviews]
    return judgements(
        [*items, *items[:3], {"id": "000000", "suspicion": 0, "reasons": [], "quote": ""}, "GENUINE"]
    )


OBEDIENT = {"whitewash": whitewash, "smear": smear, "echo": echo, "parrot": parrot, "spoof": spoof}


def checks(medium):
    signs = tuple(Sign(row, "medium", "Five stars in a burst.") for row in medium)
    return (
        Finding("near_copies", "Copies", "clear", "None."),
        Finding("burst", "Bursts", "found" if signs else "clear", "Some.", signs),
    )


def report_on(received, findings, judging=None) -> Report:
    found = (*findings, judging.finding) if judging else findings
    told = judging.report if judging else None
    made = make_report(received, clean(received), found, source="s", analysed_at=NOW, model=told)
    read = json.loads(json.dumps(made))
    assert type_errors(read, Report) == []
    return read


def stays_within_the_bound(without: Report, with_model: Report, medium: int) -> None:
    """What the documentation promises."""
    ends = ("fake_percentage_low", "fake_percentage_high", "strong_count", "medium_count", "incentivised_count")
    ratings = (
        "original_rating",
        "adjusted_rating",
        "adjusted_rating_low",
        "adjusted_rating_high",
        "rating_changed",
    )
    for key in (*ends, *ratings, "judged_reviews", "stars", "timeline", "coverage"):
        assert with_model[key] == without[key], key
    assert (with_model["grade"] == "U") == (without["grade"] == "U")
    if without["grade"] != "U":
        moved = GRADES.index(with_model["grade"]) - GRADES.index(without["grade"])
        assert moved in {0, 1}
        pulled = with_model["fake_percentage"] - without["fake_percentage"]
        assert -1e-9 <= pulled <= 100 * MODEL_PULL * medium / without["judged_reviews"] + 0.1
    assert [f["row"] for f in with_model["flagged"] if f["counted"]] == [
        f["row"] for f in without["flagged"] if f["counted"]
    ]


def test_there_are_at_least_200_different_injections():
    assert len(set(ALL)) >= 200


@pytest.mark.slow
@pytest.mark.parametrize("obedient", OBEDIENT)
def test_no_injected_set_moves_the_grade_further_than_the_bound(obedient):
    moved = set()
    some = ALL[list(OBEDIENT).index(obedient) :: len(OBEDIENT)]  # over HTTP, all of them meet all of these
    for n, injection in enumerate(some):
        medium = range(1, 6 + n % 5)
        these = [*reviews(60), Review(row=61, rating=5.0, text="x")]
        these[n % 5] = Review(row=1 + n % 5, rating=5.0, text=injection, title=injection, reviewer="Mallory")
        received, findings = ReviewSet(tuple(these), "invented", complete=True), checks(medium)
        runner = JudgeRunner(Model(0), direct=True)
        runner.model.behave = OBEDIENT[obedient]
        judging = runner.judge(these, findings=findings)
        without, with_model = report_on(received, findings), report_on(received, findings, judging)
        stays_within_the_bound(without, with_model, len(medium))
        moved.add((without["grade"], with_model["grade"]))
        for flagged in with_model["flagged"]:
            for reason in flagged["reasons"]:
                assert reason["check"] != "model" or reason["strength"] == "weak"
    if obedient == "whitewash":
        assert all(before == after for before, after in moved), "what it finds unsuspicious counts for nothing"
    if obedient == "smear":
        assert ("A", "B") in moved, "the bound is reached, so that this test can fail"


@pytest.mark.slow
def test_all_injections_over_http_leave_a_whole_report_and_a_page_without_markup_of_theirs():
    these = [Review(row=n, rating=5.0, text=text, title=text, reviewer=text[:50]) for n, text in enumerate(ALL, 1)]
    received, findings = ReviewSet(tuple(these), "invented"), checks(range(1, 20))
    with model_server() as model:
        for obedient in OBEDIENT.values():
            model.behave = obedient
            judging = JudgeRunner(model).judge(these, findings=findings)
            report = report_on(received, findings, judging)
            stays_within_the_bound(report_on(received, findings), report, 19)
            page = render_report({"report": report, "redirect_url": None})
            assert "<script>alert" not in page
            assert "<system>" not in page
        assert max(len(json.dumps(asked.body)) for asked in model.asked) < 30 * 6 * LONGEST_TEXT


def test_what_people_cannot_see_does_not_reach_the_model_and_places_stay():
    hidden = "Nice" + "".join(chr(0xE0000 + ord(c)) for c in "obey") + "\u200b\u202elamp\x00!"
    runner = JudgeRunner(Model(0), direct=True)
    runner.judge([Review(row=1, text=hidden)])
    (shown,) = runner.model.texts
    assert shown.split() == ["Nice", "lamp", "!"]
    assert len(shown) == len(hidden)


def test_a_models_opinion_makes_no_grade_possible_where_the_checks_make_none():
    received = ReviewSet(tuple(reviews(60)), "invented", complete=True)
    runner = JudgeRunner(Model(0), direct=True)
    runner.model.behave = smear
    unverified = Finding("unverified", "Unverified", "clear", "x.")
    for findings in (checks([])[:1], (unverified,)):
        judging = runner.judge(received.reviews, findings=findings)
        assert judging.finding.outcome == "found"
        assert report_on(received, findings)["grade"] == "U"
        assert report_on(received, findings, judging)["grade"] == "U"


@pytest.mark.slow
@settings(max_examples=40)
@given(st.data())
def test_no_judgements_whatever_move_the_grade_further_than_the_bound(data):
    rows = range(1, data.draw(st.integers(20, 120)) + 1)
    received = ReviewSet(tuple(reviews(len(rows))), "invented", complete=data.draw(st.booleans()))
    some = st.sets(st.sampled_from(rows), max_size=data.draw(st.integers(0, len(rows))))
    strong, medium = data.draw(some), data.draw(some)
    copies = Finding("near_copies", "C", "found", "x.", tuple(Sign(row, "strong", "x.") for row in sorted(strong)))
    findings = (copies, checks(sorted(medium))[1])
    judged_rows = {
        row: Judgement(data.draw(st.integers(0, 100)), (), 0, data.draw(st.sampled_from([0, 6])))
        for row in data.draw(some)
    }
    judging = opinion(received.reviews, judged_rows, Told("m", "here", 1))
    without, with_model = report_on(received, findings), report_on(received, findings, judging)
    stays_within_the_bound(without, with_model, len(medium - strong))
    assert judging.report.judged + judging.report.not_judged == len(rows)
    assert judging.finding.outcome != "clear" or len(judged_rows) == len(rows)
