"""The part `insights` of a report in the words and shapes of the page (pure)."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from outlast import message, plural
from outlast_reviews.insights.comparisons import FIRST_DAYS
from outlast_reviews.insights.measured_groups import accuracy_of_groups
from outlast_reviews.insights.reviewer_groups import WITHIN_DAYS
from outlast_reviews.insights.trustworthy import LEAST_WORDS
from outlast_reviews.pages.group_picture import GroupPicture, group_picture
from outlast_reviews.pages.query import ReportQuery

_FIRST = 5
"""Trustworthy reviews that show without being asked for."""
_REASONS = {
    "verified": message("verified purchase"),
    "own_words": message("at least {words} words, and no copy of another review", words=LEAST_WORDS),
    "ordinary_day": message("not written during a burst"),
    "reviewer": message("named reviewer"),
}
_GROUPS = {
    "verified": message("Verified purchase"),
    "not_verified": message("Not verified"),
    "rewarded": message("Rewarded"),
    "not_rewarded": message("Not rewarded"),
    "first_days": message("First {days} days", days=FIRST_DAYS),
    "later": message("Later"),
    "one_review": message("Reviewer’s only review"),
    "more_reviews": message("Reviewer of several"),
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
    heading: str
    caption: str
    """What its picture shows."""
    low: float | None
    """The range of the average, in percent of the way from one star to five."""
    width: float | None
    at: float | None


@dataclass(frozen=True, slots=True)
class TrustworthyView:
    meeting: str
    """How many reviews meet how many of the reasons."""
    reasons: Sequence[str]
    average: str | None
    """What stars they give, where they have stars."""
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
        return message("One side has no stars to compare.")
    if abs(difference) < 0.005:
        return message("Both have the same average.")
    values = {"group": first, "stars": abs(difference)}
    match comparison["by_chance"], difference > 0:
        case "unlikely", True:
            return message(
                "“{group}” averages {stars:.2f} stars higher. Chance alone rarely makes a difference this large.",
                **values,
            )
        case "unlikely", False:
            return message(
                "“{group}” averages {stars:.2f} stars lower. Chance alone rarely makes a difference this large.",
                **values,
            )
        case "possible", True:
            return message("“{group}” averages {stars:.2f} stars higher. That could be chance.", **values)
        case "possible", False:
            return message("“{group}” averages {stars:.2f} stars lower. That could be chance.", **values)
        case _, True:
            return message(
                "“{group}” averages {stars:.2f} stars higher, but one side has too few reviews to tell whether"
                " that is chance.",
                **values,
            )
        case _:
            return message(
                "“{group}” averages {stars:.2f} stars lower, but one side has too few reviews to tell whether"
                " that is chance.",
                **values,
            )


def _missing(missing: Mapping[str, Any], report: Mapping[str, Any]) -> MissingView:
    sentences = tuple(_missing_sentences(missing, report["original_rating"], report["product_rating"]))
    left = missing["missing"]
    if missing.get("of_ratings"):
        heading = plural("What the other rating could change", "What the other ratings could change", left)
        caption = plural(
            "What the average could be with the other rating",
            "What the average could be with the other ratings",
            left,
        )
    else:
        heading = plural("What the missing review could change", "What the missing reviews could change", left)
        caption = plural(
            "What the average could be with the missing review",
            "What the average could be with the missing reviews",
            left,
        )
    low, high = missing["rating_low"], missing["rating_high"]
    if low is None:
        return MissingView(sentences, heading, caption, None, None, None)
    return MissingView(
        sentences,
        heading,
        caption,
        low=_on_scale(low),
        width=round(_on_scale(high) - _on_scale(low), 2),
        at=_on_scale(report["original_rating"]),
    )


def _missing_sentences(missing: Mapping[str, Any], average: float, shop: float) -> Iterator[str]:
    left, low, high = missing["missing"], missing["rating_low"], missing["rating_high"]
    of_ratings = bool(missing.get("of_ratings"))
    if of_ratings:
        yield plural(
            "The shop counts {stated:,} ratings; we read {n:,} review. Some of them may have no text.",
            "The shop counts {stated:,} ratings; we read {n:,} reviews. Some of them may have no text.",
            missing["read"],
            stated=missing["stated"],
        )
    else:
        yield plural(
            "We read {read:,} of the shop's {stated:,} reviews; one is missing here.",
            "We read {read:,} of the shop's {stated:,} reviews; {n:,} are missing here.",
            left,
            read=missing["read"],
            stated=missing["stated"],
        )
    if low is not None and of_ratings:
        yield plural(
            "With the other rating, the average could be anything from {low:.2f} to {high:.2f} stars.",
            "With the other ratings, the average could be anything from {low:.2f} to {high:.2f} stars.",
            left,
            low=low,
            high=high,
        )
    elif low is not None:
        yield plural(
            "With the missing one, the average could be anything from {low:.2f} to {high:.2f} stars.",
            "With the missing ones, the average could be anything from {low:.2f} to {high:.2f} stars.",
            left,
            low=low,
            high=high,
        )
    if missing["averages_agree"] is False:
        yield _unexplained(shop, left, of_ratings=of_ratings)
    elif missing["averages_agree"]:
        implied = _implied_by_ratings if of_ratings else _implied_by_reviews
        yield implied(left, missing["missing_rating_low"], missing["missing_rating_high"], shop, average)
    best, worst = missing["grade_best"], missing["grade_worst"]
    if best and best == worst:
        yield plural(
            "It cannot change the grade: it stays {grade}.",
            "They cannot change the grade: it stays {grade}.",
            left,
            grade=best,
        )
    elif best:
        yield plural(
            "The grade would be {best} if it had no warning sign, and {worst} if it had one.",
            "The grade would be {best} if none of them had a warning sign, and {worst} if all had.",
            left,
            best=best,
            worst=worst,
        )


def _unexplained(shop: float, left: int, *, of_ratings: bool) -> str:
    if of_ratings:
        return plural(
            "The shop shows {shop:.2f}. No stars of the other rating could explain that, so the shop counts other"
            " reviews or weights them.",
            "The shop shows {shop:.2f}. No stars of the other ratings could explain that, so the shop counts other"
            " reviews or weights them.",
            left,
            shop=shop,
        )
    return plural(
        "The shop shows {shop:.2f}. No stars of the missing one could explain that, so the shop counts other"
        " reviews or weights them.",
        "The shop shows {shop:.2f}. No stars of the missing ones could explain that, so the shop counts other"
        " reviews or weights them.",
        left,
        shop=shop,
    )


def _implied_by_reviews(left: int, low: float, high: float, shop: float, average: float) -> str:
    values = {"shop": shop, "stars": _from_to(low, high), "average": average}
    if high < average:
        return plural(
            "The shop shows {shop:.2f}, so the missing one gives {stars}: lower than these ({average:.2f}).",
            "The shop shows {shop:.2f}, so the missing ones average {stars}: lower than these ({average:.2f}).",
            left,
            **values,
        )
    if low > average:
        return plural(
            "The shop shows {shop:.2f}, so the missing one gives {stars}: higher than these ({average:.2f}).",
            "The shop shows {shop:.2f}, so the missing ones average {stars}: higher than these ({average:.2f}).",
            left,
            **values,
        )
    return plural(
        "The shop shows {shop:.2f}, so the missing one gives {stars}: about the same as these ({average:.2f}).",
        "The shop shows {shop:.2f}, so the missing ones average {stars}: about the same as these ({average:.2f}).",
        left,
        **values,
    )


def _implied_by_ratings(left: int, low: float, high: float, shop: float, average: float) -> str:
    values = {"shop": shop, "stars": _from_to(low, high), "average": average}
    if high < average:
        return plural(
            "The shop shows {shop:.2f}, so the other rating gives {stars}: lower than these ({average:.2f}).",
            "The shop shows {shop:.2f}, so the other ratings average {stars}: lower than these ({average:.2f}).",
            left,
            **values,
        )
    if low > average:
        return plural(
            "The shop shows {shop:.2f}, so the other rating gives {stars}: higher than these ({average:.2f}).",
            "The shop shows {shop:.2f}, so the other ratings average {stars}: higher than these ({average:.2f}).",
            left,
            **values,
        )
    return plural(
        "The shop shows {shop:.2f}, so the other rating gives {stars}: about the same as these ({average:.2f}).",
        "The shop shows {shop:.2f}, so the other ratings average {stars}: about the same as these"
        " ({average:.2f}).",
        left,
        **values,
    )


def _from_to(low: float, high: float) -> str:
    if f"{low:.2f}" == f"{high:.2f}":
        return f"{low:.2f}"
    return message("{low:.2f} to {high:.2f}", low=low, high=high)


def _on_scale(stars: float) -> float:
    return round(100 * (stars - 1) / 4, 2)


def _trustworthy(facts: Mapping[str, Any]) -> TrustworthyView:
    listed = [
        {**review, "reasons": [_REASONS[reason] for reason in review["reasons"]]} for review in facts["reviews"]
    ]
    reasons = [_REASONS[reason] for reason in facts["possible"]]
    return TrustworthyView(_meeting(facts), reasons, _their_average(facts), listed[:_FIRST], listed[_FIRST:])


def _meeting(facts: Mapping[str, Any]) -> str:
    count, reasons, possible = facts["count"], facts["reasons"], len(facts["possible"])
    if reasons == possible:
        return plural(
            "{n:,} review has no warning sign and meets all {reasons} of these:",
            "{n:,} reviews have no warning sign and meet all {reasons} of these:",
            count,
            reasons=reasons,
        )
    return plural(
        "{n:,} review has no warning sign and meets {reasons} of these {possible}:",
        "{n:,} reviews have no warning sign and meet {reasons} of these {possible}:",
        count,
        reasons=reasons,
        possible=possible,
    )


def _their_average(facts: Mapping[str, Any]) -> str | None:
    if facts["stars"] is None:
        return None
    return plural(
        "It gives {stars:.2f} stars.", "They average {stars:.2f} stars.", facts["count"], stars=facts["stars"]
    )


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
    yield _met(histories["met"], histories["reviewers"], histories["other_products"])
    if rated := histories["rated"]:
        five = histories["only_five_stars"]
        if five:
            yield plural(
                "{n:,} of the {rated:,} with three reviews or more gave only five stars.",
                "{n:,} of the {rated:,} with three reviews or more gave only five stars.",
                five,
                rated=rated,
            )
        else:
            yield message("None of the {rated:,} with three reviews or more gave only five stars.", rated=rated)
    if several := histories["several_on_one_day"]:
        yield plural(
            "{n:,} reviewed three products or more on one day.",
            "{n:,} reviewed three products or more on one day.",
            several,
        )


def _met(met: int, reviewers: int, others: int) -> str:
    match met > 0, others == 1:
        case True, True:
            return plural(
                "{met:,} of the {n:,} reviewer we can recognise also reviewed the other product analysed here.",
                "{met:,} of the {n:,} reviewers we can recognise also reviewed the other product analysed here.",
                reviewers,
                met=met,
            )
        case True, False:
            return plural(
                "{met:,} of the {n:,} reviewer we can recognise also reviewed one of the {others:,} other products"
                " analysed here.",
                "{met:,} of the {n:,} reviewers we can recognise also reviewed one of the {others:,} other"
                " products analysed here.",
                reviewers,
                met=met,
                others=others,
            )
        case False, True:
            return plural(
                "None of the {n:,} reviewer we can recognise also reviewed the other product analysed here.",
                "None of the {n:,} reviewers we can recognise also reviewed the other product analysed here.",
                reviewers,
            )
        case _:
            return plural(
                "None of the {n:,} reviewer we can recognise also reviewed one of the {others:,} other products"
                " analysed here.",
                "None of the {n:,} reviewers we can recognise also reviewed one of the {others:,} other products"
                " analysed here.",
                reviewers,
                others=others,
            )


def _groups_found(count: int) -> str:
    if not count:
        return message("We found no group of reviewers who keep appearing together.")
    return plural(
        "One group of reviewers wrote about the same other products within {days} days. Fans of a brand and"
        " testers of new products do that too.",
        "{n:,} groups of reviewers wrote about the same other products within {days} days. Fans of a brand and"
        " testers of new products do that too.",
        count,
        days=WITHIN_DAYS,
    )
