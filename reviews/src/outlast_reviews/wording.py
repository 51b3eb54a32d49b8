"""Sentences of the verdict and coverage: warning signs, never an accusation (pure)."""

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

from outlast import message, plural
from outlast_reviews.checks.finding import Finding
from outlast_reviews.checks.incentive import NAME as INCENTIVE
from outlast_reviews.formatting import about, day, days, months, percent_at_most, percent_range, span
from outlast_reviews.verdict import LEAST_TEXTS, Evidence, Verdict

OUTCOMES = {"found": message("Found"), "clear": message("Clear"), "not_assessed": message("Couldn't run")}
_FOUND_BY_WEIGHT = {
    "strong": message("Found, strong"),
    "medium": message("Found, medium"),
    "weak": message("Found, weak"),
    "not suspicious": message("Found, not suspicious"),
}


def outcome(check: Mapping[str, Any]) -> str:
    """Of a report's check, as "Clear" or "Found, weak": how much what was found weighs."""
    text = OUTCOMES.get(check["outcome"], str(check["outcome"]))
    return _FOUND_BY_WEIGHT.get(weight(check) or "", text) if check["outcome"] == "found" else text


def weight(check: Mapping[str, Any]) -> str | None:
    """What its signs count for; `None` where it has none, is context only, or the report is too old to say."""
    return "not suspicious" if check["name"] == INCENTIVE and check["count"] else check.get("strength")


def headline(verdict: Verdict, evidence: Evidence, findings: Sequence[Finding]) -> str:
    """The gravest finding, where there is a strong sign or the grade is not an A; else what the grade says."""
    told = verdict.strong or verdict.grade in ("B", "C", "D", "F")
    if found := _found(evidence, findings) if told else None:
        return found
    match verdict.grade:
        case "A":
            return _a(verdict)
        case "B":
            return message("Warning signs in some of these reviews")
        case "C":
            return message("Warning signs in many of these reviews")
        case "D":
            return message("Warning signs in about half of these reviews")
        case "F":
            return message("Warning signs in most of these reviews")
        case "U":
            return message("Not enough evidence for a grade")


def _a(verdict: Verdict) -> str:
    if not verdict.limited:
        if verdict.medium:
            return message("Few warning signs in what we could check")
        return message("No warning signs in what we could check")
    if verdict.medium:
        return plural(
            "Few warning signs in the only check we could run",
            "Few warning signs in the {n} checks we could run",
            verdict.checks_made,
        )
    return plural(
        "No warning signs in the only check we could run",
        "No warning signs in the {n} checks we could run",
        verdict.checks_made,
    )


_GRAVEST = (
    ("near_copies", "strong"),
    ("reviewer_overlap", "strong"),
    ("near_copies", "medium"),
    ("burst", "medium"),
)
"""Check and strength of a finding, the gravest first."""


def _found(evidence: Evidence, findings: Sequence[Finding]) -> str | None:
    for name, strength in _GRAVEST:
        for finding in findings:
            rows = {s.row for s in finding.signs if s.strength == strength and evidence.suspects(s.row)}
            if finding.name == name and rows:
                return _gravest(name, len(rows), strong=strength == "strong", names=finding.different_names)
    return None


def _gravest(check: str, reviews: int, *, strong: bool, names: bool) -> str:
    """`names`: whether they are known to be of different people."""
    match check, strong, names:
        case "near_copies", True, True:
            return plural(
                "{n:,} review repeats another under another name",
                "{n:,} reviews repeat each other under different names",
                reviews,
            )
        case "near_copies", True, False:
            return plural("{n:,} review repeats another", "{n:,} reviews repeat each other", reviews)
        case "near_copies", False, True:
            return plural(
                "{n:,} short review repeats another under another name",
                "{n:,} short reviews repeat each other under different names",
                reviews,
            )
        case "near_copies", False, False:
            return plural("{n:,} short review repeats another", "{n:,} short reviews repeat each other", reviews)
        case "reviewer_overlap", _, _:
            return plural(
                "{n:,} reviewer was met again",
                "{n:,} reviewers were seen together at other products",
                reviews,
            )
        case _:
            return plural(
                "{n:,} five-star review came in a sudden burst",
                "{n:,} five-star reviews came in a sudden burst",
                reviews,
            )


def explain(
    verdict: Verdict,
    evidence: Evidence,
    *,
    sample: bool,
    averages: tuple[float | None, float | None] = (None, None),
    products: int = 0,
) -> str:
    """What stands behind the headline, in one to six sentences; `averages` are the sample's and the shop's."""
    parts: list[str] = []
    if products > 1:
        parts.append(message("These are reviews of {products:,} products, judged together.", products=products))
    parts += [verdict.unsure] if verdict.unsure else []
    if verdict.with_text:
        parts.append(_signs(verdict))
    own, shop = averages
    if verdict.typical is False and own is not None and shop is not None:
        parts.append(
            message(
                "Their average is {own:.2f} stars and the shop's is {shop:.2f}, so they are not typical of all its"
                " reviews.",
                own=own,
                shop=shop,
            )
        )
    elif sample and verdict.share:
        low, high = verdict.share.low, verdict.share.high
        share = percent_at_most(high) if low == 0 else percent_range(low, high)
        parts.append(
            message("If these are typical, expect {share} of all its reviews to show signs.", share=share)
        )
    if evidence.incentivised:
        parts.append(_rewarded(len(evidence.incentivised), more=verdict.strong + verdict.medium > 0))
    missing = verdict.checks - verdict.checks_made
    if missing and verdict.with_text:
        parts.append(
            plural(
                "We couldn't run {missing} of {n:,} check.",
                "We couldn't run {missing} of {n:,} checks.",
                verdict.checks,
                missing=missing,
            )
        )
    return " ".join(parts)


def _rewarded(reviews: int, *, more: bool) -> str:
    """`more`: whether other reviews were told of before."""
    if more:
        return plural(
            "{n:,} more review says its writer got something for it; we count it separately.",
            "{n:,} more reviews say their writers got something for them; we count those separately.",
            reviews,
        )
    return plural(
        "{n:,} review says its writer got something for it; we count it separately.",
        "{n:,} reviews say their writers got something for them; we count those separately.",
        reviews,
    )


def _signs(verdict: Verdict) -> str:
    texts, strong, medium = verdict.with_text, verdict.strong, verdict.medium
    if texts == 1 and strong + medium:
        return message("The one review with text shows a warning sign.")
    if texts == 1:
        return message("The one review with text shows no clear warning sign.")
    if not strong + medium:
        return message("None of {texts:,} reviews with text shows a clear warning sign.", texts=texts)
    if not medium:
        return plural(
            "{n:,} of {texts:,} reviews with text shows a strong warning sign.",
            "{n:,} of {texts:,} reviews with text show a strong warning sign.",
            strong,
            texts=texts,
        )
    if not strong:
        return plural(
            "{n:,} of {texts:,} reviews with text shows a medium warning sign, none a strong one.",
            "{n:,} of {texts:,} reviews with text show a medium warning sign, none a strong one.",
            medium,
            texts=texts,
        )
    return plural(
        "{n:,} of {texts:,} reviews with text shows a strong warning sign, {medium:,} more a medium one.",
        "{n:,} of {texts:,} reviews with text show a strong warning sign, {medium:,} more a medium one.",
        strong,
        texts=texts,
        medium=medium,
    )


_MEANINGS = {
    "A": message("We found nothing against these reviews. A well-written fake can still slip through."),
    "B": message("Most of these reviews look fine. Skip the flagged ones; the rest are worth reading."),
    "C": message("Don't go by the stars alone. Read the reviews without warning signs before you decide."),
    "D": message("Be careful: about half of these reviews show warning signs. Look for opinions elsewhere too."),
    "F": message("Don't rely on these reviews. Look for opinions elsewhere."),
    "U": message("There is too little here to judge. Try again with more reviews of this product."),
}
_A_WITH_SIGNS = message("Skip the reviews that show warning signs. We found nothing against the rest.")


def meaning(report: Mapping[str, Any]) -> str:
    """What a shopper can do with the report, in one or two sentences."""
    sentence = _meaning_of_grade(report)
    if not report["rating_changed"] or report["adjusted_rating"] is None:
        return sentence
    given, adjusted = round(report["original_rating"], 1), round(report["adjusted_rating"], 1)
    if given == adjusted:
        return sentence
    return message(
        "{meaning} Think of it as {adjusted:.1f} stars rather than {given:.1f}.",
        meaning=sentence,
        adjusted=adjusted,
        given=given,
    )


def _meaning_of_grade(report: Mapping[str, Any]) -> str:
    signs = report["strong_count"] + report["medium_count"]
    match report["grade"]:
        case "A" if signs:
            return _A_WITH_SIGNS
        case "U" if report["judged_reviews"] >= LEAST_TEXTS:
            if signs:
                return message("We can't settle on a grade. Look at the signs below and judge for yourself.")
            return message("We can't settle on a grade. Read some of the reviews and judge for yourself.")
        case grade:
            return _MEANINGS[grade]


def what_was_read(report: Mapping[str, Any]) -> str:
    """Of a report: how many rows of which time, and what became of those that are no review of their own."""
    read = report["coverage"]
    rows, merged, skipped = read["rows"], read["merged_duplicates"], read["skipped"]
    parts = [_rows_read(rows, report["format"], dates_read(read))]
    if merged:
        parts.append(
            plural(
                "{n:,} was a duplicate, which we removed: a fault of the export, not a warning sign.",
                "{n:,} were duplicates, which we removed: a fault of the export, not a warning sign.",
                merged,
            )
        )
    if skipped:
        parts.append(message("We couldn't read {rows:,}.", rows=skipped))
    return " ".join(parts)


def _rows_read(rows: int, kind: str, dates: str | None) -> str:
    if dates is None:
        return plural("{n:,} review ({kind}).", "{n:,} reviews ({kind}).", rows, kind=kind)
    return plural(
        "{n:,} review ({kind}), dated {dates}.",
        "{n:,} reviews ({kind}), dated {dates}.",
        rows,
        kind=kind,
        dates=dates,
    )


def dates_read(coverage: Mapping[str, Any]) -> str | None:
    """From when to when the reviews are, such as "from about Mar 2024 to 3 May 2024"; `None`: it is not known."""
    if not coverage["first_date"]:
        return None
    first, last = map(dt.date.fromisoformat, (coverage["first_date"], coverage["last_date"]))
    vague = [bool(coverage.get(f"{end}_date_is_approximate")) for end in ("first", "last")]
    if all(vague):
        return months(first, last)
    if first == last:
        return day(first)
    if not any(vague):
        return days(first, last)
    return span(*(about(end) if one else day(end) for end, one in zip((first, last), vague, strict=True)))


def what_was_not_read(report: Mapping[str, Any]) -> list[str]:
    """Why and which rows, and what was left out whole."""
    read = report["coverage"]
    reasons = [
        message(
            "Not read: {reason} ({count:,}: {rows})",
            reason=one["reason"],
            count=one["count"],
            rows=one["rows"],
        )
        for one in read["skipped_reasons"]
    ]
    return [*reasons, *(message("Left out: {what}", what=line) for line in read["left_out"])]


def products_together(report: Mapping[str, Any]) -> str | None:
    """Which products were judged together; `None` where there is one, as there should be."""
    read = report["coverage"]
    if read["products_count"] < 2:
        return None
    named = ", ".join(f"{one['name']} ({one['count']:,})" for one in read["products"])
    more = read["products_count"] - len(read["products"])
    if more > 0:
        return message(
            "They cover {products:,} products, but a grade is for one: {named} and {more:,} more.",
            products=read["products_count"],
            named=named,
            more=more,
        )
    return message(
        "They cover {products:,} products, but a grade is for one: {named}.",
        products=read["products_count"],
        named=named,
    )
