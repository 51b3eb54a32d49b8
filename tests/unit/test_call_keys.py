"""Keys of step calls: equal for equal arguments, different otherwise, with advice if there is none."""

import asyncio
import dataclasses
import datetime as dt
import decimal
import enum
import subprocess
import sys
import uuid
from pathlib import Path
from typing import Annotated, Any

import pydantic
import pytest

from outlast import Upload
from outlast.core.analyses.call_keys import CallCounter, CallKeys
from outlast.core.analyses.canonical_encoding import UnencodableError, digest


class Colour(enum.Enum):
    RED = 1


@dataclasses.dataclass
class Cat:
    name: str


@dataclasses.dataclass
class Kitten(Cat):
    weeks: int


class Model(pydantic.BaseModel):
    secret: pydantic.SecretStr
    hidden: int = pydantic.Field(3, exclude=True)


class Client:
    def __init__(self, address: str) -> None:
        self.address = address


DIFFERENT = [
    *(None, True, 1, 1.0, "1", b"1", -0.0, 0.0, decimal.Decimal(1), uuid.UUID(int=1), 10**6000, 10**6001),
    *([1], (1,), {1}, frozenset({1}), {"a": 1}, {1: 1}, [], (), {}, "", [[]], ["a", "b"], ["ab"], [["a"], "b"]),
    *(Colour.RED, Cat("1"), Kitten("1", 2), Kitten("1", 3), {"name": "1"}, Path("1"), Upload("a" * 64)),
    *(Model(secret=pydantic.SecretStr("a")), Model(secret=pydantic.SecretStr("b"))),
    Model(secret=pydantic.SecretStr("a"), hidden=4),
    *(dt.date(2020, 1, 1), dt.datetime(2020, 1, 1), dt.datetime(2020, 1, 1, tzinfo=dt.UTC), "2020-01-01"),  # noqa: DTZ001 - a naive one differs
    *("\ud800", "x" * 600_000, "x" * 600_001, b"x" * 600_000),
]


def test_values_that_differ_have_different_hashes():
    assert len({digest(value) for value in DIFFERENT}) == len(DIFFERENT)


def test_equal_values_have_the_same_hash_whatever_their_order():
    assert digest({"a": 1, "b": {2, 3}}) == digest({"b": {3, 2}, "a": 1})
    assert digest({1: "x", "y": 2}) == digest({"y": 2, 1: "x"})
    many = {str(n): n for n in range(20_000)}
    assert digest(many) == digest(dict(reversed(many.items())))


@pytest.mark.slow
def test_a_hash_is_the_same_in_another_process():
    program = (
        'from outlast.core.analyses.canonical_encoding import digest; print(digest({"a": {"b", "c", "d", "e"}}))'
    )
    other = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert other.stdout.strip() == digest({"a": {"e", "d", "c", "b"}})


def keys(work, key=None):
    return CallKeys("judge", work, key)


def test_equal_arguments_give_equal_keys_by_position_or_by_name():
    def work(a: int, b: str = "x", *rest: int, **more: int) -> None: ...

    found = keys(work)
    same = [((1,), {}), ((1, "x"), {}), ((), {"a": 1}), ((1,), {"b": "x"})]
    assert len({found.key(args, kwargs) for args, kwargs in same}) == 1
    assert found.key((1, "x", 2), {}) != found.key((1, "x"), {"c": 2}) != found.key((1, "x"), {})


@pytest.mark.parametrize("value", [Client("x"), lambda: 1, iter([1]), (n for n in [1]), open, int])
async def test_an_unencodable_argument_is_refused_by_its_parameter_name(value: object):
    def work(client: Any, n: int) -> None: ...

    with pytest.raises(TypeError, match=r"'judge'.*'client'.*key="):
        keys(work).key((value, 1), {})
    with pytest.raises(TypeError, match=r"'judge'.*'client'.*key="):
        await keys(work).key_on_loop(([value], 1), {})


def test_an_iterator_is_not_used_up_by_being_refused():
    def work(items: Any) -> None: ...

    items = iter([1, 2])
    with pytest.raises(TypeError):
        keys(work).key((items,), {})
    assert list(items) == [1, 2]


def test_a_value_that_contains_itself_is_refused():
    def work(items: list[Any]) -> None: ...

    items: list[Any] = []
    items.append(items)
    with pytest.raises(TypeError, match="contains itself"):
        keys(work).key((items,), {})


def test_an_annotation_may_say_how_a_value_is_written():
    written = Annotated[Client, pydantic.PlainSerializer(lambda client: client.address)]

    def work(client: written) -> None: ...

    found = keys(work)
    one, other = found.key((Client("one"),), {}), found.key((Client("other"),), {})
    assert one == found.key((Client("one"),), {}) != other


@pytest.mark.slow
async def test_large_arguments_are_hashed_beside_the_event_loop_to_the_same_key():
    def work(items: list[str]) -> None: ...

    turns = 0

    async def count():
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    counting = asyncio.create_task(count())
    items = ["text " * 20] * 100_000
    found = keys(work)
    assert await found.key_on_loop((items,), {}) == found.key((items,), {})
    counting.cancel()
    assert turns > 10


@pytest.mark.parametrize("key", [uuid.UUID(int=1), {1}, float("nan"), Client("x")])
def test_a_key_that_is_not_json_is_refused(key: object):
    with pytest.raises(TypeError, match=r"'judge'.*str"):
        keys(lambda doc: doc, lambda doc: key).key((1,), {})


def test_calls_with_equal_keys_differ_by_their_number():
    counter, again = CallCounter(), CallCounter()
    calls = [counter.next_call("judge", 1, ("a", 1)) for _ in range(3)]
    assert len(set(calls)) == 3
    assert calls == [again.next_call("judge", 1, ["a", 1]) for _ in range(3)]
    others = {again.next_call("judge", 2, ("a", 1)), again.next_call("judges", 1, ("a", 1))}
    assert len({*calls, *others, again.next_call("judge", 1, ("a", "1"))}) == 6


def test_an_unencodable_value_is_named_in_the_error():
    with pytest.raises(UnencodableError, match="Client"):
        digest([Client("x")])
