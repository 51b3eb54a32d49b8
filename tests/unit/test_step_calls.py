"""The identity of a step call."""

import pytest

from outlast.domain.step_calls import call_identity

FIRST = call_identity("read", 1, {"a": 1, "b": [2, None]}, 1)


def test_the_order_of_names_does_not_matter():
    assert call_identity("read", 1, {"b": [2, None], "a": 1}, 1) == FIRST
    assert len(FIRST) == 32


@pytest.mark.parametrize(
    "other",
    [
        ("judge", 1, {"a": 1, "b": [2, None]}, 1),
        ("read", 2, {"a": 1, "b": [2, None]}, 1),
        ("read", 1, {"a": 1, "b": [None, 2]}, 1),
        ("read", 1, {"a": "1", "b": [2, None]}, 1),
        ("read", 1, {"a": 1, "b": [2, None]}, 2),
    ],
)
def test_all_else_does(other):
    assert call_identity(*other) != FIRST


def test_a_key_that_is_not_json_is_refused():
    with pytest.raises(ValueError, match="JSON"):
        call_identity("read", 1, float("nan"), 1)
