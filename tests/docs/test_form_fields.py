"""The page on form fields says of each type what the form does with it."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any, Literal
from uuid import UUID

import pytest
from pydantic import HttpUrl
from snippets import ROOT

from outlast import InvalidInput, Upload
from outlast.core.analyses.analysis import Analysis
from outlast.core.analyses.payload import validate_input
from outlast.web.forms import form_fields, form_values

ROW = re.compile(r"^\| (`.+`.*?) \| ([a-z ]+?) \|(?: (?:`(.+)`)? ?\|)?$", re.MULTILINE)
FIELDS = {
    "text": ("text", False),
    "number": ("number", False),
    "checkbox": ("checkbox", False),
    "address": ("url", False),
    "file": ("file", False),
    "several files": ("file", True),
    "file or address": ("source", False),
    "a text that is always refused": ("text", False),
    "none": ("answers", False),
}
"""What the form draws, by the words of the page: the kind, and whether it takes several."""


class Colour(Enum):
    RED = "red"


@dataclass
class Order:
    number: int


NAMES = {
    each.__name__: each
    for each in (date, datetime, time, timedelta, Colour, Decimal, HttpUrl, Order, Upload, UUID)
} | {"Literal": Literal}


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
    (drawn,) = form_fields(analysis)
    assert (drawn["kind"], drawn["multiple"] and drawn["kind"] == "file") == FIELDS[field]
    if entered:
        assert validate_input(analysis.input, form_values([drawn], {"value": entered}))
    elif "Upload" not in annotation:
        with pytest.raises(InvalidInput):
            validate_input(analysis.input, form_values([drawn], {"value": "1"}))


def test_the_page_has_rows() -> None:
    assert len(list(_rows())) > 20
