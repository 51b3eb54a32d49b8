"""Results that cannot be stored, or could not be read back."""

import math
import os
from collections.abc import Callable
from typing import Any

from pydantic import BaseModel, ConfigDict, field_serializer, model_validator

from hostile.row import COMPLETED, Table
from outlast import step

ENDS = ("not_json", "too_large", "error", "not_written", COMPLETED)
"""Refused or stored; the run checks over HTTP that stored results can be read."""


class OneWay(BaseModel):
    """Can be serialized but not deserialized."""

    n: int

    @model_validator(mode="after")
    def once(self) -> "OneWay":
        if os.environ.get("HOSTILE_NEVER", "") != "set" and self.n != 0:
            raise ValueError("loads only with 0")
        return self


class Turned(BaseModel):
    """Serializes to a text that its type does not accept."""

    n: int

    @field_serializer("n")
    def words(self, n: int) -> str:  # noqa: ARG002 - pydantic passes it
        return "seven"


class DumpExits(BaseModel):
    n: int = 1

    @field_serializer("n")
    def leave(self, n: int) -> int:  # noqa: ARG002 - pydantic passes it
        raise SystemExit(3)


class DumpRaises(BaseModel):
    n: int = 1

    @field_serializer("n")
    def refuse(self, n: int) -> int:  # noqa: ARG002 - pydantic passes it
        raise KeyError("no such field")


class LoadExits(BaseModel):
    model_config = ConfigDict(validate_assignment=False)
    redirect_url: str = "/somewhere"

    @model_validator(mode="before")
    @classmethod
    def leave(cls, value: Any) -> Any:
        if value == {"redirect_url": "/somewhere"}:
            raise SystemExit(3)
        return value


def one_way(tag: str) -> OneWay:
    return OneWay.model_construct(n=7)


def turned(tag: str) -> Turned:
    return Turned(n=7)


def redirecting_one_way(tag: str) -> dict[str, int]:
    return {"redirect_url": "/elsewhere"}


def dump_exits(tag: str) -> DumpExits:
    return DumpExits()


def dump_raises(tag: str) -> DumpRaises:
    return DumpRaises()


def load_exits(tag: str) -> LoadExits:
    return LoadExits.model_construct(redirect_url="/somewhere")


def deep(levels: int, make: Callable[[Any], Any]) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = make(value)
    return value


def cycle() -> Any:
    value: list[Any] = []
    value.append(value)
    return value


def generator() -> Any:
    yield 1
    raise SystemExit(3)


class Vanishing(dict[str, Any]):
    """A mapping whose iteration raises."""

    def items(self) -> Any:
        raise RuntimeError("no items")

    def __iter__(self) -> Any:
        raise RuntimeError("no keys")


VALUES: dict[str, tuple[str, Callable[[], Any]]] = {
    "huge_int": ("10**5000", lambda: 10**5000),
    "huge_negative": ("-(10**5000) within a list", lambda: [-(10**5000)]),
    "huge_exponent": ("1e400 as Decimal", lambda: __import__("decimal").Decimal("1e400")),
    "deep_250": ("lists, 250 levels deep", lambda: deep(250, lambda v: [v])),
    "deep_dict_250": ("dicts, 250 levels deep", lambda: deep(250, lambda v: {"a": v})),
    "deep_2000": ("lists, 2,000 levels deep", lambda: deep(2_000, lambda v: [v])),
    "deep_100000": ("lists, 100,000 levels deep", lambda: deep(100_000, lambda v: [v])),
    "bytes": ("bytes that are not UTF-8", lambda: b"\xff\xfe\x00"),
    "bytes_within": ("bytes that are not UTF-8, within", lambda: {"a": [b"\xff\xfe\x00"]}),
    "surrogate": ("a lone surrogate", lambda: "a\ud800b"),
    "surrogate_key": ("a lone surrogate as a key", lambda: {"a\udfff": 1}),
    "nul": ("NUL characters", lambda: {"a\x00b": "c\x00d"}),
    "mib_64": ("64 MiB of text", lambda: "x" * (64 << 20)),
    "many": ("a million small lists", lambda: [[n] for n in range(1_000_000)]),
    "nan": ("NaN", lambda: math.nan),
    "infinity": ("-Infinity within a dict", lambda: {"a": -math.inf}),
    "cycle": ("a list that holds itself", cycle),
    "int_keys": ("a dict with keys 1 and None", lambda: {1: "a", None: "b"}),
    "tuple_keys": ("a dict with a tuple as key", lambda: {(1, 2): "a"}),
    "same_keys": ("a dict whose keys are one as text", lambda: {1: "a", "1": "b"}),
    "object": ("an object", object),
    "function": ("a function", lambda: deep),
    "an_error": ("an exception", lambda: ValueError("returned")),
    "generator": ("a generator that calls sys.exit", generator),
    "vanishing": ("a dict whose iteration raises", lambda: Vanishing(a=1)),
    "set_of_bytes": ("a set of odd things", lambda: {b"\xff", 1, "a"}),
    "redirect_list": ("a redirect_url that is no text", lambda: {"redirect_url": [1]}),
    "redirect_evil": ("a redirect_url to another site", lambda: {"redirect_url": "//evil.example"}),
    "redirect_surrogate": ("a redirect_url with a surrogate", lambda: {"redirect_url": "/\ud800"}),
    "markup": ("a text that ends a script", lambda: "</script><script>alert(1)</script>\u2028"),
}


def returns(make: Callable[[], Any]) -> Callable[[str], Any]:
    def hostile(tag: str) -> Any:
        return make()

    return hostile


@step("Keeping an odd value")
async def odd_step(name: str) -> Any:
    return VALUES[name][1]()


@step("Keeping an odd value, in a thread")
def odd_step_blocking(name: str) -> Any:
    return VALUES[name][1]()


def keeps(name: str) -> tuple[Callable[[str], Any], Callable[[str], Any]]:
    async def hostile(tag: str) -> str:
        await odd_step(name)
        return "kept"

    def hostile_blocking(tag: str) -> str:
        odd_step_blocking(name)
        return "kept"

    return hostile, hostile_blocking


async def odd_coroutine(tag: str) -> Any:
    async def inner() -> int:
        return 1

    return inner()


def add_to(table: Table) -> None:
    for name, (what, make) in VALUES.items():
        table.both(f"result_{name}", f"returns {what}", returns(make), *ENDS, "crashed")
        if name not in {"mib_64", "many"}:
            table.pair(f"step_{name}", f"keeps {what} in a step", *keeps(name), *ENDS, "crashed")
    table.both("model_one_way", "a result model that does not load again", one_way, *ENDS)
    table.both("model_turned", "a result model whose text is of another type", turned, *ENDS)
    table.both("model_redirect", "a redirect_url that its type does not load", redirecting_one_way, *ENDS)
    table.both("model_dump_exits", "a result model that calls sys.exit when written", dump_exits, *ENDS, "crashed")
    table.both("model_dump_raises", "a result model that raises KeyError when written", dump_raises, *ENDS)
    table.both("model_load_exits", "a result model that calls sys.exit when read", load_exits, *ENDS, "crashed")
    table.coroutine("result_coroutine", "returns a coroutine that nobody awaits", odd_coroutine, *ENDS)
