"""Forms generated from the input of an analysis, and their submitted values."""

from collections.abc import Callable, Sequence
from enum import IntEnum
from typing import Annotated, Any

import pytest
from pydantic import BaseModel, Field, HttpUrl

from outlast import Question, Upload
from outlast.core.analyses.analysis import Analysis
from outlast.web.form_shapes import Shape, shapes_of
from outlast.web.forms import form_fields, form_values


class Node(BaseModel):
    other: "Node"


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


def shapes(work: Callable[..., Any]) -> Sequence[Shape]:
    found = shapes_of(Analysis("any", work))
    assert found is not None
    return found


def drawn(*args: Any, **options: Any) -> dict[str, dict[str, Any]]:
    return {f["name"]: f for f in form_fields(SHAPES, "any", *args, **options)}


SHAPES = shapes(everything)
FIELDS = drawn()


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

    (field,) = form_fields(shapes(graded))
    assert field["kind"] == "choice"
    assert [value for _, _, value in field["options"]] == [1, 2]


def test_fields_say_what_the_signature_says():
    assert [n for n, f in FIELDS.items() if f["required"]] == ["text", "address", "count", "file", "source"]
    assert (FIELDS["deep"]["label"], FIELDS["deep"]["description"]) == ("Look deeper", "Takes longer.")
    assert FIELDS["deep"]["value"] is False


def test_a_field_may_offer_examples():
    async def offering(
        text: Annotated[str, Field(json_schema_extra={"x-examples": [{"value": "a", "label": "Try a"}]})],
    ) -> None: ...

    (field,) = form_fields(shapes(offering))
    assert field["examples"] == [{"value": "a", "label": "Try a"}]


def test_what_was_entered_and_what_was_wrong_is_drawn_again():
    faults = {"/count": "Not a number.", "/source/3": "Not a file.", "/other": "Nobody asked for it."}
    fields = drawn({"text": "a"}, faults)
    assert (fields["text"]["value"], fields["text"]["error"]) == ("a", None)
    assert (fields["count"]["value"], fields["count"]["error"]) == (None, "Not a number.")
    assert fields["source"]["error"] == "Not a file."
    assert faults == {"/other": "Nobody asked for it."}


def test_files_that_were_sent_are_kept_and_only_a_list_takes_several():
    fields = drawn({"source": ["upload:a", "upload:b"], "file": "upload:c"})
    assert (fields["source"]["value"], fields["source"]["kept"]) == (None, "upload:a upload:b")
    assert fields["file"]["kept"] == "upload:c"
    assert [name for name, field in fields.items() if field.get("multiple")] == ["source", "files"]


def test_questions_stand_at_their_field():
    question = Question("a", "Which?", [("x", "X")])
    assert drawn(questions={"/columns": [question]})["columns"]["questions"] == [question]
    assert FIELDS["columns"]["questions"] == ()


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
        ({"count": "007"}, {"count": "007"}),
        ({"count": "9" * 5000}, {"count": "9" * 5000}),
        ({"share": ""}, {}),
        ({"columns.a": "x", "columns.b": "", "columns": "y"}, {"columns": {"a": "x"}}),
        ({"source_kept": "upload:a"}, {"source": "upload:a"}),
        ({"source_kept": "upload:a upload:b other"}, {"source": ["upload:a", "upload:b"]}),
        ({"files_kept": "upload:a"}, {"files": ["upload:a"]}),
        ({"source": "https://a", "source_kept": "upload:a"}, {"source": "https://a"}),
        ({"deep": "true"}, {"deep": True}),
        ({"deep": "on"}, {"deep": False}),
        ({"csrf_token": "t", "other": "x"}, {}),
        ({"text": object()}, {}),
    ],
)
def test_values_come_back_as_their_types(given: dict[str, Any], wanted: dict[str, Any]):
    assert form_values(SHAPES, {name: [value] for name, value in given.items()}) == {"deep": False, **wanted}


@pytest.mark.parametrize(
    ("annotation", "reason"),
    [
        (dict[str, int], "'value' is a dict"),
        (dict[str, str], "'value' is a dict"),
        (list[list[int]], "'value' is a list of lists"),
        (list[int | None], "'value' is a list whose items may be None"),
        (list[Any], "'value' is a list of any values"),
        (Upload | int, "'value' is a file or something that is not a text"),
        (bool | str, "'value' may be of several types"),
        (Node, "'other' contains Node, which contains itself"),
    ],
)
def test_a_type_that_a_form_cannot_send_leaves_the_analysis_without_a_form(
    annotation: Any, reason: str, caplog: pytest.LogCaptureFixture
):
    async def work(value: Any) -> None: ...

    work.__annotations__["value"] = annotation
    analysis = Analysis("any", work)
    assert shapes_of(analysis) is None
    assert shapes_of(analysis) is None
    (record,) = caplog.records
    assert f"has no form, because {reason}" in record.message


def test_a_field_that_a_form_cannot_send_is_left_out_if_it_has_a_default():
    async def work(text: str, counts: dict[str, int] | None = None) -> None: ...

    assert [shape.name for shape in shapes(work)] == ["text"]
