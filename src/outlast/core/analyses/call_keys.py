"""Keys of step calls, from `key=` or a hash of the arguments, and the counter of calls with equal keys."""

import asyncio
import inspect
import json
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from typing import Any, NamedTuple, get_type_hints

from pydantic import (
    ConfigDict,
    PydanticSchemaGenerationError,
    PydanticUndefinedAnnotation,
    PydanticUserError,
    TypeAdapter,
)

from outlast.core.analyses.canonical_encoding import TooMuchError, UnencodableError, digest
from outlast.domain.step_calls import Key, call_identity

_HASH_SLOTS = threading.BoundedSemaphore(2)
"""Limits the threads of a process that hash large arguments, so that the event loop gets enough of the GIL."""


class NumberedCall(NamedTuple):
    """One call, and its number among the calls with the same key."""

    identity: str
    counted: str
    """Identifies the key; all calls with this key have the same text."""
    number: int


class CallCounter:
    """Counts the calls of one attempt by step, version and key. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._made: dict[str, int] = {}

    def next_call(
        self, step: str, version: int, key: Key, reused: Callable[[str], int | None] = lambda _: None
    ) -> NumberedCall:
        """Return the next call with this key; raises like `call_identity`.

        `reused` takes `NumberedCall.counted` and returns the number of such a call in an earlier try, if any.
        """
        counted = call_identity(step, version, key, 0)
        number = reused(counted)
        if number is None:
            with self._lock:
                number = self._made[counted] = self._made.get(counted, 0) + 1
        return NumberedCall(call_identity(step, version, key, number), counted, number)


class CallKeys:
    """Computes the keys of one step's calls."""

    def __init__(self, step: str, work: Callable[..., Any], key: Callable[..., Key] | None) -> None:
        self._step = step
        self._work = work
        self._key = key
        self._signature = inspect.signature(work)
        kinds = {parameter.kind for parameter in self._signature.parameters.values()}
        self._names = tuple(self._signature.parameters)
        self._simple = kinds <= {inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD}

    async def key_on_loop(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Key:
        """Like `key`, but hashes large arguments in a thread."""
        if self._key is not None:
            return self._from_key_function(args, kwargs)
        try:
            return digest(self._bound(args, kwargs), at_once=True)
        except (TooMuchError, UnencodableError, RecursionError):
            pool = ThreadPoolExecutor(1, "call-key")  # not the loop's pool, which analysis code may fill
            try:
                return await asyncio.wrap_future(pool.submit(self._hashed_in_slot, args, kwargs))
            finally:
                pool.shutdown(wait=False)

    def key(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Key:
        """Return the key of a call. Raises `TypeError` that names a remedy if the arguments give none."""
        return self._from_key_function(args, kwargs) if self._key is not None else self._hashed(args, kwargs)

    def _hashed_in_slot(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> str:
        with _HASH_SLOTS:
            return self._hashed(args, kwargs)

    def _from_key_function(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Key:
        assert self._key is not None  # noqa: S101 - the callers check it
        key = self._key(*args, **kwargs)
        try:
            json.dumps(key, allow_nan=False)
        except (TypeError, ValueError, RecursionError) as error:
            raise TypeError(
                f"The key= of the step {self._step!r} returned {_kind(key)} that JSON cannot represent. Let it "
                "return a text, a number or a tuple of these, for example key=lambda doc: str(doc.id)."
            ) from error
        return key

    def _hashed(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> str:
        bound = self._bound(args, kwargs)
        try:
            return digest(bound)
        except (UnencodableError, RecursionError):
            return digest({name: self._through_its_type(name, value) for name, value in bound.items()})

    def _bound(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> dict[str, Any]:
        if self._simple and not kwargs and len(args) == len(self._names):
            return dict(zip(self._names, args, strict=True))
        bound = self._signature.bind(*args, **kwargs)
        bound.apply_defaults()
        return bound.arguments

    def _through_its_type(self, name: str, value: Any) -> Any:
        """Return the value, or its serialization by its annotation if only that has an encoding."""
        try:
            digest(value)
        except RecursionError:
            raise self._key_error(name, value, ": it is nested too deeply, or contains itself") from None
        except UnencodableError as unencodable:
            offender: object = unencodable.value
            # serializing an iterator would exhaust it before the step runs
            consumable = isinstance(offender, Iterator)
            for data in () if consumable else self._serializations(name, value):
                try:
                    digest(data)
                except (UnencodableError, RecursionError):
                    continue
                return [type(value).__qualname__, data]
            reason = "" if offender is value else f": it contains {_kind(offender)}"
            raise self._key_error(name, value, reason) from None
        return value

    def _serializations(self, name: str, value: Any) -> "list[Any]":
        adapter = self._adapters.get(name)
        serializations: list[Any] = []
        for mode in ("python", "json") if adapter is not None else ():
            try:
                serializations.append(adapter.dump_python(value, mode=mode, warnings="error"))  # pyright: ignore[reportOptionalMemberAccess] - the modes are empty without an adapter
            except (ValueError, TypeError, RecursionError):
                continue
        return serializations

    @cached_property
    def _adapters(self) -> Mapping[str, TypeAdapter[Any]]:
        """Type adapters by parameter, for annotations that define a serialization."""
        try:
            hints = get_type_hints(self._work, include_extras=True)
        except NameError:
            return {}
        found: dict[str, TypeAdapter[Any]] = {}
        for name in self._names:
            try:
                if name in hints:
                    found[name] = _adapter(hints[name])
            except (PydanticSchemaGenerationError, PydanticUserError, PydanticUndefinedAnnotation):
                continue
        return found

    def _key_error(self, name: str, value: Any, why: str) -> TypeError:
        return TypeError(
            f"The step {self._step!r} keeps its results by its arguments, and the argument {name!r} "
            f"({_kind(value)}) cannot be encoded{why}. Name what distinguishes the calls, for example "
            f"@step(…, key=lambda {', '.join(self._names)}: …)."
        )


def _adapter(annotation: Any) -> TypeAdapter[Any]:
    try:
        return TypeAdapter(annotation, config=ConfigDict(arbitrary_types_allowed=True))
    except PydanticUserError:  # a model or dataclass has its own configuration
        return TypeAdapter(annotation)


def _kind(value: object) -> str:
    name = type(value).__qualname__
    return f"{'an' if name[:1].lower() in 'aeiou' else 'a'} {name}"
