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
        return f"{', '.join(shares[:-1])} and {shares[-1]} %"

    flagged = figures["False alarms: copies among the files' own reviews"]["value"]
    dealt = figures["False alarms: bursts after dealing the stars out anew"]
    alarms = round(dealt["value"] * dealt["of"])
    whole, short = found(_COPIES, 0, 5, 10, 20), found(_SHORT_COPIES, 0, 5, 10, 20)
    quick, slow = found(_BURSTS, 20, 40, 80), found(_SLOW_BURSTS, 20, 40, 80)
    return {
        "near_copies": (
            f"Copies: {'hardly any' if flagged else 'none'} of the real reviews was flagged. Of 40 planted copies"
            f" of 30 to 40 words {whole} were found with 0, 5, 10 and 20 % of the words changed; of 20 copies of"
            f" a real text of 12 to 19 words {short}."
        ),
        "burst": (
            f"Bursts: no false alarm on three real products, and {alarms} of {dealt['of']:,} after dealing their"
            f" stars out anew. Of planted campaigns of 20, 40 and 80 reviews in four days {quick} were found, in"
            f" two weeks {slow}."
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
    took_part, may, accuracy = "no language model takes part and nothing leaves this machine.", (), ()
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
            f"Fixed, published rules look for warning signs; {took_part}"
            " Every sign is listed with the review that it was seen in."
        ),
        "rules": [
            "Rows that the source holds twice are merged and are never a warning sign.",
            (
                "Strong sign: at least eight words, and half of all three-word runs shared with a review under"
                " another name; from 20 words on a quarter is enough, if it is ten runs in several places. Beside"
                " three such copies a shorter text whose words stand in the same order by four fifths is one too."
                " Sentences that disclose a reward are left out of the comparison."
            ),
            (
                "Strong sign: two reviewers or more who wrote, within 14 days, about the same two other products"
                " that were analysed here."
            ),
            (
                "Medium sign: five stars on days with far more reviews than their surroundings, if five stars are"
                " significantly more frequent then (Fisher's exact test, p < 0.01 after all stretches tried)."
            ),
            (
                "Reviews in return for something are counted apart. Missing purchase verification, stars that"
                " contradict the text and the seller's own words are weak signs and never count alone."
            ),
            ("Reviews that vanished and the resemblance to known buyers of reviews are context and never count."),
            (
                "The low end of the share counts strong signs, the high end medium ones too; a sample widens both"
                " (Wilson, 95 %). The grade goes by the middle."
            ),
            *may,
            (
                "In the adjusted rating a strong sign takes away all of a review's weight, a medium one or an"
                " incentive half of it. The rating counts as changed only if the 95 % interval says so."
            ),
        ],
        "accuracy": [
            *_measured().values(),
            "Other signs: not measured on labelled data; they repeat what text or source says.",
            *accuracy,
            "The grade as a whole: not measured, as no public data says which reviews of a product are bought.",
        ],
        "limits": [
            (
                "Well-written single fakes carry no sign that could be told from an honest review. An A says that"
                " nothing was seen, not that all is well."
            ),
            "Honest people copy too: a form letter or a shop's suggested sentence looks like copies.",
            "A sale or a press report may bring many happy customers at once, which looks like a burst.",
            "Without reviewers' names, a review that an export holds twice looks like a copy.",
            "The figures come from reviews in English; other languages were not measured.",
        ],
        "grades": [{"grade": grade, "up_to": float(limit)} for grade, limit in GRADE_LIMITS],
    }
