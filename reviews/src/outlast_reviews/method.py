"""The method section of every report: rules, measured accuracy and limits."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from functools import cache
from importlib.resources import files
from typing import Any, TypedDict

from outlast_reviews.language_model.opinion import ModelReport, sentences
from outlast_reviews.verdict import GRADE_LIMITS, MODEL

VERSION = "4"
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


_COPIES = "Copies found: 40 reviews in 4 days, {} % of words changed"
_SHORT_COPIES = "Copies found: 20 of a real text of 12 to 19 words, {} % changed"
_BURSTS, _SLOW_BURSTS = "Bursts found: {} reviews in 4 days", "Bursts found: {} reviews in 14 days"


@cache
def measured() -> dict[str, Any]:
    """The shipped accuracy table, as printed by `outlast reviews evaluate --planted 40 --json`."""
    return json.loads((files("outlast_reviews") / "measured_accuracy.json").read_text(encoding="utf-8"))[0]


def _measured() -> Mapping[str, str]:
    """One sentence for each check that was measured, by its name."""
    figures = {f"{line['group']}: {line['name']}": line for line in measured()["figures"]}

    def found(name: str, *changes: object) -> str:
        shares = [f"{100 * figures[name.format(change)]['value']:.0f}" for change in changes]
        return f"{', '.join(shares[:-1])} and {shares[-1]}%"

    flagged = figures["False alarms: copies among the files' own reviews"]["value"]
    dealt = figures["False alarms: bursts after dealing the stars out anew"]
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
            f"Bursts: no false alarm on three real products, and {alarms} in {dealt['of']:,} after shuffling their"
            f" stars. Of planted campaigns of 20, 40 and 80 reviews, we found {quick} when they took four days and"
            f" {slow} when they took two weeks."
        ),
    }


NOT_MEASURED = "Not measured on labelled data."


def measured_accuracy(check: str, model: ModelReport | None = None) -> str:
    """How often this check is right, as far as it was measured."""
    if check == MODEL:
        return " ".join(sentences(model)[2:]) if model else NOT_MEASURED
    return _measured().get(check, NOT_MEASURED)


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
                "Strong sign, near-identical texts: at least eight words, and half of all three-word runs shared"
                " with a review under another name. From 20 words on, a quarter is enough if it is ten runs in"
                " several places. We leave out sentences that disclose a reward."
            ),
            (
                "Strong sign, reviewers seen together elsewhere: at least two reviewers who also reviewed the same"
                " two other products within 14 days."
            ),
            (
                "Medium sign, bursts: five stars on days with far more reviews than around them, if five stars are"
                " significantly more frequent then (Fisher's exact test, p < 0.01, corrected for all the stretches"
                " we try)."
            ),
            (
                "We count rewarded reviews separately. Unverified purchases, stars that don't fit the text and the"
                " seller's own words are weak signs and never count on their own."
            ),
            "Reviews that have disappeared and products that bought reviews are for context and never count.",
            (
                "The low end of the share counts strong signs only, the high end medium ones too. If we saw only"
                " some of the reviews, the range widens (Wilson, 95%). The grade goes by the middle."
            ),
            *may,
            (
                "In the adjusted rating, a review with a strong sign counts for nothing, one with a medium sign or"
                " a reward for half. We call the rating changed only if the 95% interval says so."
            ),
        ],
        "accuracy": [
            *_measured().values(),
            "Other signs: not measured on labelled data. They repeat what the text or the source says.",
            *accuracy,
            "The grade as a whole: not measured. No public data says which reviews of a product were bought.",
        ],
        "limits": [
            (
                "A single well-written fake looks like an honest review. An A means that we saw no warning signs,"
                " not that every review is genuine."
            ),
            "Honest people copy too: a form letter or a sentence that a shop suggests looks like copies.",
            "A sale or a news story can bring many happy customers at once, which looks like a burst.",
            "Without names, a review that was exported twice looks like a copy.",
            "We measured reviews in English only.",
        ],
        "grades": [{"grade": grade, "up_to": float(limit)} for grade, limit in GRADE_LIMITS],
    }
