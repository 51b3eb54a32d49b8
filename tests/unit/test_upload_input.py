"""An `Upload` in an input beside text and lists survives storage unchanged."""

from dataclasses import dataclass
from typing import Annotated

import pytest
from pydantic import BaseModel, Field

from outlast import Upload
from outlast.core.analyses.payload import arguments, input_model, nested_values

ONE = Upload("a" * 64)
Place = Annotated[Upload | str, Field(union_mode="left_to_right")]


async def take(source: Place | list[Place]) -> None: ...


@pytest.mark.parametrize(
    ("given", "value"),
    [
        ("https://shop.example/p", "https://shop.example/p"),
        (repr(ONE), ONE),
        ([repr(ONE), "https://shop.example/p"], [ONE, "https://shop.example/p"]),
        ([repr(ONE)], [ONE]),
    ],
)
def test_an_input_survives_being_stored(given, value):
    model = input_model("take", take)
    validated = model.model_validate({"source": given})
    again = model.model_validate_json(validated.model_dump_json(warnings="error"))
    assert arguments(validated) == arguments(again) == {"source": value}


@dataclass
class Box:
    content: Upload


class Shelf(BaseModel):
    boxes: list[Box]


@pytest.mark.parametrize("value", [ONE, [ONE], {"a": ONE}, (ONE,), Box(ONE), Shelf(boxes=[Box(ONE)])], ids=repr)
def test_an_upload_is_found_wherever_it_is_nested(value):
    assert ONE in list(nested_values(value))
