"""The method section of every report: rules, measured accuracy and limits."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import cache
from importlib.resources import files
from typing import Any, TypedDict

from outlast import message
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


_Figures = Mapping[str, Mapping[str, Any]]
"""The lines of a table of accuracy by their names."""
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
    return message("These figures were measured before version {version} of the method.", version=VERSION)


def _by_language() -> str:
    found: dict[str, float] = {}
    of, false = 0, 0.0
    for line in measured_languages()["figures"]:
        language = line["group"].removeprefix("Copies in ").lower()
        if line["name"].startswith("found with"):
            changed = line["name"].removeprefix("found with ").partition("%")[0]
            found[f"{language}_{changed}"] = 100 * line["value"]
        elif line["name"] == "honest reviews called copies":
            of, false = line["of"], max(false, line["value"])
    shares = message(
        "Copies found by language, in generated reviews with 0, 5 and 10% of the words changed (of the characters"
        " in languages without spaces): English {english_0:.0f}, {english_5:.0f} and {english_10:.0f}%; German"
        " {german_0:.0f}, {german_5:.0f} and {german_10:.0f}%; French {french_0:.0f}, {french_5:.0f} and"
        " {french_10:.0f}%; Spanish {spanish_0:.0f}, {spanish_5:.0f} and {spanish_10:.0f}%; Japanese"
        " {japanese_0:.0f}, {japanese_5:.0f} and {japanese_10:.0f}%; Chinese {chinese_0:.0f}, {chinese_5:.0f} and"
        " {chinese_10:.0f}%.",
        **found,
    )
    if false:
        flagged = message(
            "Of {honest:,} honest ones in each language, {few} were flagged.",
            honest=of,
            few=percent_at_most(100 * false),
        )
    else:
        flagged = message("Of {honest:,} honest ones in each language, none were flagged.", honest=of)
    return f"{shares} {flagged}"


def _measured() -> Mapping[str, str]:
    """The figures of each check that was measured, by its name."""
    figures = {f"{line['group']}: {line['name']}": line for line in measured()["figures"]}
    return {"near_copies": _measured_copies(figures), "burst": _measured_bursts(figures)}


def _measured_copies(figures: _Figures) -> str:
    flagged = (
        message("Copies: we flagged hardly any of the real reviews.")
        if figures["False alarms: copies among the files' own reviews"]["value"]
        else message("Copies: we flagged none of the real reviews.")
    )
    found = message(
        "Of 40 planted copies of 30 to 40 words, we found {long_0:.0f}, {long_5:.0f}, {long_10:.0f} and"
        " {long_20:.0f}% with 0, 5, 10 and 20% of the words changed; of 20 copies of a real text of 12 to 19"
        " words, {short_0:.0f}, {short_5:.0f}, {short_10:.0f} and {short_20:.0f}%.",
        **{f"long_{change}": _percentage(figures, _COPIES, change) for change in (0, 5, 10, 20)},
        **{f"short_{change}": _percentage(figures, _SHORT_COPIES, change) for change in (0, 5, 10, 20)},
    )
    return f"{flagged} {found}"


def _measured_bursts(figures: _Figures) -> str:
    shuffled = figures["False alarms: bursts after shuffling the stars"]
    alarms, products = round(shuffled["value"] * shuffled["of"]), shuffled["of"]
    if figures["False alarms: bursts in the files as they are"]["value"]:
        false = message(
            "Bursts: a false alarm on three real products, and {alarms} in {products:,} after shuffling their"
            " stars.",
            alarms=alarms,
            products=products,
        )
    else:
        false = message(
            "Bursts: no false alarm on three real products, and {alarms} in {products:,} after shuffling their"
            " stars.",
            alarms=alarms,
            products=products,
        )
    found = message(
        "Of planted campaigns of 20, 40 and 80 reviews, we found {quick_20:.0f}, {quick_40:.0f} and"
        " {quick_80:.0f}% when they took four days and {slow_20:.0f}, {slow_40:.0f} and {slow_80:.0f}% when they"
        " took two weeks.",
        **{f"quick_{reviews}": _percentage(figures, _BURSTS, reviews) for reviews in (20, 40, 80)},
        **{f"slow_{reviews}": _percentage(figures, _SLOW_BURSTS, reviews) for reviews in (20, 40, 80)},
    )
    return f"{false} {found}"


def _percentage(figures: _Figures, name: str, of: int) -> float:
    return 100 * figures[name.format(of)]["value"]


NOT_MEASURED = message("Not measured on labelled data.")


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
    told = sentences(model) if model else ()
    return {
        "judge": message("evidence ledger, {model}", model=model.model) if model else message("evidence ledger"),
        "model": asdict(model) if model else None,
        "version": VERSION,
        "summary": _summary(told[0] if told else None),
        "rules": _rules(told[1:2]),
        "accuracy": [
            *_measured().values(),
            _by_language(),
            *([note] if (note := measured_before(measured()) or measured_before(measured_languages())) else []),
            message("Other signs: not measured on labelled data. They repeat what the text or the source says."),
            *told[2:],
            message(
                "The grade as a whole: not measured. No public data says which reviews of a product were bought."
            ),
        ],
        "limits": list(_LIMITS),
        "grades": [{"grade": grade, "up_to": float(limit)} for grade, limit in GRADE_LIMITS],
    }


def _summary(took_part: str | None) -> str:
    if took_part is None:
        return message(
            "We look for warning signs by fixed, published rules; no language model takes part, and nothing leaves"
            " this server. We show every sign with the review we found it in."
        )
    first = message("We look for warning signs by fixed, published rules; they alone decide what counts.")
    last = message("We show every sign with the review we found it in.")
    return f"{first} {took_part} {last}"


def _rules(of_model: Sequence[str]) -> list[str]:
    return [
        message("We remove duplicate entries of a source. They are never a warning sign."),
        message(
            "Strong sign: two texts of at least twelve words, under different names, have half of all their"
            " three-word runs in common; from 20 words on, a quarter is enough if it is ten runs in several"
            " places. Where there are three such copies, a shorter text counts too if {alike:.0f}% of its words"
            " are those of one of them, in the same order. In a group of three writers or more, each text has at"
            " least {core:.0f}% of its three-word runs in the core that the group has in common. With eight to"
            " eleven words, or fewer than {least} in common, it is a medium sign.",
            alike=100 * LEAST_ALIKE,
            core=100 * LEAST_IN_CORE,
            least=LEAST_IN_COMMON,
        ),
        message(
            "We don't compare sentences that disclose a reward, or formulas: sentences that many writers put"
            " beside words of their own. In languages without spaces, two characters count as a word, and runs are"
            " three characters long."
        ),
        message(
            "Strong sign, reviewers seen together elsewhere: at least two reviewers who also reviewed the same two"
            " other products within 14 days."
        ),
        message(
            "Medium sign: five stars on days with far more reviews than the days around them, if five stars are"
            " significantly more frequent then (Fisher's exact test, p < 0.01, corrected for all stretches"
            " tried), by at least {points:.0f} points, and lower ratings are at most {share:.0f}% as frequent as"
            " at other times. Fewer points are enough if there are {factor} times as many reviews as usual, which"
            " add {added:.0f}% or more to all, and lower ratings are at most {extreme:.0f}% as frequent. We don't"
            " assess this where one such stretch holds most of the reviews.",
            points=100 * LEAST_DIFFERENCE,
            share=100 * MOST_LOWER,
            factor=EXTREME_FACTOR,
            added=100 * LEAST_OF_ALL,
            extreme=100 * MOST_LOWER_OF_EXTREME,
        ),
        message(
            "We count rewarded reviews separately. Unverified purchases, stars that don't fit the text and the"
            " seller's own words are weak signs and never count on their own."
        ),
        message(
            "Reviews that have disappeared, and a resemblance to products that bought reviews, are context and"
            " never count."
        ),
        message(
            "The low end of the share counts strong signs, and the high end counts medium ones too. A sample"
            " widens both (Wilson, 95%), unless its average differs from the shop's, because then it is not"
            " typical of the rest. The middle decides the grade. All shares are of the reviews with a text."
        ),
        message(
            "An A based on fewer than {checks} checks or {days} days says so.",
            checks=CHECKS_FOR_A,
            days=DAYS_FOR_A,
        ),
        *of_model,
        message(
            "In the adjusted rating, a review with a strong sign doesn't count, and one with a medium sign or a"
            " reward counts half. We call the rating changed only if the 95% interval says so."
        ),
    ]


_LIMITS = (
    message(
        "A single well-written fake looks like an honest review. An A means that we saw few warning signs or none,"
        " not that every review is genuine."
    ),
    message("Honest people copy too. A form letter, or a sentence that a shop suggests, looks like a copy."),
    message("A sale or a news story can bring many happy customers at once, which looks like a burst."),
    message("Without names, a review that was exported twice looks like a copy."),
    message(
        "The figures for real reviews come from English ones, and those for other languages from generated"
        " reviews. In languages that are not listed here, we look for copies too, but have not measured how many"
        " we find."
    ),
)
