"""The method section of every report: rules, measured accuracy and limits."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from functools import cache
from importlib.resources import files
from typing import Any, TypedDict

from outlast_reviews.checks.burst import (
    EXTREME_FACTOR,
    LEAST_DIFFERENCE,
    LEAST_OF_ALL,
    MOST_LOWER,
    MOST_LOWER_OF_EXTREME,
)
from outlast_reviews.checks.near_copies import LEAST_ALIKE, LEAST_IN_COMMON, LEAST_IN_CORE
from outlast_reviews.formatting import percent_at_most
from outlast_reviews.language_model.opinion import ModelReport, sentences
from outlast_reviews.verdict import CHECKS_FOR_A, DAYS_FOR_A, GRADE_LIMITS, MODEL

VERSION = "6"
"""Incremented with each change that can change a verdict."""


class GradeLimit(TypedDict):
    """A grade and its inclusive upper limit, in percent of suspicious reviews."""

    grade: str
    up_to: float


class Method(TypedDict):
    """Which judge ran and how far to trust it, for a lay reader."""

    judge: str
    model: dict[str, Any] | None
    """A `ModelReport` as a dict; `None` without a model."""
    version: str
    summary: str
    rules: list[str]
    accuracy: list[str]
    limits: list[str]
    grades: list[GradeLimit]


_COPIES = "Copies found: 40 reviews in 4 days, {}% of words changed"
_SHORT_COPIES = "Copies found: 20 of a real text of 12 to 19 words, {}% changed"
_BURSTS, _SLOW_BURSTS = "Bursts found: {} reviews in 4 days", "Bursts found: {} reviews in 14 days"


@cache
def measured() -> dict[str, Any]:
    """The shipped accuracy table, as printed by `outlast reviews evaluate --planted 40 --json`."""
    return json.loads((files("outlast_reviews") / "measured_accuracy.json").read_text(encoding="utf-8"))[0]


@cache
def measured_languages() -> dict[str, Any]:
    """The same, as printed by `outlast reviews evaluate --generated 10000 --json`."""
    return json.loads((files("outlast_reviews") / "measured_accuracy.json").read_text(encoding="utf-8"))[1]


def measured_before(table: Mapping[str, Any]) -> str | None:
    """What to say of a table that was measured with an earlier version of the method."""
    if table.get("method") == VERSION:
        return None
    return f"These figures were measured before version {VERSION} of the method."


def _by_language() -> str:
    found: dict[str, list[str]] = {}
    of, false = 0, 0.0
    for line in measured_languages()["figures"]:
        language = line["group"].removeprefix("Copies in ")
        if line["name"].startswith("found with"):
            found.setdefault(language, []).append(f"{100 * line['value']:.0f}")
        elif line["name"] == "honest reviews called copies":
            of, false = line["of"], max(false, line["value"])
    told = "; ".join(
        f"{language} {', '.join(shares[:-1])} and {shares[-1]}%" for language, shares in found.items()
    )
    few = percent_at_most(100 * false) if false else "none"
    return (
        "Copies found by language, in generated reviews with 0, 5 and 10% of the words changed (of the characters"
        f" in languages without spaces): {told}. Of {of:,} honest ones in each language, {few} were flagged."
    )


def _measured() -> Mapping[str, str]:
    """One sentence for each check that was measured, by its name."""
    figures = {f"{line['group']}: {line['name']}": line for line in measured()["figures"]}

    def found(name: str, *changes: object) -> str:
        shares = [f"{100 * figures[name.format(change)]['value']:.0f}" for change in changes]
        return f"{', '.join(shares[:-1])} and {shares[-1]}%"

    flagged = figures["False alarms: copies among the files' own reviews"]["value"]
    dealt = figures["False alarms: bursts after shuffling the stars"]
    no_bursts = not figures["False alarms: bursts in the files as they are"]["value"]
    alarms = round(dealt["value"] * dealt["of"])
    whole, short = found(_COPIES, 0, 5, 10, 20), found(_SHORT_COPIES, 0, 5, 10, 20)
    quick, slow = found(_BURSTS, 20, 40, 80), found(_SLOW_BURSTS, 20, 40, 80)
    return {
        "near_copies": (
            f"Copies: we flagged {'hardly any' if flagged else 'none'} of the real reviews. Of 40 planted copies"
            f" of 30 to 40 words, we found {whole} with 0, 5, 10 and 20% of the words changed; of 20 copies"
            f" of a real text of 12 to 19 words, {short}."
        ),
        "burst": (
            f"Bursts: {'no' if no_bursts else 'a'} false alarm on three real products, and {alarms} in"
            f" {dealt['of']:,} after shuffling their stars. Of planted campaigns of 20, 40 and 80 reviews,"
            f" we found {quick} when they took four days and {slow} when they took two weeks."
        ),
    }


NOT_MEASURED = "Not measured on labelled data."


def measured_accuracy(check: str, model: ModelReport | None = None) -> str:
    """How often this check is right, as far as it was measured."""
    if check == MODEL:
        return " ".join(sentences(model)[2:]) if model else NOT_MEASURED
    told = _measured().get(check, NOT_MEASURED)
    if check == "near_copies":
        told = f"{told} {_by_language()}"
    note = measured_before(measured()) or measured_before(measured_languages())
    return f"{told} {note}" if note and told != NOT_MEASURED else told


def method(model: ModelReport | None = None) -> Method:
    """Describe the method. The figures come from public data, never from the files of this installation."""
    took_part, may, accuracy = "no language model takes part, and nothing leaves this server.", (), ()
    if model:
        model_sentences = sentences(model)
        took_part, may, accuracy = (
            f"they alone decide what counts. {model_sentences[0]}",
            model_sentences[1:2],
            model_sentences[2:],
        )
    return {
        "judge": f"evidence ledger, {model.model}" if model else "evidence ledger",
        "model": asdict(model) if model else None,
        "version": VERSION,
        "summary": (
            f"We look for warning signs by fixed, published rules; {took_part}"
            " We show every sign with the review we found it in."
        ),
        "rules": [
            "We remove duplicate entries of a source. They are never a warning sign.",
            (
                "Strong sign: two texts of at least twelve words, under different names, have half of all their"
                " three-word runs in common; from 20 words on, a quarter is enough if it is ten runs in several"
                " places. Where there are three such copies, a shorter text counts too if"
                f" {100 * LEAST_ALIKE:.0f}% of its words are those of one of them, in the same order. In a group"
                " of three writers or more, each text has at least"
                f" {100 * LEAST_IN_CORE:.0f}% of its three-word runs in the core that the group has in common."
                f" With eight to eleven words, or fewer than {LEAST_IN_COMMON} in common, it is a medium sign."
            ),
            (
                "We don't compare sentences that disclose a reward, or formulas: sentences that many writers put"
                " beside words of their own. In languages without spaces, two characters count as a word, and runs"
                " are three characters long."
            ),
            (
                "Strong sign, reviewers seen together elsewhere: at least two reviewers who also reviewed the same"
                " two other products within 14 days."
            ),
            (
                "Medium sign: five stars on days with far more reviews than the days around them, if five stars"
                " are significantly more frequent then (Fisher's exact test, p < 0.01, corrected for all stretches"
                f" tried), by at least {100 * LEAST_DIFFERENCE:.0f} points, and lower ratings are at most"
                f" {100 * MOST_LOWER:.0f}% as frequent as at other times. Fewer points are enough if there are"
                f" {EXTREME_FACTOR} times as many reviews as usual, which add {100 * LEAST_OF_ALL:.0f}% or more to"
                f" all, and lower ratings are at most {100 * MOST_LOWER_OF_EXTREME:.0f}% as frequent. We don't"
                " assess this where one such stretch holds most of the reviews."
            ),
            (
                "We count rewarded reviews separately. Unverified purchases, stars that don't fit the text and the"
                " seller's own words are weak signs and never count on their own."
            ),
            (
                "Reviews that have disappeared, and a resemblance to products that bought reviews, are context and"
                " never count."
            ),
            (
                "The low end of the share counts strong signs, and the high end counts medium ones too. A sample"
                " widens both (Wilson, 95%), unless its average differs from the shop's, because then it is not"
                " typical of the rest. The middle decides the grade. All shares are of the reviews with a text."
            ),
            f"An A based on fewer than {CHECKS_FOR_A} checks or {DAYS_FOR_A} days says so.",
            *may,
            (
                "In the adjusted rating, a review with a strong sign doesn't count, and one with a medium sign or"
                " a reward counts half. We call the rating changed only if the 95% interval says so."
            ),
        ],
        "accuracy": [
            *_measured().values(),
            _by_language(),
            *([note] if (note := measured_before(measured()) or measured_before(measured_languages())) else []),
            "Other signs: not measured on labelled data. They repeat what the text or the source says.",
            *accuracy,
            "The grade as a whole: not measured. No public data says which reviews of a product were bought.",
        ],
        "limits": [
            (
                "A single well-written fake looks like an honest review. An A means that we saw few warning signs"
                " or none, not that every review is genuine."
            ),
            "Honest people copy too. A form letter, or a sentence that a shop suggests, looks like a copy.",
            "A sale or a news story can bring many happy customers at once, which looks like a burst.",
            "Without names, a review that was exported twice looks like a copy.",
            (
                "The figures for real reviews come from English ones, and those for other languages from generated"
                " reviews. In languages that are not listed here, we look for copies too, but have not measured"
                " how many we find."
            ),
        ],
        "grades": [{"grade": grade, "up_to": float(limit)} for grade, limit in GRADE_LIMITS],
    }
