"""The page on form fields says of each type which field the form has for it."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any, Literal
from uuid import UUID

import pytest
from pydantic import AwareDatetime, HttpUrl
from snippets import ROOT

from outlast import Upload
from outlast.core.analyses.analysis import Analysis
from outlast.core.analyses.payload import validate_input
from outlast.web.form_shapes import shapes_of
from outlast.web.forms import form_values

ROW = re.compile(r"^\| (`.+`.*?) \| ([a-z ]+?) \|(?: (?:`(.+)`)? ?\|)?$", re.MULTILINE)
FIELDS = {
    "text": {"text", "duration", "mixed"},
    "number": {"number", "decimal"},
    "checkbox": {"checkbox"},
    "choice": {"choice"},
    "address": {"url"},
    "date": {"date"},
    "date and time": {"datetime"},
    "time": {"time"},
    "repeated fields": {"list"},
    "group": {"group", "tuple"},
    "file": {"file"},
    "several files": {"file"},
    "file or address": {"source"},
}
"""The kinds of fields, by the words of the page."""


class Colour(Enum):
    RED = "red"


@dataclass
class Order:
    number: int


NAMES = {
    each.__name__: each
    for each in (date, datetime, time, timedelta, Colour, Decimal, HttpUrl, Order, Upload, UUID)
} | {"AwareDatetime": AwareDatetime, "Literal": Literal}


def _rows() -> Iterator[tuple[str, str, str]]:
    page = ROOT / "docs" / "build" / "form-fields.md"
    for annotations, field, entered in ROW.findall(page.read_text(encoding="utf-8")):
        written = [each.replace("\\|", "|") for each in re.findall(r"`([^`]+)`", annotations)]
        yield from ((annotation, field, entered) for annotation in written if annotation != "Enum")


@pytest.mark.parametrize(("annotation", "field", "entered"), list(_rows()))
def test_the_form_treats_a_type_as_the_page_says(annotation: str, field: str, entered: str) -> None:
    def work(value) -> None: ...

    work.__annotations__ = {"value": eval(annotation, dict[str, Any](NAMES)), "return": None}
    analysis = Analysis("any", work)
    shapes = shapes_of(analysis)
    if field == "none":
        assert shapes is None
        return
    assert shapes is not None
    (shape,) = shapes
    assert shape.kind in FIELDS[field]
    assert shape.multiple == (field == "several files")
    if entered:
        assert validate_input(analysis.input, form_values(shapes, {"value": [entered]}))


def test_the_page_has_rows() -> None:
    assert len(list(_rows())) > 20
