"""Reading invented content in one call."""

import io
import json
from collections.abc import Sequence

import pytest

from outlast_reviews.review import ReviewSet
from outlast_reviews.sources.errors import NotReviews
from outlast_reviews.sources.formats.read import read_reviews


def read(content: str | bytes, **more) -> ReviewSet:
    data = content.encode() if isinstance(content, str) else content
    return read_reviews(io.BytesIO(data), len(data), **more)


def read_json(value: object) -> ReviewSet:
    return read(json.dumps(value))


def read_lines(values: Sequence[object]) -> ReviewSet:
    return read("".join(json.dumps(value) + "\n" for value in values))


def refusal(content: str | bytes, **more) -> str:
    """The sentence with which the content is refused."""
    with pytest.raises(NotReviews) as caught:
        read(content, **more)
    sentence = str(caught.value)
    assert sentence[0].isupper() or sentence[0].isdigit()
    assert sentence.endswith(".")
    return sentence
