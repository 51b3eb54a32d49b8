"""Sentences of the verdict and coverage: warning signs, never an accusation (pure)."""

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

from outlast_reviews.checks.finding import Finding
from outlast_reviews.checks.incentive import NAME as INCENTIVE
from outlast_reviews.formatting import days, percent_at_most, percent_range
from outlast_reviews.verdict import Evidence, Verdict

OUTCOMES = {"found": "Found", "clear": "Clear", "not_assessed": "Couldn't run"}


def outcome(check: Mapping[str, Any]) -> str:
    """Of a report's check, as "Clear" or "Found, weak": how much what was found weighs."""
    text = OUTCOMES.get(check["outcome"], str(check["outcome"]))
    weighing = weight(check)
    return f"{text}, {weighing}" if check["outcome"] == "found" and weighing else text


def weight(check: Mapping[str, Any]) -> str | None:
    """What its signs count for; `None` where it has none, is context only, or the report is too old to say."""
    return "not suspicious" if check["name"] == INCENTIVE and check["count"] else check.get("strength")


def headline(verdict: Verdict) -> str:
    match verdict.grade:
        case "A" if not verdict.strong + verdict.medium:
            return "No warning signs in what could be checked"
        case "A":
            return "Hardly any warning signs in what could be checked"
        case "B":
            return "Warning signs in some of these reviews"
        case "C":
            return "Warning signs in many of these reviews"
        case "D":
            return "Warning signs in about half of these reviews"
        case "F":
            return "Warning signs in most of these reviews"
        case "U":
            return "Not enough evidence for a grade"


def explain(
    verdict: Verdict, evidence: Evidence, findings: Sequence[Finding], *, sample: bool, products: int = 0
) -> str:
    """What stands behind the headline, in one to six sentences."""
    parts = [f"These are reviews of {products:,} products, judged together."] if products > 1 else []
    parts += [verdict.unsure] if verdict.unsure else []
    if verdict.with_text:
        parts.append(_signs(verdict))
    if sample and verdict.share:
        low, high = verdict.share.low, verdict.share.high
        share = percent_at_most(high) if low == 0 else percent_range(low, high)
        parts.append(f"If these are typical, expect {share} of all its reviews to show signs.")
    if count := len(evidence.incentivised):
        say, them = ("says", "it") if count == 1 else ("say", "those")
        parts.append(f"{count:,} more {say} the writer got something for it; we count {them} separately.")
    counting = [finding for finding in findings if not finding.context]
    missing = sum(finding.outcome == "not_assessed" for finding in counting)
    if missing and verdict.with_text:
        parts.append(f"We couldn't run {missing} of {len(counting)} checks.")
    return " ".join(parts)


def _signs(verdict: Verdict) -> str:
    of = f"of {verdict.with_text:,} {'review' if verdict.with_text == 1 else 'reviews'} with text"
    strong, medium = verdict.strong, verdict.medium
    if not strong + medium:
        return f"None {of} shows a clear warning sign."
    if not medium:
        return f"{strong:,} {of} {'shows' if strong == 1 else 'show'} a strong warning sign."
    if not strong:
        return f"{medium:,} {of} {'shows' if medium == 1 else 'show'} a medium warning sign, none a strong one."
    show = "shows" if strong == 1 else "show"
    return f"{strong:,} {of} {show} a strong warning sign, {medium:,} more a medium one."


_MEANINGS = {
    "A": "We found nothing against these reviews. A well-written fake can still slip through.",
    "B": "Most of these reviews look fine. Skip the flagged ones; the rest are worth reading.",
    "C": "Don't go by the stars alone. Read the reviews without warning signs before you decide.",
    "D": "Be careful: about half of these reviews show warning signs. Look for opinions elsewhere too.",
    "F": "Don't rely on these reviews. Look for opinions elsewhere.",
    "U": "There is too little here to judge. Try again with more reviews of this product.",
}


def meaning(report: Mapping[str, Any]) -> str:
    """What a shopper can do with the report, in one or two sentences."""
    sentence = _MEANINGS[report["grade"]]
    if not report["rating_changed"] or report["adjusted_rating"] is None:
        return sentence
    given, adjusted = f"{report['original_rating']:.1f}", f"{report['adjusted_rating']:.1f}"
    return sentence if given == adjusted else f"{sentence} Think of it as {adjusted} stars rather than {given}."


def what_was_read(report: Mapping[str, Any]) -> str:
    """Of a report: how many rows of which time, and what became of those that are no review of their own."""
    read = report["coverage"]
    rows, merged, skipped = read["rows"], read["merged_duplicates"], read["skipped"]
    text = f"{rows:,} {'review' if rows == 1 else 'reviews'} ({report['format']})"
    if read["first_date"]:
        first, last = map(dt.date.fromisoformat, (read["first_date"], read["last_date"]))
        text += f", dated {days(first, last).removeprefix('on ')}"
    parts = [f"{text}."]
    if merged:
        were = "was a duplicate, which" if merged == 1 else "were duplicates, which"
        parts.append(f"{merged:,} {were} we removed: a fault of the export, not a warning sign.")
    if skipped:
        parts.append(f"We couldn't read {skipped:,}.")
    return " ".join(parts)


def what_was_not_read(report: Mapping[str, Any]) -> list[str]:
    """Why and which rows, and what was left out whole."""
    read = report["coverage"]
    reasons = [
        f"{one['reason'][:1].upper()}{one['reason'][1:]} ({one['count']:,}: {one['rows']})"
        for one in read["skipped_reasons"]
    ]
    return [*reasons, *(f"Left out: {line}" for line in read["left_out"])]


def products_together(report: Mapping[str, Any]) -> str | None:
    """Which products were judged together; `None` where there is one, as there should be."""
    read = report["coverage"]
    if read["products_count"] < 2:
        return None
    named = ", ".join(f"{one['name']} ({one['count']:,})" for one in read["products"])
    more = read["products_count"] - len(read["products"])
    others = f" and {more:,} more" if more > 0 else ""
    return f"They cover {read['products_count']:,} products, but a grade is for one: {named}{others}."
