"""Forms generated from the input of an analysis, and their submitted values."""

from enum import IntEnum
from typing import Annotated, Any

import pytest
from pydantic import Field, HttpUrl

from outlast import Question, Upload
from outlast.core.analyses.analysis import Analysis
from outlast.web.forms import form_fields, form_values


async def everything(
    text: str,
    address: HttpUrl,
    count: int,
    file: Upload,
    source: Upload | HttpUrl | list[Upload],
    share: float | None = None,
    files: list[Upload] | None = None,
    columns: dict[str, str] | None = None,
    deep: Annotated[bool, Field(title="Look deeper", description="Takes longer.")] = False,
) -> None: ...


ANALYSIS = Analysis("everything", everything)
FIELDS = {f["name"]: f for f in form_fields(ANALYSIS)}


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("text", "text"),
        ("address", "url"),
        ("count", "number"),
        ("file", "file"),
        ("source", "source"),
        ("share", "number"),
        ("files", "file"),
        ("columns", "answers"),
        ("deep", "checkbox"),
    ],
)
def test_each_type_has_its_field(name: str, kind: str):
    assert FIELDS[name]["kind"] == kind


def test_a_type_with_a_name_of_its_own_has_the_field_of_what_it_is_made_of():
    class Grade(IntEnum):
        GOOD = 1
        BAD = 2

    async def graded(grade: Grade) -> None: ...

    (field,) = form_fields(Analysis("graded", graded))
    assert field["kind"] == "number"


def test_fields_say_what_the_signature_says():
    assert [n for n, f in FIELDS.items() if f["required"]] == ["text", "address", "count", "file", "source"]
    assert (FIELDS["deep"]["label"], FIELDS["deep"]["description"]) == ("Look deeper", "Takes longer.")
    assert FIELDS["deep"]["default"] is False


def test_a_field_may_offer_examples():
    async def offering(
        text: Annotated[str, Field(json_schema_extra={"x-examples": [{"value": "a", "label": "Try a"}]})],
    ) -> None: ...

    (field,) = form_fields(Analysis("offering", offering))
    assert field["examples"] == [{"value": "a", "label": "Try a"}]


def test_what_was_entered_and_what_was_wrong_is_drawn_again():
    drawn = {f["name"]: f for f in form_fields(ANALYSIS, {"text": "a"}, {"count": "Not a number."})}
    assert (drawn["text"]["value"], drawn["text"]["error"]) == ("a", None)
    assert (drawn["count"]["value"], drawn["count"]["error"]) == (None, "Not a number.")


def test_files_that_were_sent_are_kept_and_only_a_list_takes_several():
    drawn = {f["name"]: f for f in form_fields(ANALYSIS, {"source": ["upload:a", "upload:b"], "file": "upload:c"})}
    assert (drawn["source"]["value"], drawn["source"]["kept"]) == (None, "upload:a upload:b")
    assert drawn["file"]["kept"] == "upload:c"
    assert [name for name, field in drawn.items() if field["multiple"]] == ["source", "files"]


def test_questions_stand_at_their_field():
    question = Question("a", "Which?", [("x", "X")])
    drawn = {f["name"]: f for f in form_fields(ANALYSIS, questions={"columns": [question]})}
    assert drawn["columns"]["questions"] == [question]
    assert drawn["text"]["questions"] == ()


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ({}, {}),
        ({"text": "  a  "}, {"text": "a"}),
        ({"text": "   "}, {}),
        ({"text": "007"}, {"text": "007"}),
        ({"count": "7"}, {"count": 7}),
        ({"count": "7.5"}, {"count": 7.5}),
        ({"count": "seven"}, {"count": "seven"}),
        ({"count": "1e999"}, {"count": "1e999"}),
        ({"count": "nan"}, {"count": "nan"}),
        ({"count": "9" * 400}, {"count": int("9" * 400)}),
        ({"count": "9" * 5000}, {"count": "9" * 5000}),
        ({"share": ""}, {}),
        ({"columns.a": "x", "columns.b": "", "columns": "y"}, {"columns": {"a": "x"}}),
        ({"source_kept": "upload:a"}, {"source": "upload:a"}),
        ({"source_kept": "upload:a https://x"}, {"source": ["upload:a", "https://x"]}),
        ({"source_kept": "https://x"}, {}),
        ({"files_kept": "upload:a"}, {"files": ["upload:a"]}),
        ({"source": "https://a", "source_kept": "upload:a"}, {"source": "https://a"}),
        ({"deep": "true"}, {"deep": True}),
        ({"deep": "on"}, {"deep": False}),
        ({"csrf_token": "t", "other": "x"}, {}),
        ({"text": object()}, {}),
    ],
)
def test_values_come_back_as_their_types(given: dict[str, Any], wanted: dict[str, Any]):
    assert form_values(list(FIELDS.values()), given) == {"deep": False, **wanted}
