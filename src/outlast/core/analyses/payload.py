"""Serialization and validation of inputs, step results and results as JSON, within size limits."""

import hashlib
import inspect
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, cast, get_type_hints

from pydantic import BaseModel, ConfigDict, Field, PydanticUserError, TypeAdapter, ValidationError, create_model

from outlast.domain.errors import InvalidInput, OutlastError, TooLarge

MAX_INPUT = 256 * 1024
"""Maximum bytes of an input as JSON."""
MAX_SUBJECT = 500
"""Maximum characters of a subject."""
MAX_STEP_RESULT = 128 * 1024 * 1024
"""Maximum bytes of a step's kept result as JSON."""
MAX_RESULT = 16 * 1024 * 1024
"""Maximum bytes of a result as JSON."""
_encode = json.JSONEncoder(allow_nan=False, default=repr).encode
_encode_canonically = json.JSONEncoder(sort_keys=True, separators=(",", ":")).encode


class NotJson(OutlastError):  # noqa: N818 - named as the conditions beside it in domain.errors
    """A result cannot be written as JSON; the text says why."""


class NotUnderstood(OutlastError):  # noqa: N818 - as above
    """The stored input of a session does not match this process's version of the analysis."""


class Codec:
    """Serializes values of one type to JSON and back."""

    def __init__(self, annotation: Any) -> None:
        try:
            config = ConfigDict(ser_json_inf_nan="constants")
            self._adapter: TypeAdapter[Any] = TypeAdapter(annotation, config=config)
        except PydanticUserError:  # a model or dataclass has its own configuration
            self._adapter = TypeAdapter(annotation)

    def dump(self, value: Any, limit: int, what: str, *, ascii_only: bool = False) -> str:
        """Return JSON text; raises `TooLarge` or `NotJson`, which name the value by `what`.

        `ascii_only` saves memory: one emoji makes every character of a Python text take four bytes.
        """
        try:
            data = self._adapter.dump_json(value, warnings="error", ensure_ascii=ascii_only)
        except (ValueError, TypeError, RecursionError) as error:
            raise NotJson(f"{what} cannot be written as JSON: {error}") from error
        if len(data) > limit:
            raise TooLarge(f"{what} has {len(data):,} bytes as JSON; at most {limit:,} are kept.")
        return data.decode()

    def round_trip(self, value: Any, limit: int, what: str) -> tuple[str, Any]:
        """Return the JSON text of `value` and the value deserialized from it.

        Raises `TooLarge`, or `NotJson`, also if deserialization fails: numbers of thousands of digits, hundreds of
        levels, a model that rejects its own output.
        """
        text = self.dump(value, limit, what)
        try:
            return text, self.load(text)
        except (ValueError, TypeError, RecursionError) as error:
            raise NotJson(f"{what} can be written as JSON but not read back: {error}") from error

    def load(self, text: str) -> Any:
        return self._adapter.validate_json(text)

    def load_own(self, text: str, what: str) -> Any:
        """Like `load`, for a text that `dump` has just written; raises `NotJson` if it cannot be read back."""
        try:
            return self.load(text)
        except (ValueError, TypeError, RecursionError) as error:
            raise NotJson(
                f"{what} was written as JSON that its type does not read back, so no later attempt could use it "
                f"({_briefly(error)}). Return a value that its return annotation accepts as JSON."
            ) from error


def _briefly(error: Exception) -> str:
    """Return pydantic's message without its links and values, which may be huge."""
    if isinstance(error, ValidationError):
        fault = error.errors(include_url=False, include_input=False, include_context=False)[0]
        return f"{'.'.join(map(str, fault['loc'])) or 'it'}: {fault['msg']}"
    return str(error)


def strict_json(text: str, what: str) -> str:
    """Return `text`; raises `NotJson` if it contains NaN or Infinity, which are not valid JSON."""
    if "NaN" in text or "Infinity" in text:

        def refuse(constant: str) -> None:
            raise NotJson(f"{what} holds {constant}, which JSON cannot carry; use None instead.")

        json.loads(text, parse_constant=refuse)
    return text


def input_model(name: str, work: Callable[..., Any]) -> type[BaseModel]:
    """Create the model of an analysis's input from the annotations of its function."""
    hints = get_type_hints(work, include_extras=True)
    fields: dict[str, Any] = {}
    for parameter in inspect.signature(work).parameters.values():
        if parameter.kind not in {parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY}:
            raise TypeError(f"The analysis {name!r} takes its input by name: no *args, **kwargs, or `/`.")
        if parameter.name not in hints:
            raise TypeError(f"The parameter {parameter.name!r} of the analysis {name!r} needs an annotation.")
        default = ... if parameter.default is parameter.empty else parameter.default
        fields[parameter.name] = (hints[parameter.name], Field(default))
    return create_model(f"{name} input", __config__=ConfigDict(extra="forbid"), **fields)


def validate_input(model: type[BaseModel], raw: object) -> BaseModel:
    """Return the validated input; raises `InvalidInput` with all faults found."""
    if not isinstance(raw, Mapping):
        raise InvalidInput("The input is not a JSON object of named values.")
    try:
        # through JSON, so that `start()` in Python accepts exactly what the HTTP API accepts
        text = _encode(raw)
        if len(text) > MAX_INPUT:
            raise InvalidInput(f"The input has {len(text):,} bytes; at most {MAX_INPUT:,} are accepted.")
        return model.model_validate_json(text)
    except ValidationError as error:
        faults: dict[str, str] = {}
        for fault in error.errors(include_url=False):
            faults.setdefault(
                _pointer(fault["loc"], cast("object", raw), fault["type"]), _sentence(fault["type"], fault["msg"])
            )
        (pointer, detail), *others = faults.items()
        raise InvalidInput(detail, pointer, others) from None
    except (ValueError, TypeError, RecursionError) as error:
        raise InvalidInput(f"The input is not JSON: {error}") from None


def _sentence(kind: str, message: str) -> str:
    if kind == "missing":
        return "This is needed, and it was not given."
    text = message.removeprefix("Value error, ")
    return text[:1].upper() + text[1:] + ("" if text.endswith(".") else ".")


def _pointer(location: Sequence[str | int], raw: object, kind: str) -> str:
    """Convert pydantic's location to a JSON pointer, without parts such as the members of a union."""
    pointer, value = "", raw
    for n, part in enumerate(location, start=1):
        if isinstance(value, Mapping) and isinstance(part, str):
            inside = cast("Mapping[str, object]", value)
            if part not in inside and not (kind == "missing" and n == len(location)):
                continue
            value = inside.get(part)
        elif isinstance(value, list | tuple) and isinstance(part, int):
            value = cast("Sequence[object]", value)[part]
        else:
            continue
        pointer += "/" + str(part).replace("~", "~0").replace("/", "~1")
    return pointer


def read_input(model: type[BaseModel], text: str) -> BaseModel:
    """Return the input of a stored session; raises `NotUnderstood` if another version started it differently."""
    try:
        return model.model_validate_json(text)
    except ValidationError as error:
        raise NotUnderstood(f"This worker does not understand the input: {_briefly(error)}") from error


def arguments(validated: BaseModel) -> dict[str, Any]:
    """Return the validated input as keyword arguments."""
    return {name: getattr(validated, name) for name in type(validated).model_fields}


def subject_of(input_json: str) -> str:
    """Return the default subject of an analysis: a hash of its validated input."""
    canonical = _encode_canonically(json.loads(input_json))
    return "input:" + hashlib.sha256(canonical.encode()).hexdigest()


def bounded_subject(subject: str) -> str:
    """Shorten a long subject to its beginning and a hash, so that different subjects stay different."""
    if len(subject) <= MAX_SUBJECT:
        return subject
    marked = ":" + hashlib.sha256(subject.encode()).hexdigest()
    return subject[: MAX_SUBJECT - len(marked)] + marked


def nested_values(value: Any) -> Iterator[Any]:
    """Yield every value within a validated input, however deeply nested."""
    yield value
    if isinstance(value, BaseModel):
        for name in type(value).model_fields:
            yield from nested_values(getattr(value, name))
    elif isinstance(value, Mapping):
        for item in cast("Mapping[Any, Any]", value).values():
            yield from nested_values(item)
    elif isinstance(value, (list, tuple, set, frozenset)):
        for item in cast("list[Any]", value):
            yield from nested_values(item)
