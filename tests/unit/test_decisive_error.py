"""The error of an exception group that decides the outcome."""

import random

import pytest

from outlast import Permanent, RetryAfter
from outlast.domain.decisive_error import decisive
from outlast.domain.errors import ClaimLost


class Refused(Permanent):
    """A subclass, as programs make them."""


LOST, REFUSED, SHORT, LONG, OTHER = (
    ClaimLost("gone"),
    Refused("no"),
    RetryAfter(3),
    RetryAfter(30),
    ValueError("x"),
)


def nested(rng: random.Random, errors: list[Exception]) -> BaseException:
    """These errors in groups of random shape, in random order."""
    rng.shuffle(errors)
    group: BaseException = ExceptionGroup("inner", errors)
    for _ in range(rng.randrange(4)):
        group = BaseExceptionGroup("outer", [OTHER, group])
    return group


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize(
    ("members", "expected"),
    [
        ([LOST, REFUSED, LONG, OTHER], LOST),
        ([REFUSED, LONG, OTHER], REFUSED),
        ([SHORT, LONG, OTHER], LONG),
        ([SHORT], SHORT),
    ],
)
def test_the_weightiest_member_decides_wherever_it_stands(members, expected, seed):
    assert decisive(nested(random.Random(seed), list(members))) is expected


def test_a_group_of_ordinary_errors_stays_itself():
    group = ExceptionGroup("both", [OTHER, KeyError("y")])
    assert decisive(group) is group


def test_a_single_error_is_itself():
    assert decisive(OTHER) is OTHER
