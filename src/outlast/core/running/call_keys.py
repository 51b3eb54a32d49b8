"""The key of a call of a step, what `key=` says or a hash of the arguments, and the count of calls with it."""

import asyncio
import inspect
import json
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from typing import Any, get_type_hints

from pydantic import (
    ConfigDict,
    PydanticSchemaGenerationError,
    PydanticUndefinedAnnotation,
    PydanticUserError,
    TypeAdapter,
)

from outlast.core.running.canonical_encoding import TooMuchError, UnencodableError, digest
from outlast.domain.step_calls import Key, call_of

_TURNS = threading.BoundedSemaphore(2)
"""Two threads of a process at most hash large arguments, so that the event loop keeps its share of time."""


class CallCounter:
    """Counts the calls of one attempt by step, version and key. Safe to use from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._made: dict[str, int] = {}

    def next_call(self, step: str, version: int, key: Key) -> str:
        """The identity of the next call with this key; raises as `call_of`."""
        counted = call_of(step, version, key, 0)
        with self._lock:
            number = self._made[counted] = self._made.get(counted, 0) + 1
        return call_of(step, version, key, number)


class CallKeys:
    """Makes the keys of one step's calls."""

    def __init__(self, step: str, work: Callable[..., Any], key: Callable[..., Key] | None) -> None:
        self._step = step
        self._work = work
        self._key = key
        self._signature = inspect.signature(work)
        kinds = {parameter.kind for parameter in self._signature.parameters.values()}
        self._names = tuple(self._signature.parameters)
        self._simple = kinds <= {inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD}

    async def key_on_loop(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Key:
        """As `key`; large arguments are hashed in a thread."""
        if self._key is not None:
            return self._given(args, kwargs)
        try:
            return digest(self._bound(args, kwargs), at_once=True)
        except (TooMuchError, UnencodableError, RecursionError):
            pool = ThreadPoolExecutor(1, "call-key")  # not the loop's own, which the code of others may fill
            try:
                return await asyncio.wrap_future(pool.submit(self._in_turn, args, kwargs))
            finally:
                pool.shutdown(wait=False)

    def key(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Key:
        """Raises `TypeError` with what to do when there is none."""
        return self._given(args, kwargs) if self._key is not None else self._hashed(args, kwargs)

    def _in_turn(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> str:
        with _TURNS:
            return self._hashed(args, kwargs)

    def _given(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Key:
        assert self._key is not None  # noqa: S101 - its callers have looked
        key = self._key(*args, **kwargs)
        try:
            json.dumps(key, allow_nan=False)
        except (TypeError, ValueError, RecursionError) as error:
            raise TypeError(
                f"The key= of the step {self._step!r} returned {_kind(key)} that JSON cannot carry. Let it return "
                "a text, a number or a tuple of these, for example key=lambda doc: str(doc.id)."
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
        """The value, or what its annotation writes it as where that alone has an encoding."""
        try:
            digest(value)
        except RecursionError:
            raise self._refusal(name, value, ": it is nested too deeply, or holds itself") from None
        except UnencodableError as unencodable:
            culprit: object = unencodable.value
            # writing an iterator would use it up before the step has seen it
            consumable = isinstance(culprit, Iterator)
            for data in () if consumable else self._written(name, value):
                try:
                    digest(data)
                except (UnencodableError, RecursionError):
                    continue
                return [type(value).__qualname__, data]
            inside = "" if culprit is value else f": it holds {_kind(culprit)}"
            raise self._refusal(name, value, inside) from None
        return value

    def _written(self, name: str, value: Any) -> "list[Any]":
        adapter = self._adapters.get(name)
        written: list[Any] = []
        for mode in ("python", "json") if adapter is not None else ():
            try:
                written.append(adapter.dump_python(value, mode=mode, warnings="error"))  # pyright: ignore[reportOptionalMemberAccess] - looked at above
            except (ValueError, TypeError, RecursionError):
                continue
        return written

    @cached_property
    def _adapters(self) -> Mapping[str, TypeAdapter[Any]]:
        """By parameter, for annotations that say how to write a value."""
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

    def _refusal(self, name: str, value: Any, why: str) -> TypeError:
        return TypeError(
            f"The step {self._step!r} keeps its results by its arguments, and the argument {name!r} "
            f"({_kind(value)}) cannot be encoded{why}. Say what tells the calls apart, for example "
            f"@step(…, key=lambda {', '.join(self._names)}: …)."
        )


def _adapter(annotation: Any) -> TypeAdapter[Any]:
    try:
        return TypeAdapter(annotation, config=ConfigDict(arbitrary_types_allowed=True))
    except PydanticUserError:  # a model or dataclass brings a configuration of its own
        return TypeAdapter(annotation)


def _kind(value: object) -> str:
    name = type(value).__qualname__
    return f"{'an' if name[:1].lower() in 'aeiou' else 'a'} {name}"
