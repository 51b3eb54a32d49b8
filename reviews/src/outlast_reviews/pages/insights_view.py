"""The part `insights` of a report in the words and shapes of the page (pure)."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from outlast_reviews.formatting import counted
from outlast_reviews.insights.comparisons import FIRST_DAYS
from outlast_reviews.insights.measured_groups import accuracy_of_groups
from outlast_reviews.insights.reviewer_groups import WITHIN_DAYS
from outlast_reviews.insights.trustworthy import LEAST_WORDS
from outlast_reviews.pages.group_picture import GroupPicture, group_picture
from outlast_reviews.pages.query import ReportQuery

_FIRST = 5
"""Trustworthy reviews that show without being asked for."""
_REASONS = {
    "verified": "verified purchase",
    "own_words": f"at least {LEAST_WORDS} words, and no copy of another review",
    "ordinary_day": "not written during a burst",
    "reviewer": "named reviewer",
}
_GROUPS = {
    "verified": "Verified purchase",
    "not_verified": "Not verified",
    "rewarded": "Rewarded",
    "not_rewarded": "Not rewarded",
    "first_days": f"First {FIRST_DAYS} days",
    "later": "Later",
    "one_review": "Reviewer’s only review",
    "more_reviews": "Reviewer of several",
}


@dataclass(frozen=True, slots=True)
class Switch:
    """A check that found a sign, with the stars of both sides."""

    title: str
    with_sign: Mapping[str, Any]
    without_sign: Mapping[str, Any]
    left_out: bool
    address: str | None
    """The page with this check left out or put back; `None` where that changes nothing."""


@dataclass(frozen=True, slots=True)
class WhatIf:
    switches: tuple[Switch, ...]
    left_out: tuple[str, ...]
    """Titles of the checks that are left out."""
    before: Mapping[str, Any]
    after: Mapping[str, Any]
    reset: str
    """The page with all checks."""


@dataclass(frozen=True, slots=True)
class ComparisonView:
    rows: tuple[tuple[str, Mapping[str, Any]], ...]
    sentence: str


@dataclass(frozen=True, slots=True)
class MissingView:
    sentences: tuple[str, ...]
    what: str
    """What the shop counts beyond what was read, as "missing reviews" or "other ratings"."""
    low: float | None
    """The range of the average, in percent of the way from one star to five."""
    width: float | None
    at: float | None


@dataclass(frozen=True, slots=True)
class TrustworthyView:
    sentence: str
    first: Sequence[Mapping[str, Any]]
    others: Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class ReviewersView:
    sentences: tuple[str, ...]
    listed: Sequence[Mapping[str, Any]]
    groups: tuple[GroupPicture, ...]
    groups_sentence: str
    accuracy: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class InsightsView:
    what_if: WhatIf | None
    comparisons: tuple[ComparisonView, ...]
    missing: MissingView | None
    trustworthy: TrustworthyView | None
    reviewers: ReviewersView | None


def insights_view(report: Mapping[str, Any], query: ReportQuery) -> InsightsView | None:
    """`None` for a report of an earlier version, which has no insights."""
    facts: Mapping[str, Any] | None = report.get("insights")
    if facts is None:
        return None
    return InsightsView(
        what_if=_what_if(report, facts, query),
        comparisons=tuple(map(_comparison, facts["comparisons"])),
        missing=_missing(facts["missing"], report) if facts["missing"] else None,
        trustworthy=_trustworthy(facts["trustworthy"]) if facts["trustworthy"] else None,
        reviewers=_reviewers(facts["reviewers"]) if facts["reviewers"]["histories"] else None,
    )


def _what_if(report: Mapping[str, Any], facts: Mapping[str, Any], query: ReportQuery) -> WhatIf | None:
    if not facts["checks"]:
        return None
    titles = {check["name"]: check["title"] for check in report["checks"]}
    switches = tuple(
        Switch(
            title=titles[check["name"]],
            with_sign=check["with_sign"],
            without_sign=check["without_sign"],
            left_out=check["name"] in query.left_out,
            address=query.to("r-what-if", left_out=query.leaving_out(check["name"]))
            if check["can_be_left_out"]
            else None,
        )
        for check in facts["checks"]
    )
    by_checks = {frozenset(scenario["left_out"]): scenario for scenario in facts["scenarios"]}
    return WhatIf(
        switches=switches,
        left_out=tuple(titles[name] for name in query.left_out),
        before=by_checks[frozenset()],
        after=by_checks[frozenset(query.left_out)],
        reset=query.to("r-what-if", left_out=()),
    )


def _comparison(comparison: Mapping[str, Any]) -> ComparisonView:
    rows = tuple((_GROUPS.get(group["name"], str(group["name"])), group) for group in comparison["groups"])
    return ComparisonView(rows, _difference(comparison, str(rows[0][0])))


def _difference(comparison: Mapping[str, Any], first: str) -> str:
    difference = comparison["difference"]
    if difference is None:
        return "One side has no stars to compare."
    if abs(difference) < 0.005:
        return "Both have the same average."
    said = f"“{first}” averages {abs(difference):.2f} stars {'higher' if difference > 0 else 'lower'}"
    match comparison["by_chance"]:
        case "unlikely":
            return f"{said}. Chance alone rarely makes a difference this large."
        case "possible":
            return f"{said}. That could be chance."
        case _:
            return f"{said}, but one side has too few reviews to tell whether that is chance."


def _missing(missing: Mapping[str, Any], report: Mapping[str, Any]) -> MissingView:
    sentences = tuple(_missing_sentences(missing, report["original_rating"], report["product_rating"]))
    what = "other rating" if missing.get("of_ratings") else "missing review"
    what = what if missing["missing"] == 1 else f"{what}s"
    low, high = missing["rating_low"], missing["rating_high"]
    if low is None:
        return MissingView(sentences, what, None, None, None)
    return MissingView(
        sentences,
        what,
        low=_on_scale(low),
        width=round(_on_scale(high) - _on_scale(low), 2),
        at=_on_scale(report["original_rating"]),
    )


def _missing_sentences(missing: Mapping[str, Any], average: float, shop: float) -> Iterator[str]:
    left, low, high = missing["missing"], missing["rating_low"], missing["rating_high"]
    if missing.get("of_ratings"):
        yield (
            f"The shop counts {missing['stated']:,} ratings; we read {counted(missing['read'], 'review')}. Some"
            " of them may have no text."
        )
        other = "the other rating" if left == 1 else "the other ratings"
    else:
        absent = "one is" if left == 1 else f"{left:,} are"
        yield f"We read {missing['read']:,} of the shop's {missing['stated']:,} reviews; {absent} missing here."
        other = "the missing one" if left == 1 else "the missing ones"
    if low is not None:
        yield f"With {other}, the average could be anything from {low:.2f} to {high:.2f} stars."
    if missing["averages_agree"] is False:
        yield (
            f"The shop shows {shop:.2f}. No stars of {other} could explain that, so the shop counts other reviews"
            " or weights them."
        )
    elif missing["averages_agree"]:
        gives = f"{other} {'gives' if left == 1 else 'average'}"
        yield _implied(gives, missing["missing_rating_low"], missing["missing_rating_high"], shop, average)
    best, worst = missing["grade_best"], missing["grade_worst"]
    if best and best == worst:
        yield f"{'It' if left == 1 else 'They'} cannot change the grade: it stays {best}."
    elif best and left == 1:
        yield f"The grade would be {best} if it had no warning sign, and {worst} if it had one."
    elif best:
        yield f"The grade would be {best} if none of them had a warning sign, and {worst} if all had."


def _implied(gives: str, low: float, high: float, shop: float, average: float) -> str:
    stars = f"{low:.2f}" if f"{low:.2f}" == f"{high:.2f}" else f"{low:.2f} to {high:.2f}"
    than = "lower than" if high < average else "higher than" if low > average else "about the same as"
    return f"The shop shows {shop:.2f}, so {gives} {stars}: {than} these ({average:.2f})."


def _on_scale(stars: float) -> float:
    return round(100 * (stars - 1) / 4, 2)


def _trustworthy(facts: Mapping[str, Any]) -> TrustworthyView:
    count, reasons, possible = facts["count"], facts["reasons"], facts["possible"]
    which = f"all {reasons} of these" if reasons == len(possible) else f"{reasons} of these {len(possible)}"
    have, meet = ("review has", "meets") if count == 1 else ("reviews have", "meet")
    average = "It gives" if count == 1 else "They average"
    named = "; ".join(_REASONS[reason] for reason in possible)
    stars = "" if facts["stars"] is None else f" {average} {facts['stars']:.2f} stars."
    sentence = f"{count:,} {have} no warning sign and {meet} {which}: {named}.{stars}"
    listed = [
        {**review, "reasons": [_REASONS[reason] for reason in review["reasons"]]} for review in facts["reviews"]
    ]
    return TrustworthyView(sentence, listed[:_FIRST], listed[_FIRST:])


def _reviewers(facts: Mapping[str, Any]) -> ReviewersView:
    histories = facts["histories"]
    return ReviewersView(
        sentences=tuple(_histories(histories)),
        listed=histories["listed"],
        groups=tuple(map(group_picture, facts["groups"])),
        groups_sentence=_groups_found(facts["groups_count"]),
        accuracy=accuracy_of_groups(),
    )


def _histories(histories: Mapping[str, Any]) -> Iterator[str]:
    others, met = histories["other_products"], histories["met"]
    elsewhere = "the other product" if others == 1 else f"one of the {others:,} other products"
    people = f"{_number(met)} of the {counted(histories['reviewers'], 'reviewer')} we can recognise"
    yield f"{people} also reviewed {elsewhere} analysed here."
    if rated := histories["rated"]:
        five = _number(histories["only_five_stars"])
        yield f"{five} of the {rated:,} with three reviews or more gave only five stars."
    if several := histories["several_on_one_day"]:
        yield f"{several:,} reviewed three products or more on one day."


def _number(count: int) -> str:
    return f"{count:,}" if count else "None"


def _groups_found(count: int) -> str:
    if not count:
        return "We found no group of reviewers who keep appearing together."
    groups = "One group of reviewers" if count == 1 else f"{count:,} groups of reviewers"
    return (
        f"{groups} wrote about the same other products within {WITHIN_DAYS} days. Fans of a brand and testers of"
        " new products do that too."
    )
