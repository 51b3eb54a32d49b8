"""Sentences of the verdict and coverage: warning signs, never an accusation (pure)."""

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

from outlast_reviews.checks.finding import Finding
from outlast_reviews.checks.incentive import NAME as INCENTIVE
from outlast_reviews.formatting import counted, day, days, month, months, percent_at_most, percent_range
from outlast_reviews.verdict import LEAST_TEXTS, Evidence, Verdict

OUTCOMES = {"found": "Found", "clear": "Clear", "not_assessed": "Couldn't run"}


def outcome(check: Mapping[str, Any]) -> str:
    """Of a report's check, as "Clear" or "Found, weak": how much what was found weighs."""
    text = OUTCOMES.get(check["outcome"], str(check["outcome"]))
    weighing = weight(check)
    return f"{text}, {weighing}" if check["outcome"] == "found" and weighing else text


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
            few = _few(verdict.checks_made) if verdict.limited else "what we could check"
            return f"{'Few' if verdict.medium else 'No'} warning signs in {few}"
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


def _few(checks: int) -> str:
    return "the only check we could run" if checks == 1 else f"the {checks} checks we could run"


_FOUND = (
    ("near_copies", "strong", "review repeats another", "reviews repeat each other"),
    ("reviewer_overlap", "strong", "reviewer was met again", "reviewers were seen together at other products"),
    ("near_copies", "medium", "short review repeats another", "short reviews repeat each other"),
    ("burst", "medium", "five-star review came in a sudden burst", "five-star reviews came in a sudden burst"),
)
"""Check and strength of a finding, the gravest first, and what it is for one review and for several."""


def _found(evidence: Evidence, findings: Sequence[Finding]) -> str | None:
    for name, strength, one, several in _FOUND:
        for finding in findings:
            rows = {s.row for s in finding.signs if s.strength == strength and evidence.suspects(s.row)}
            if finding.name == name and rows:
                single = len(rows) == 1
                names = f" under {'another name' if single else 'different names'}"
                return f"{len(rows):,} {one if single else several}{names if finding.different_names else ''}"
    return None


def explain(
    verdict: Verdict,
    evidence: Evidence,
    *,
    sample: bool,
    averages: tuple[float | None, float | None] = (None, None),
    products: int = 0,
) -> str:
    """What stands behind the headline, in one to six sentences; `averages` are the sample's and the shop's."""
    parts = [f"These are reviews of {products:,} products, judged together."] if products > 1 else []
    parts += [verdict.unsure] if verdict.unsure else []
    if verdict.with_text:
        parts.append(_signs(verdict))
    own, shop = averages
    if verdict.typical is False and own is not None and shop is not None:
        parts.append(
            f"Their average is {own:.2f} stars and the shop's is {shop:.2f}, so they are not typical of all its"
            " reviews."
        )
    elif sample and verdict.share:
        low, high = verdict.share.low, verdict.share.high
        share = percent_at_most(high) if low == 0 else percent_range(low, high)
        parts.append(f"If these are typical, expect {share} of all its reviews to show signs.")
    if count := len(evidence.incentivised):
        got = (
            "review says its writer got something for it; we count it"
            if count == 1
            else ("reviews say their writers got something for them; we count those")
        )
        parts.append(f"{count:,} {'more ' if verdict.strong + verdict.medium else ''}{got} separately.")
    missing = verdict.checks - verdict.checks_made
    if missing and verdict.with_text:
        parts.append(f"We couldn't run {missing} of {counted(verdict.checks, 'check')}.")
    return " ".join(parts)


def _signs(verdict: Verdict) -> str:
    if verdict.with_text == 1:
        of = "The one review with text shows"
        return f"{of} {'a warning sign' if verdict.strong + verdict.medium else 'no clear warning sign'}."
    of = f"of {verdict.with_text:,} reviews with text"
    if not verdict.strong + verdict.medium:
        return f"None {of} shows a clear warning sign."
    first = verdict.strong or verdict.medium
    show = "shows" if first == 1 else "show"
    if not verdict.medium:
        return f"{first:,} {of} {show} a strong warning sign."
    if not verdict.strong:
        return f"{first:,} {of} {show} a medium warning sign, none a strong one."
    return f"{first:,} {of} {show} a strong warning sign, {verdict.medium:,} more a medium one."


_MEANINGS = {
    "A": "We found nothing against these reviews. A well-written fake can still slip through.",
    "B": "Most of these reviews look fine. Skip the flagged ones; the rest are worth reading.",
    "C": "Don't go by the stars alone. Read the reviews without warning signs before you decide.",
    "D": "Be careful: about half of these reviews show warning signs. Look for opinions elsewhere too.",
    "F": "Don't rely on these reviews. Look for opinions elsewhere.",
    "U": "There is too little here to judge. Try again with more reviews of this product.",
}
_A_WITH_SIGNS = "Skip the reviews that show warning signs. We found nothing against the rest."


def meaning(report: Mapping[str, Any]) -> str:
    """What a shopper can do with the report, in one or two sentences."""
    sentence = _meaning_of_grade(report)
    if not report["rating_changed"] or report["adjusted_rating"] is None:
        return sentence
    given, adjusted = f"{report['original_rating']:.1f}", f"{report['adjusted_rating']:.1f}"
    return sentence if given == adjusted else f"{sentence} Think of it as {adjusted} stars rather than {given}."


def _meaning_of_grade(report: Mapping[str, Any]) -> str:
    signs = report["strong_count"] + report["medium_count"]
    match report["grade"]:
        case "A" if signs:
            return _A_WITH_SIGNS
        case "U" if report["judged_reviews"] >= LEAST_TEXTS:
            see = "Look at the signs below" if signs else "Read some of the reviews"
            return f"We can't settle on a grade. {see} and judge for yourself."
        case grade:
            return _MEANINGS[grade]


def what_was_read(report: Mapping[str, Any]) -> str:
    """Of a report: how many rows of which time, and what became of those that are no review of their own."""
    read = report["coverage"]
    rows, merged, skipped = read["rows"], read["merged_duplicates"], read["skipped"]
    text = f"{counted(rows, 'review')} ({report['format']})"
    if dated := dates_read(read):
        text += f", dated {dated}"
    parts = [f"{text}."]
    if merged:
        were = "was a duplicate, which" if merged == 1 else "were duplicates, which"
        parts.append(f"{merged:,} {were} we removed: a fault of the export, not a warning sign.")
    if skipped:
        parts.append(f"We couldn't read {skipped:,}.")
    return " ".join(parts)


def dates_read(coverage: Mapping[str, Any]) -> str | None:
    """From when to when the reviews are, such as "from about Mar 2024 to 3 May 2024"; `None`: it is not known."""
    if not coverage["first_date"]:
        return None
    first, last = map(dt.date.fromisoformat, (coverage["first_date"], coverage["last_date"]))
    about = [bool(coverage.get(f"{end}_date_is_approximate")) for end in ("first", "last")]
    if not any(about):
        return days(first, last).removeprefix("on ")
    if all(about):
        return months(first, last)
    ends = [f"about {month(end)}" if vague else day(end) for end, vague in zip((first, last), about, strict=True)]
    return f"from {ends[0]} to {ends[1]}"


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
