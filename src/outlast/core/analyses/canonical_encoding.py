"""A canonical encoding of values, hashed incrementally: different values have different hashes.

pydantic's JSON does not serve, because it loses differences between values: excluded fields, fields of a subclass,
secrets, `"1"` versus `Path("1")`. It writes a set in an order that differs between processes. It also holds the
GIL throughout, whereas Python code yields to other threads every five milliseconds.
"""

import heapq
import struct
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import fields, is_dataclass
from datetime import date, datetime, timedelta, timezone
from datetime import time as time_of_day
from decimal import Decimal
from enum import Enum
from fractions import Fraction
from functools import lru_cache, partial
from hashlib import blake2b
from ipaddress import IPv4Address, IPv4Interface, IPv4Network, IPv6Address, IPv6Interface, IPv6Network
from itertools import islice
from pathlib import PurePath
from types import MappingProxyType
from typing import Any, cast
from uuid import UUID
from zoneinfo import ZoneInfo

from pydantic import BaseModel, PydanticSchemaGenerationError, PydanticUserError, TypeAdapter

DIGEST = 16
"""Size of a hash in bytes."""
SHORT_TEXT = 256
"""Texts shorter than this many characters count as one value."""
BUDGET = 400
"""Values, or texts of `SHORT_TEXT` characters, per uninterrupted run: less than a millisecond."""
CHUNK = 1 << 18
"""Characters of a text that are encoded in one step."""
SORT_RUN = 5_000
"""Number of keys that are sorted in one step."""

_BY_REPR = (
    *(Decimal, Fraction, complex, UUID, timedelta, timezone, ZoneInfo, range, PurePath),
    *(IPv4Address, IPv4Interface, IPv4Network, IPv6Address, IPv6Interface, IPv6Network),
)


class UnencodableError(TypeError):
    """The value's type has no known encoding."""

    def __init__(self, value: object) -> None:
        super().__init__(f"a {type(value).__qualname__} has no encoding")
        self.value = value


class TooMuchError(Exception):
    """The value exceeds the budget of one uninterrupted run."""


def digest(value: object, *, at_once: bool = False) -> str:
    """Return the hexadecimal hash of `value`. Raises `UnencodableError`, or `RecursionError` for deep nesting.

    With `at_once`, for use in an event loop, raises `TooMuchError` instead of running for more than about 1 ms.
    """
    encoder = _Encoder(at_once=at_once)
    encoder.encode(value)
    return encoder.digest().hex()


class _Encoder:
    __slots__ = ("_at_once", "_budget", "_hash", "_pieces")

    def __init__(self, *, at_once: bool) -> None:
        self._at_once = at_once
        self._budget = BUDGET
        self._hash = blake2b(digest_size=DIGEST)
        self._pieces: list[bytes] = []

    def digest(self) -> bytes:
        self._flush()
        return self._hash.digest()

    def encode(self, value: object) -> None:
        self._budget -= 1
        if self._budget < 0:
            self._yield_or_raise()
        kind = type(value)
        if kind is str:
            self.text(cast("str", value))
        elif value is None:
            self._pieces.append(b"n")
        elif kind is int:
            self._pieces.append(b"i%x;" % value)
        else:
            _encoding(kind)(self, value)

    def text(self, value: str) -> None:
        size = len(value)
        if size < SHORT_TEXT:
            self._pieces.append(b"s%d:%b" % (size, value.encode("utf-8", "surrogatepass")))
        elif size <= CHUNK:
            self._budget -= size // SHORT_TEXT
            if self._budget < 0:
                self._yield_or_raise()
            self._pieces.append(b"s%d:%b" % (size, value.encode("utf-8", "surrogatepass")))
        else:
            self._pieces.append(b"s%d:" % size)
            for start in range(0, size, CHUNK):
                self._yield_or_raise()
                self._pieces.append(value[start : start + CHUNK].encode("utf-8", "surrogatepass"))

    def octets(self, value: bytes | bytearray | memoryview) -> None:
        view = memoryview(value).cast("B")
        self.mark(b"b%d:" % len(view))
        self._budget -= len(view) // SHORT_TEXT
        for start in range(0, len(view), CHUNK):
            if self._budget < 0:
                self._yield_or_raise()
            self._pieces.append(bytes(view[start : start + CHUNK]))

    def mark(self, piece: bytes) -> None:
        self._pieces.append(piece)

    def named(self, names: Iterable[str], value: object) -> None:
        """Encode the attributes in the order of `names`."""
        encode = self.encode
        for name in names:
            attribute = getattr(value, name, _MISSING)
            if attribute is _MISSING:
                self.mark(b"-")
            else:
                encode(attribute)

    def mapping(self, value: Mapping[Any, Any]) -> None:
        """Encode a mapping independently of its order."""
        count = len(value)
        self.mark(b"d%d:" % count)
        self._require_budget(count)
        runs: list[list[Any]] = []
        for run in [list(value)] if count <= SORT_RUN else _runs(value):
            if set(map(type, run)) != _TEXT_ONLY:
                return self._mapping_of_any(value)
            run.sort()
            runs.append(run)
        text, encode = self.text, self.encode
        for key in runs[0] if len(runs) == 1 else heapq.merge(*runs):
            text(key)
            encode(value[key])
        return None

    def _mapping_of_any(self, value: Mapping[Any, Any]) -> None:
        self.mark(b"*")
        self._sorted(self._digest_of(key) + self._digest_of(item) for key, item in value.items())

    def unordered(self, values: Iterable[Any], count: int) -> None:
        self.mark(b"u%d:" % count)
        self._require_budget(count)
        self._sorted(self._digest_of(value) for value in values)

    def _sorted(self, digests: Iterable[bytes]) -> None:
        runs = [sorted(run) for run in _runs(digests)]
        for each in heapq.merge(*runs):
            self._pieces.append(each)

    def ordered(self, values: Iterable[Any], count: int) -> None:
        self.mark(b"l%d:" % count)
        self._require_budget(count)
        encode = self.encode
        for value in values:
            encode(value)

    def _digest_of(self, value: object) -> bytes:
        saved = self._hash, self._pieces
        self._hash, self._pieces = blake2b(digest_size=DIGEST), []
        self.encode(value)
        result = self.digest()
        self._hash, self._pieces = saved
        return result

    def _require_budget(self, count: int) -> None:
        if self._at_once and count > self._budget:
            raise TooMuchError

    def _yield_or_raise(self) -> None:
        if self._at_once:
            raise TooMuchError
        self._flush()
        self._budget = BUDGET

    def _flush(self) -> None:
        self._hash.update(b"".join(self._pieces))
        self._pieces.clear()


_MISSING = object()
_TEXT_ONLY = {str}


def _runs(values: Iterable[Any]) -> Iterator[list[Any]]:
    """Split `values` into lists of bounded size, since a sort cannot be interrupted."""
    remaining = iter(values)
    while run := list(islice(remaining, SORT_RUN)):
        yield run


_Encoding = Callable[[_Encoder, Any], None]


def _tagged(kind: type[Any], inner: _Encoding) -> _Encoding:
    tag = f"@{kind.__module__}.{kind.__qualname__};".encode("utf-8", "surrogatepass")

    def encode(encoder: _Encoder, value: Any) -> None:
        encoder.mark(tag)
        inner(encoder, value)

    return encode


def _moment(encoder: _Encoder, value: datetime | time_of_day) -> None:
    encoder.text(f"{value.isoformat()} {value.tzinfo} {value.fold}")


def _enum(encoder: _Encoder, value: Enum) -> None:
    encoder.encode(value.value if value.name is None else value.name)  # pyright: ignore[reportUnnecessaryComparison] - a combination of flags may have none


def _dataclass(names: Iterable[str], encoder: _Encoder, value: object) -> None:
    encoder.named(names, value)


def _model(encoder: _Encoder, value: BaseModel) -> None:
    encoder.named(type(value).model_fields, value)
    encoder.encode(value.__pydantic_extra__)


_PLAIN: Mapping[type, _Encoding] = {
    bool: lambda encoder, value: encoder.mark(b"T" if value else b"F"),
    int: lambda encoder, value: encoder.mark(b"i%x;" % value),
    float: lambda encoder, value: encoder.mark(b"f" + struct.pack(">d", value)),
    str: lambda encoder, value: encoder.text(value),
    bytes: lambda encoder, value: encoder.octets(value),
    list: lambda encoder, value: encoder.ordered(value, len(value)),
    dict: lambda encoder, value: encoder.mapping(value),
}
"""Only these exact types are encoded without a type tag; their subclasses are tagged."""

_OTHERS: Mapping[type | tuple[type, ...], _Encoding] = {
    Enum: _enum,
    BaseModel: _model,
    (datetime, time_of_day): _moment,
    date: lambda encoder, value: encoder.text(value.isoformat()),
    _BY_REPR: lambda encoder, value: encoder.text(repr(value)),
    (tuple, deque): lambda encoder, value: encoder.ordered(value, len(value)),
    (set, frozenset): lambda encoder, value: encoder.unordered(value, len(value)),
    (bytearray, memoryview): lambda encoder, value: encoder.octets(value),
    OrderedDict: lambda encoder, value: encoder.ordered(value.items(), len(value)),
}


@lru_cache(maxsize=2_000)
def _encoding(kind: type[Any]) -> _Encoding:
    """Return the encoding of exactly this type; for an unsupported type, it raises `UnencodableError`."""
    if kind in _PLAIN:
        return _PLAIN[kind]
    for kinds, encoding in _OTHERS.items():
        if issubclass(kind, kinds):
            return _tagged(kind, encoding)
    if hasattr(kind, "get_secret_value"):
        return _tagged(kind, lambda encoder, value: encoder.encode(value.get_secret_value()))
    if is_dataclass(kind):
        return _tagged(kind, partial(_dataclass, tuple(field.name for field in fields(kind))))
    for plain, encoding in _PLAIN.items():
        if issubclass(kind, plain):
            return _tagged(kind, encoding)
    if kind is MappingProxyType:
        return _tagged(kind, lambda encoder, value: encoder.mapping(value))
    return _tagged(kind, _by_schema(kind))


def _by_schema(kind: type[Any]) -> _Encoding:
    """Encode through the type's own pydantic schema, such as the one of `Upload`."""

    def refuse(_encoder: _Encoder, value: Any) -> None:
        raise UnencodableError(value)

    is_callable = any("__call__" in vars(each) for each in kind.__mro__)
    if is_callable or issubclass(kind, Iterator):  # encoding an iterator would exhaust it
        return refuse
    try:
        adapter: TypeAdapter[Any] = TypeAdapter(kind)
    except (PydanticSchemaGenerationError, PydanticUserError):
        return refuse

    def encode(encoder: _Encoder, value: Any) -> None:
        try:
            data = adapter.dump_python(value, mode="json", warnings="error")
        except (ValueError, TypeError) as error:
            raise UnencodableError(value) from error
        encoder.encode(data)

    return encode
