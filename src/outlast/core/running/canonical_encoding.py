"""A canonical encoding of values, hashed while it is made: values that differ have different hashes.

pydantic's JSON is not used for this, because it loses what tells values apart: fields that a model excludes, those
of a subclass, secrets, the difference between `"1"` and `Path("1")`. The order of a set in it differs between
processes. Nor can it be interrupted, whereas Python code gives way to other threads every five milliseconds.
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
"""Bytes of a hash."""
SHORT = 256
"""Characters of a text that cost no more than any other value."""
SMALL = 400
"""Values, or texts of `SHORT` characters, that are encoded at once: less than a millisecond."""
PIECE = 1 << 18
"""Characters of a text that are encoded in one go."""
RUN = 5_000
"""Keys that are sorted in one go."""

_BY_REPR = (
    *(Decimal, Fraction, complex, UUID, timedelta, timezone, ZoneInfo, range, PurePath),
    *(IPv4Address, IPv4Interface, IPv4Network, IPv6Address, IPv6Interface, IPv6Network),
)


class UnencodableError(TypeError):
    """A value of a type that has no known encoding."""

    def __init__(self, value: object) -> None:
        super().__init__(f"a {type(value).__qualname__} has no encoding")
        self.value = value


class TooMuchError(Exception):
    """There is more to encode than may be done at once."""


def digest(value: object, *, at_once: bool = False) -> str:
    """The hash of `value`, in hexadecimal. Raises `UnencodableError`, or `RecursionError` for deep nesting.

    `at_once`: for the event loop; raises `TooMuchError` rather than take more than a millisecond or so.
    """
    encoder = _Encoder(at_once=at_once)
    encoder.encode(value)
    return encoder.digest().hex()


class _Encoder:
    __slots__ = ("_at_once", "_hash", "_left", "_pieces")

    def __init__(self, *, at_once: bool) -> None:
        self._at_once = at_once
        self._left = SMALL
        self._hash = blake2b(digest_size=DIGEST)
        self._pieces: list[bytes] = []

    def digest(self) -> bytes:
        self._flush()
        return self._hash.digest()

    def encode(self, value: object) -> None:
        self._left -= 1
        if self._left < 0:
            self._pause()
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
        if size < SHORT:
            self._pieces.append(b"s%d:%b" % (size, value.encode("utf-8", "surrogatepass")))
        elif size <= PIECE:
            self._left -= size // SHORT
            if self._left < 0:
                self._pause()
            self._pieces.append(b"s%d:%b" % (size, value.encode("utf-8", "surrogatepass")))
        else:
            self._pieces.append(b"s%d:" % size)
            for start in range(0, size, PIECE):
                self._pause()
                self._pieces.append(value[start : start + PIECE].encode("utf-8", "surrogatepass"))

    def octets(self, value: bytes | bytearray | memoryview) -> None:
        view = memoryview(value).cast("B")
        self.mark(b"b%d:" % len(view))
        self._left -= len(view) // SHORT
        for start in range(0, len(view), PIECE):
            if self._left < 0:
                self._pause()
            self._pieces.append(bytes(view[start : start + PIECE]))

    def mark(self, piece: bytes) -> None:
        self._pieces.append(piece)

    def named(self, names: Iterable[str], value: object) -> None:
        """Attributes, in the order of `names`, which their type decides."""
        encode = self.encode
        for name in names:
            attribute = getattr(value, name, _MISSING)
            if attribute is _MISSING:
                self.mark(b"-")
            else:
                encode(attribute)

    def mapping(self, value: Mapping[Any, Any]) -> None:
        """Equal mappings alike, whatever their order."""
        count = len(value)
        self.mark(b"d%d:" % count)
        self._afford(count)
        runs: list[list[Any]] = []
        for run in [list(value)] if count <= RUN else _runs(value):
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
        self._sorted(self._apart(key) + self._apart(item) for key, item in value.items())

    def unordered(self, values: Iterable[Any], count: int) -> None:
        self.mark(b"u%d:" % count)
        self._afford(count)
        self._sorted(self._apart(value) for value in values)

    def _sorted(self, digests: Iterable[bytes]) -> None:
        runs = [sorted(run) for run in _runs(digests)]
        for each in heapq.merge(*runs):
            self._pieces.append(each)

    def ordered(self, values: Iterable[Any], count: int) -> None:
        self.mark(b"l%d:" % count)
        self._afford(count)
        encode = self.encode
        for value in values:
            encode(value)

    def _apart(self, value: object) -> bytes:
        outer = self._hash, self._pieces
        self._hash, self._pieces = blake2b(digest_size=DIGEST), []
        self.encode(value)
        own = self.digest()
        self._hash, self._pieces = outer
        return own

    def _afford(self, count: int) -> None:
        if self._at_once and count > self._left:
            raise TooMuchError

    def _pause(self) -> None:
        if self._at_once:
            raise TooMuchError
        self._flush()
        self._left = SMALL

    def _flush(self) -> None:
        self._hash.update(b"".join(self._pieces))
        self._pieces.clear()


_MISSING = object()
_TEXT_ONLY = {str}


def _runs(values: Iterable[Any]) -> Iterator[list[Any]]:
    """`values` in lists of bounded size, as sorting and looking at types cannot be interrupted."""
    rest = iter(values)
    while run := list(islice(rest, RUN)):
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
"""These alone are not tagged with their type; subclasses of them are."""

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
    """How values of this very type are encoded; the encoding raises `UnencodableError` where there is no way."""
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
    """Through the type's own pydantic schema, as `Upload` has one."""

    def refuse(_encoder: _Encoder, value: Any) -> None:
        raise UnencodableError(value)

    called = any("__call__" in vars(each) for each in kind.__mro__)
    if called or issubclass(kind, Iterator):  # writing an iterator would use it up
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
