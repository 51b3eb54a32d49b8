"""Serialization and validation of inputs, step results and results as JSON, within size limits."""

import hashlib
import inspect
import json
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass
from typing import Annotated, Any, Final, Literal, cast, get_args, get_origin, get_type_hints

from pydantic import BaseModel, ConfigDict, Field, SecretStr, TypeAdapter, ValidationError, create_model
from pydantic_core import PydanticSerializationError, to_json
from typing_extensions import TypeAliasType

from outlast.domain.errors import InvalidInput, OutlastError, TooLarge
from outlast.domain.messages import message

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
    """The stored input does not match this process's version of the analysis; the text names the field."""


OF_INPUT: Final = " input"
"""How the name of the model of an input ends, which no class of a program has."""
TEXTS: Final = frozenset(
    {"bytes", "complex", "date", "datetime", "decimal", "enum", "path", "time", "timedelta", "url"}
)
"""Kinds of values, beside `str`, whose JSON is a text."""
BASE64: Final = {"ser_json_bytes": "base64", "val_json_bytes": "base64"}
CONFIGURATION: Final = ConfigDict(ser_json_inf_nan="constants", ser_json_bytes="base64", val_json_bytes="base64")
INPUT: Final = ConfigDict(
    extra="forbid", ser_json_inf_nan="constants", ser_json_bytes="base64", val_json_bytes="base64"
)


def _alias(annotation: Any) -> Any:
    alias: Any = TypeAliasType
    return alias("Kept", annotation)


def has_own_configuration(annotation: Any) -> bool:
    """Return whether this is a pydantic model, which has a configuration of its own."""
    bare = get_args(annotation)[0] if get_origin(annotation) is Annotated else annotation
    return isinstance(bare, type) and issubclass(bare, BaseModel)


def refuse_what_json_loses(schema: Any, config: Mapping[str, Any] = CONFIGURATION, within: str = "it") -> None:
    """Raise `TypeError` if a core schema has values that would not come back from their JSON as they were."""
    if isinstance(schema, list | tuple):
        for part in cast("Sequence[Any]", schema):
            refuse_what_json_loses(part, config, within)
    if not isinstance(schema, dict):
        return
    known = cast("dict[str, Any]", schema)
    if (form := known.get("serialization")) is not None:  # it defines its own serialization
        if getattr(form.get("function"), "__module__", "") == SecretStr.__module__:
            raise TypeError(
                f"{within} has a secret, which is written as stars: take the name of the secret, and read it "
                "where it is used."
            )
        return
    kind = known.get("type")
    if kind == "bytes" and any(config.get(name) != form for name, form in BASE64.items()):
        raise TypeError(
            f"{within} has bytes, which it would write as UTF-8 text, and most bytes are not UTF-8: give it "
            "model_config = ConfigDict(ser_json_bytes='base64', val_json_bytes='base64')."
        )
    if kind == "union":
        _refuse_two_of_one_form([_kind_of_choice(choice) for choice in known["choices"]], within)
    if kind == "generator":
        raise TypeError(
            f"{within} has an Iterable, whose values are read only once: declare a list or a Sequence."
        )
    if kind in {"enum", "literal"}:
        _refuse_values_json_loses(known.get("members") or known["expected"], known.get("cls"), within)
    if kind == "model" or (kind in {"dataclass", "typed-dict"} and "config" in known):
        config = known.get("config", {})
        name = getattr(known.get("cls"), "__name__", "A model")
        within = within if name.endswith(OF_INPUT) else name
    for name, part in known.items():
        if name != "metadata":
            if isinstance(part, dict) and "validation_alias" in part:
                _require_read_as_written(cast("dict[str, Any]", part), name, config, within)
            refuse_what_json_loses(part, config, within)


def _kind_of_choice(choice: Any) -> str:
    """Return the kind of a member of a union, which may stand beside its label."""
    schema: dict[str, Any] = cast("tuple[dict[str, Any], str]", choice)[0] if isinstance(choice, tuple) else choice
    kind = str(schema["type"])
    if kind == "enum":
        return "enum of numbers" if schema.get("sub_type") in {"int", "float"} else kind
    return kind if "serialization" not in schema else {"lax-or-strict": "path"}.get(kind, "")


def _refuse_two_of_one_form(kinds: Sequence[str], within: str) -> None:
    """Raise `TypeError` if a value of one of these kinds would come back from JSON as one of another."""
    for general, special, form in (({"str"}, TEXTS, "texts"), ({"int", "float"}, {"enum of numbers"}, "numbers")):
        for one in sorted(general.intersection(kinds)):
            for other in sorted(special.intersection(kinds)):
                raise TypeError(
                    f"{within} has a union of {one} and {other}, and both are {form} in JSON: declare one of them."
                )


def _refuse_values_json_loses(values: Iterable[Any], enum: Any, within: str) -> None:
    for value in values:
        adapter: TypeAdapter[Any] = TypeAdapter(_alias(enum or Literal[value]), config=CONFIGURATION)
        try:
            adapter.validate_json(adapter.dump_json(value))
        except ValueError:
            remedy = "an enum with texts or numbers as values" if enum else "a text, or the enum itself"
            shown = value if enum else repr(value)
            raise TypeError(
                f"{within} has the value {shown}, which does not come back from JSON: use {remedy}."
            ) from None


def _require_read_as_written(field: Mapping[str, Any], name: str, config: Mapping[str, Any], within: str) -> None:
    """Raise `TypeError` if a field is written under a name under which it is not read."""
    if config.get("populate_by_name") or config.get("validate_by_name"):
        return
    alias: Any = field["validation_alias"]
    name = field.get("name", name)
    written = field.get("serialization_alias", name) if config.get("serialize_by_alias") else name
    if written != alias and not (isinstance(alias, list) and [written] in alias):
        raise TypeError(
            f"{within} writes the field {name!r} as {written!r} and reads it under its alias only: give it "
            "model_config = ConfigDict(validate_by_name=True, validate_by_alias=True)."
        )


class Codec:
    """Serializes values of one type to JSON and back."""

    def __init__(self, annotation: Any) -> None:
        if has_own_configuration(annotation):
            self._adapter: TypeAdapter[Any] = TypeAdapter(annotation)
        else:  # pydantic accepts a configuration for an alias of a plain dataclass, but not for the dataclass
            self._adapter = TypeAdapter(_alias(annotation), config=CONFIGURATION)
        refuse_what_json_loses(self._adapter.core_schema)

    def dump(self, value: Any, limit: int, what: str, *, ascii_only: bool = False) -> str:
        """Return JSON text. Raises `TooLarge` or `NotJson`, whose message calls the value `what`.

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

    def json_schema(self, ref_template: str) -> dict[str, Any]:
        """Return the JSON schema of a dumped value."""
        return self._adapter.json_schema(ref_template=ref_template, mode="serialization")

    def load(self, text: str) -> Any:
        return self._adapter.validate_json(text)

    def load_own(self, text: str, what: str) -> Any:
        """Like `load`, for a text that `dump` has just written; raises `NotJson` if it cannot be read back."""
        try:
            return self.load(text)
        except (ValueError, TypeError, RecursionError) as error:
            raise NotJson(
                f"{what} was written as JSON that its type does not read back, so no later attempt could use it "
                f"({brief_fault(error)}). Return a value that its return annotation accepts as JSON."
            ) from error


def brief_fault(error: Exception) -> str:
    """Return pydantic's message without its links and values, which may be huge."""
    if isinstance(error, ValidationError):
        fault = error.errors(include_url=False, include_input=False, include_context=False)[0]
        return f"{'.'.join(map(str, fault['loc'])) or 'it'}: {fault['msg']}"
    return str(error)


def strict_json(text: str, what: str) -> str:
    """Return `text`; raises `NotJson` if it contains NaN or Infinity, which are not valid JSON."""
    if "NaN" in text or "Infinity" in text:

        def refuse(constant: str) -> None:
            raise NotJson(f"{what} contains {constant}, which JSON cannot represent; use None instead.")

        json.loads(text, parse_constant=refuse)
    return text


def input_model(name: str, work: Callable[..., Any]) -> type[BaseModel]:
    """Create the model of an analysis's input from the annotations of its function."""
    hints = get_type_hints(work, include_extras=True)
    fields: dict[str, Any] = {}
    for parameter in inspect.signature(work).parameters.values():
        default = ... if parameter.default is parameter.empty else parameter.default
        fields[parameter.name] = (hints[parameter.name], Field(default))
    with warnings.catch_warnings():  # a field may have the name of an old method of pydantic's, such as `copy`
        warnings.filterwarnings("ignore", "Field name .* shadows an attribute", UserWarning)
        model = create_model(name + OF_INPUT, __config__=INPUT, **fields)
    if lost := fields.keys() - model.model_fields.keys():
        raise TypeError(f"the annotation of {min(lost)!r} makes it no field; ClassVar and Final are for classes.")
    refuse_what_json_loses(model.__pydantic_core_schema__)
    return model


def validate_values(model: type[BaseModel], values: Mapping[str, object]) -> BaseModel:
    """Return the validated input from Python values, as it is read back from JSON; raises `InvalidInput`.

    It converts values of the declared types through these types. It accepts other values if their JSON is valid,
    so that host code may pass whatever an HTTP client may send.
    """
    try:
        text = model.model_validate(dict(values)).model_dump_json()
    except (ValidationError, PydanticSerializationError, TypeError, RecursionError):
        try:
            text = to_json(dict(values), bytes_mode="base64", inf_nan_mode="constants", fallback=repr).decode()
        except (ValueError, TypeError, RecursionError) as error:
            raise InvalidInput(f"The input is not JSON: {error}") from None
    try:
        return _read(model, strict_json(text, "The input"), values)
    except NotJson as error:
        raise InvalidInput(str(error)) from None


def validate_input(model: type[BaseModel], raw: object) -> BaseModel:
    """Return the validated input from JSON data; raises `InvalidInput` with all faults found."""
    if not isinstance(raw, Mapping):
        raise InvalidInput("The input is not a JSON object of named values.")
    try:
        text = _encode(raw)
    except (ValueError, TypeError, RecursionError) as error:
        raise InvalidInput(f"The input is not JSON: {error}") from None
    return _read(model, text, cast("object", raw))


def _read(model: type[BaseModel], text: str, raw: object) -> BaseModel:
    """Return the input in a JSON text; `raw`, the value that was encoded, serves to locate faults."""
    if len(text) > MAX_INPUT:
        raise InvalidInput(
            message("The input has {size:,} bytes; at most {most:,} are accepted.", size=len(text), most=MAX_INPUT)
        )
    try:
        return model.model_validate_json(text)
    except ValidationError as error:
        faults: dict[str, str] = {}
        for fault in error.errors(include_url=False):
            faults.setdefault(_pointer(fault["loc"], raw, fault["type"]), _sentence(fault["type"], fault["msg"]))
        (pointer, detail), *others = faults.items()
        raise InvalidInput(detail, pointer, others) from None
    except (ValueError, TypeError, RecursionError) as error:
        raise InvalidInput(f"The input is not JSON: {error}") from None


def _sentence(kind: str, said: str) -> str:
    if kind == "missing":
        return message("This is needed, and it was not given.")
    text = said.removeprefix("Value error, ")
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


Upgrade = Callable[[dict[str, Any]], dict[str, Any]]
"""Takes the stored input of another version and returns the input for this version."""


def read_input(model: type[BaseModel], text: str, upgrade: Upgrade | None = None) -> BaseModel:
    """Return the input of a stored session, through `upgrade` if another version started it differently.

    Raises `NotUnderstood` if this version cannot read it either way.
    """
    try:
        return model.model_validate_json(text)
    except ValidationError as error:
        if upgrade is None:
            raise NotUnderstood(brief_fault(error)) from error
    try:
        return model.model_validate_json(to_json(upgrade(json.loads(text))))
    except ValidationError as error:
        raise NotUnderstood(f"{brief_fault(error)} (after its upgrade)") from error
    except Exception as error:  # it is code of the application
        raise NotUnderstood(f"its upgrade raised {type(error).__name__}: {error}") from error


def arguments(validated: BaseModel) -> dict[str, Any]:
    """Return the validated input as keyword arguments."""
    return {name: getattr(validated, name) for name in type(validated).model_fields}


def subject_of(input_json: str) -> str:
    """Return the default subject of an analysis: a hash of its validated input."""
    canonical = _encode_canonically(json.loads(input_json))
    return "input:" + hashlib.sha256(canonical.encode()).hexdigest()


def bounded_subject(subject: str, ending: str = "") -> str:
    """Add `ending`, and shorten a long subject to its beginning and a hash, so that subjects stay different."""
    if len(subject) + len(ending) <= MAX_SUBJECT:
        return subject + ending
    marked = ":" + hashlib.sha256(subject.encode()).hexdigest() + ending
    return subject[: MAX_SUBJECT - len(marked)] + marked


def nested_values(value: Any) -> Iterator[Any]:
    """Yield every value within a validated input, however deeply nested."""
    yield value
    if isinstance(value, BaseModel):
        for name in type(value).model_fields:
            yield from nested_values(getattr(value, name))
    elif is_dataclass(value):
        for field in fields(value):
            yield from nested_values(getattr(value, field.name))
    elif isinstance(value, Mapping):
        for item in cast("Mapping[Any, Any]", value).values():
            yield from nested_values(item)
    elif isinstance(value, (list, tuple, set, frozenset)):
        for item in cast("list[Any]", value):
            yield from nested_values(item)
