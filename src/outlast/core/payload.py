"""What crosses the border of an analysis: inputs in, step results and results through JSON, within limits."""

import hashlib
import inspect
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, cast, get_type_hints

from pydantic import BaseModel, ConfigDict, Field, PydanticUserError, TypeAdapter, ValidationError, create_model

from outlast.domain.errors import InvalidInput, OutlastError, TooLarge

MAX_INPUT = 256 * 1024
"""Bytes of an input as JSON."""
MAX_SUBJECT = 500
"""Characters of a subject."""
MAX_STEP_RESULT = 128 * 1024 * 1024
"""Bytes of a step's kept result as JSON."""
MAX_RESULT = 16 * 1024 * 1024
"""Bytes of a result as JSON."""


class NotJson(OutlastError):  # noqa: N818 - named as the conditions beside it in domain.errors
    """A result cannot be written as JSON; the text says why."""


class NotUnderstood(OutlastError):  # noqa: N818 - as above
    """An input that was accepted where it was started is none that this process understands."""


class Codec:
    """Values of one type, from and to JSON text."""

    def __init__(self, annotation: Any) -> None:
        try:
            config = ConfigDict(ser_json_inf_nan="constants")
            self._adapter: TypeAdapter[Any] = TypeAdapter(annotation, config=config)
        except PydanticUserError:  # a model or dataclass brings a configuration of its own
            self._adapter = TypeAdapter(annotation)

    def dump(self, value: Any, limit: int, what: str, *, ascii_only: bool = False) -> str:
        """JSON text; raises `TooLarge` or `NotJson`. `what` names it in the error.

        `ascii_only` for what people seldom read: one emoji makes every character of a text four bytes in memory.
        """
        try:
            data = self._adapter.dump_json(value, warnings="error", ensure_ascii=ascii_only)
        except (ValueError, TypeError, RecursionError) as error:
            raise NotJson(f"{what} cannot be written as JSON: {error}") from error
        if len(data) > limit:
            raise TooLarge(f"{what} has {len(data):,} bytes as JSON; at most {limit:,} are kept.")
        return data.decode()

    def round_trip(self, value: Any, limit: int, what: str) -> tuple[str, Any]:
        """The JSON text of `value`, and the value that it is read back as.

        Raises `TooLarge` or `NotJson`, also when the text cannot be read back: numbers of thousands of digits,
        hundreds of levels, a model that refuses its own output.
        """
        text = self.dump(value, limit, what)
        try:
            return text, self.load(text)
        except (ValueError, TypeError, RecursionError) as error:
            raise NotJson(f"{what} can be written as JSON but not read back: {error}") from error

    def load(self, text: str) -> Any:
        return self._adapter.validate_json(text)

    def load_own(self, text: str, what: str) -> Any:
        """As `load`, of a text that `dump` has just written; raises `NotJson` when it cannot be read again."""
        try:
            return self.load(text)
        except (ValueError, TypeError, RecursionError) as error:
            raise NotJson(
                f"{what} was written as JSON that its type does not read back, so no later attempt could use it "
                f"({_briefly(error)}). Return a value that its return annotation accepts as JSON."
            ) from error


def _briefly(error: Exception) -> str:
    """What pydantic says without its links and values, which may be huge."""
    if isinstance(error, ValidationError):
        fault = error.errors(include_url=False, include_input=False, include_context=False)[0]
        return f"{'.'.join(map(str, fault['loc'])) or 'it'}: {fault['msg']}"
    return str(error)


def strict_json(text: str, what: str) -> str:
    """`text` again, unless it holds NaN or Infinity, which JSON does not know: `NotJson`."""
    if "NaN" in text or "Infinity" in text:

        def refuse(constant: str) -> None:
            raise NotJson(f"{what} holds {constant}, which JSON cannot carry; use None instead.")

        json.loads(text, parse_constant=refuse)
    return text


def input_model(name: str, work: Callable[..., Any]) -> type[BaseModel]:
    """The model of an analysis's input, from the annotations of its function."""
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
    """The validated input; raises `InvalidInput` with every fault found."""
    if not isinstance(raw, Mapping):
        raise InvalidInput("The input is not a JSON object of named values.")
    try:
        # by way of JSON, so that a library user's start() accepts exactly what the API accepts
        text = json.dumps(raw, allow_nan=False, default=repr)
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


def _pointer(place: Sequence[str | int], raw: object, kind: str) -> str:
    """As a JSON pointer; what pydantic names besides places, such as the members of a union, is left out."""
    told, value = "", raw
    for n, part in enumerate(place, start=1):
        if isinstance(value, Mapping) and isinstance(part, str):
            inside = cast("Mapping[str, object]", value)
            if part not in inside and not (kind == "missing" and n == len(place)):
                continue
            value = inside.get(part)
        elif isinstance(value, list | tuple) and isinstance(part, int):
            value = cast("Sequence[object]", value)[part]
        else:
            continue
        told += "/" + str(part).replace("~", "~0").replace("/", "~1")
    return told


def read_input(model: type[BaseModel], text: str) -> BaseModel:
    """The input of a stored session. Raises `NotUnderstood`: another version of the application has started it."""
    try:
        return model.model_validate_json(text)
    except ValidationError as error:
        raise NotUnderstood(f"This worker does not understand the input: {_briefly(error)}") from error


def arguments(validated: BaseModel) -> dict[str, Any]:
    """The validated input as keyword arguments."""
    return {name: getattr(validated, name) for name in type(validated).model_fields}


def subject_of(input_json: str) -> str:
    """The subject of an analysis that does not name its own: a hash of its validated input."""
    canonical = json.dumps(json.loads(input_json), sort_keys=True, separators=(",", ":"))
    return "input:" + hashlib.sha256(canonical.encode()).hexdigest()


def bounded(subject: str) -> str:
    """A subject as it is stored: of a longer one the beginning and a hash, so that no two become one."""
    if len(subject) <= MAX_SUBJECT:
        return subject
    marked = ":" + hashlib.sha256(subject.encode()).hexdigest()
    return subject[: MAX_SUBJECT - len(marked)] + marked


def walk(value: Any) -> Iterator[Any]:
    """Every value within a validated input, however nested."""
    yield value
    if isinstance(value, BaseModel):
        for name in type(value).model_fields:
            yield from walk(getattr(value, name))
    elif isinstance(value, Mapping):
        for item in cast("Mapping[Any, Any]", value).values():
            yield from walk(item)
    elif isinstance(value, (list, tuple, set, frozenset)):
        for item in cast("list[Any]", value):
            yield from walk(item)
