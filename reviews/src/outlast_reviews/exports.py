"""Exports of the report: JSON, and CSV that is safe against formula and HTML injection (pure)."""

import csv
import io
import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

COLUMNS = (
    *("review_id", "row", "date", "rating", "reviewer", "title", "excerpt"),
    *("signs", "counted", "group_of_copies", "strength", "checks", "reasons"),
)
_STRENGTHS = ("strong", "medium", "weak")
_FORMULA = re.compile(r"\s*[=+\-@＝＋－＠\t\r]")
"""Spreadsheets evaluate a cell that starts with one of these."""
_SEPARATORS = ";|\t\r\n"
"""A cell begins behind these too for a spreadsheet that takes the file's commas for semicolons."""
_LATER = re.compile(r"([;|\s]++)([=+\-@＝＋－＠]?)")
"""Possessive, so that a run of separators and white space is scanned only once."""
_TAG = re.compile(r"<(?=[A-Za-z/!?])")
_FOR_HTML = str.maketrans(
    {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"}
)


def as_json(result: Mapping[str, Any]) -> str:
    """The whole result, with angle brackets escaped for JSON embedded in HTML."""
    return json.dumps(result, ensure_ascii=False).translate(_FOR_HTML) + "\n"


def flagged_csv(result: Mapping[str, Any]) -> str:
    """The reviews with any sign."""
    return _table(result["report"]["flagged"])


def reviews_csv(result: Mapping[str, Any]) -> str:
    """Every review that the report lists, those with signs first."""
    return _table([*result["report"]["flagged"], *result["report"]["without_signs"]])


def cell(value: object) -> str:
    """Neutralise a cell: an apostrophe before a formula, a space within a tag."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        return f"{value:g}"
    text = _LATER.sub(_neutralise, _TAG.sub("< ", str(value)))
    return f"'{text}" if _FORMULA.match(text) else text


def _neutralise(run: re.Match[str]) -> str:
    between, sign = run[1], run[2]
    return f"{between}'{sign}" if sign and any(map(between.__contains__, _SEPARATORS)) else run[0]


def _table(reviews: Iterable[Mapping[str, Any]]) -> str:
    """CSV with a byte order mark, by which Excel recognises UTF-8."""
    file = io.StringIO(newline="")
    writer = csv.writer(file)
    writer.writerow(COLUMNS)
    for review in reviews:
        reasons = review.get("reasons", ())
        strengths = {reason["strength"] for reason in reasons}
        values = {
            **review,
            "signs": len(reasons),
            "counted": review.get("counted", False),
            "group_of_copies": review.get("cluster"),
            "strength": next((s for s in _STRENGTHS if s in strengths), None),
            "checks": ", ".join(reason["check"] for reason in reasons),
            "reasons": " ".join(reason["sentence"] for reason in reasons),
        }
        writer.writerow([cell(values[column]) for column in COLUMNS])
    return "\ufeff" + file.getvalue()
