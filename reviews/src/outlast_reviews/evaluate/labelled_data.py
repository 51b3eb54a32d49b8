"""Reads labelled files: finds the label column and parses its values."""

import csv
import gzip
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from outlast_reviews.review import Review
from outlast_reviews.sources.errors import NotReviews
from outlast_reviews.sources.formats.columns import NO_MAPPING, PRODUCT_IDS, Part, plain_name
from outlast_reviews.sources.formats.read import read_reviews

LABELS = (
    "label", "fake", "isfake", "fakereview", "planted", "class", "target", "deceptive", "spam", "isspam",
    "suspicious", "bought", "incentivizedfake", "y",
)  # fmt: skip
_YES = {"1", "1.0", "true", "yes", "y", "fake", "deceptive", "spam", "cg", "planted", "bought", "f", "-1"}
_NO = {"0", "0.0", "false", "no", "n", "real", "genuine", "truthful", "ham", "or", "original", "t", "honest"}
_LEAST_FEATURES = 2


class NotLabelled(ValueError):  # noqa: N818 - what is said about the file, not about the program
    """The file cannot be evaluated; the message is a sentence for the person who gave it."""


@dataclass(frozen=True, slots=True)
class LabelledReviews:
    """Reviews in the sets in which they are judged: one for each product that the file names."""

    sets: tuple[tuple[Review, ...], ...]
    labels: Mapping[int, bool]
    """By row."""


@dataclass(frozen=True, slots=True)
class LabelledProducts:
    """A table of one row for each product."""

    features: Mapping[str, Sequence[float | None]]
    labels: Sequence[bool]


def read_labelled(
    path: Path, label: str | None = None, mapping: Mapping[Part, str] = NO_MAPPING
) -> LabelledReviews | LabelledProducts:
    """`label` names the column; else one of the usual names is looked for. Raises `NotLabelled`."""
    try:
        raw = path.read_bytes()
        raw = gzip.decompress(raw) if raw[:2] == b"\x1f\x8b" else raw
    except (OSError, EOFError) as error:
        raise NotLabelled(f"It cannot be read: {getattr(error, 'strerror', None) or error}.") from None
    rows = _rows(raw.decode("utf-8-sig", "replace"))
    column = _label_column(rows, label)
    labels = {n: flag for n, row in enumerate(rows, start=1) if (flag := _flag(row.get(column))) is not None}
    if len(set(labels.values())) < 2:
        raise NotLabelled(f"The column “{column}” does not say of some rows yes and of others no (as 1 and 0).")
    try:
        received = read_reviews(io.BytesIO(raw), len(raw), mapping=mapping)
    except NotReviews as refused:
        return _products(rows, column, labels, str(refused))
    if len(received.reviews) + len(received.skipped) != len(rows):
        raise NotLabelled("Its rows cannot be matched with their labels. Give a CSV, TSV, JSON or JSONL file.")
    return LabelledReviews(_sets(received.reviews), labels)


def _rows(text: str) -> list[Mapping[str, Any]]:
    start = text.lstrip()[:1]
    try:
        if start == "[":
            found = json.loads(text)
        elif start == "{":
            found = [json.loads(line) for line in text.splitlines() if line.strip()]
        else:
            first = text.partition("\n")[0]
            delimiter = max(",\t;|", key=first.count)
            lines = [line for line in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter) if any(line)]
            found = [dict(zip(lines[0], line, strict=False)) for line in lines[1:]] if lines else []
    except (ValueError, csv.Error) as error:
        raise NotLabelled(f"It cannot be read as a table: {error}.") from None
    rows = [cast("Mapping[str, Any]", row) for row in cast("list[object]", found) if isinstance(row, dict)]
    if not rows:
        raise NotLabelled("It holds no rows. Give a CSV, TSV, JSON or JSONL file with a column of labels.")
    return rows


def _label_column(rows: Sequence[Mapping[str, Any]], label: str | None) -> str:
    columns = list(rows[0])
    if label is not None:
        if label not in columns:
            raise NotLabelled(f"There is no column “{label}”; there are {', '.join(columns[:20])}.")
        return label
    known = {plain_name(column): column for column in reversed(columns)}
    found = next((known[name] for name in LABELS if name in known), None)
    if found is None:
        raise NotLabelled(
            f"No column of labels was recognised among {', '.join(columns[:20])}. Name it with --label."
        )
    return found


def _flag(value: object) -> bool | None:
    if isinstance(value, bool):
        return value
    word = str(value).strip().lower()
    return True if word in _YES else False if word in _NO else None


def _sets(reviews: Sequence[Review]) -> tuple[tuple[Review, ...], ...]:
    sets: dict[str | None, list[Review]] = {}
    for review in reviews:
        sets.setdefault(review.product, []).append(review)
    return tuple(tuple(each) for each in sets.values())


def _products(
    rows: Sequence[Mapping[str, Any]], label: str, labels: Mapping[int, bool], refusal: str
) -> LabelledProducts:
    """Every column of numbers is a feature; ids and labels are none."""
    kept = [row for n, row in enumerate(rows, start=1) if n in labels]
    features: dict[str, list[float | None]] = {}
    for column in rows[0]:
        if column == label or not column or plain_name(column) in PRODUCT_IDS or plain_name(column).endswith("id"):
            continue
        values = [_number(row.get(column)) for row in kept]
        if sum(value is not None for value in values) > len(values) / 2 and len(set(values)) > 1:
            features[column] = values
    if len(features) < _LEAST_FEATURES:
        raise NotLabelled(f"It holds neither reviews nor a table of products with numbers. {refusal}")
    return LabelledProducts(features, [labels[n] for n in sorted(labels)])


def _number(value: object) -> float | None:
    try:
        number = float(str(value))
    except ValueError:
        return None
    return number if abs(number) < float("inf") else None
