"""Decides which fields a form has, from the JSON schema of an analysis's input."""

import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, cast
from weakref import WeakKeyDictionary

from pydantic import BaseModel

from outlast.core.analyses.analysis import Analysis
from outlast.core.analyses.input_schema import AWARE, DECIMAL, options_of
from outlast.domain.messages import message

log = logging.getLogger(__name__)

Schema = Mapping[str, Any]
FORMATS: Final = {"uri": "url", "date": "date", "date-time": "datetime", "time": "time"}
"""The kinds of fields for the formats of texts."""
NUMBERS: Final = frozenset({"integer", "number"})
YES_NO: Final = (("true", "Yes", True), ("false", "No", False))
PARTS: Final = frozenset({"group", "tuple"})
"""Kinds of fields that have fields of their own."""

Option = tuple[str, str, Any]
"""What a form sends, what it shows, and the value."""


class NoField(Exception):  # noqa: N818 - a finding about a type, which callers expect
    """A form cannot send values of this type; the text says which type."""


@dataclass(frozen=True, slots=True)
class Shape:
    """One field of a form, before any value is entered."""

    name: str
    kind: str
    """`text`, `url`, `number`, `decimal`, `mixed`, `date`, `datetime`, `time`, `duration`, `checkbox`, `choice`,
    `file`, `source` (a file or an address), `answers` (to questions), `group`, `tuple`, `list`,
    `hidden` (not shown; it keeps its value)."""
    label: str = ""
    description: str | None = None
    required: bool = False
    nullable: bool = False
    default: Any = None
    examples: Sequence[Mapping[str, str]] = ()
    whole: bool = False
    """Only whole numbers."""
    minimum: Any = None
    maximum: Any = None
    aware: bool = False
    """A date and time with a time zone: the form takes UTC."""
    options: Sequence[Option] = ()
    parts: Sequence["Shape"] = ()
    item: "Shape | None" = None
    least: int = 0
    """Items of a list."""
    most: int | None = None
    multiple: bool = False
    """Several files."""
    as_list: bool = False
    """A list of files also if there is one."""

    @property
    def sends_null(self) -> bool:
        """Whether an empty field is `null`, because leaving it out means something else."""
        return self.nullable and (self.required or self.default is not None)


YES_OR_NO: Final = {True: message("Yes"), False: message("No")}
EMPTY: Final = message("(empty)")
_shapes: "WeakKeyDictionary[type[BaseModel], Sequence[Shape] | None]" = WeakKeyDictionary()


def shapes_of(analysis: Analysis) -> Sequence[Shape] | None:
    """The fields of an analysis's form; `None` if only programs can start it, which is logged once.

    A field that a form cannot send is left out if it has a default.
    """
    if analysis.input not in _shapes:
        try:
            schema = analysis.input_schema()
            _shapes[analysis.input] = _properties(schema, schema, ())
        except NoField as reason:
            log.warning(
                "The analysis %r has no form, because %s. Only the API and Python can start it; a default for it "
                "would give the analysis a form.",
                analysis.name,
                reason,
            )
            _shapes[analysis.input] = None
    return _shapes[analysis.input]


def _properties(schema: Schema, root: Schema, above: tuple[str, ...]) -> Sequence[Shape]:
    return list(_present(schema, root, above))


def _present(schema: Schema, root: Schema, above: tuple[str, ...]) -> Iterator[Shape]:
    required = set(schema.get("required", ()))
    for name, given in cast("Mapping[str, Schema]", schema.get("properties", {})).items():
        try:
            shape = _shape(given, root, above)
            if shape.kind == "answers" and name in required:  # there are no questions before the first start
                raise NoField("is a dict")
        except NoField as reason:
            if name in required:
                text = str(reason)
                raise NoField(text if text.startswith("'") else f"{name!r} {text}") from None
            continue
        yield replace(
            shape,
            kind="hidden" if given.get("x-hidden") else shape.kind,
            name=name,
            label=given.get("title") or name.replace("_", " ").title(),
            description=given.get("description"),
            required=name in required,
            default=given.get("default"),
            examples=given.get("x-examples", ()),
        )


def _shape(schema: Schema, root: Schema, above: tuple[str, ...], *, item: bool = False) -> Shape:
    """The field of a type; raises `NoField`. An `item` of a list is removed by leaving it empty."""
    above = (*above, *_entered(schema, above))
    options = options_of(schema, root)
    nullable = any(_is_null(o) for o in options)
    options = [o for o in options if not _is_null(o)]
    if item and nullable:
        raise NoField("is a list whose items may be None")
    shape = _of_files(options, root) or _of_options(options, root, above, item=item)
    if nullable and shape.kind == "checkbox":
        shape = replace(shape, kind="choice", options=YES_NO)
    return replace(shape, nullable=nullable or _has_none(options))


def _of_options(options: Sequence[Schema], root: Schema, above: tuple[str, ...], *, item: bool) -> Shape:
    if values := [o for o in options if "enum" in o or "const" in o]:
        if len(values) == len(options):
            return Shape("", "choice", options=_choices(values))
        return Shape("", "mixed") if not _kinds(options) & {"object", "array", "boolean"} else _refuse(options)
    kinds = _kinds(options)
    if len(options) == 1 and kinds == {"object"}:
        return _of_object(options[0], root, above)
    if len(options) == 1 and kinds == {"array"}:
        return _of_array(options[0], root, above)
    if kinds == {"boolean"}:
        return Shape("", "choice", options=YES_NO) if item else Shape("", "checkbox")
    if kinds & {"object", "array", "boolean"}:
        return _refuse(options)
    formats = {o.get("format") for o in options if o.get("type") == "string"}
    bounds = _bounds(options)
    if kinds <= NUMBERS and kinds:
        return Shape("", "number", whole=kinds == {"integer"}, **bounds)
    if formats == {DECIMAL}:
        return Shape("", "decimal", **bounds)
    if kinds & NUMBERS:
        return Shape("", "mixed")
    if formats == {"duration"}:
        return Shape("", "duration")
    kind = FORMATS.get(str(formats.pop()), "text") if len(formats) == 1 else "text"
    return Shape("", kind, aware=kind == "datetime" and AWARE in options[0])


def _of_object(schema: Schema, root: Schema, above: tuple[str, ...]) -> Shape:
    if "properties" in schema:
        return Shape("", "group", parts=_properties(schema, root, above))
    values = schema.get("additionalProperties")
    if isinstance(values, Mapping):
        answers = options_of(cast("Schema", values), root)
        if all(o.get("type") == "string" for o in answers):
            return Shape("", "answers")
    raise NoField("is a dict")


def _of_array(schema: Schema, root: Schema, above: tuple[str, ...]) -> Shape:
    if places := cast("Sequence[Schema]", schema.get("prefixItems", ())):
        if "items" in schema:
            raise NoField("is a tuple of no fixed length with different items")
        parts = [_shape(place, root, above) for place in places]
        if any(part.kind in {"file", "source", "answers"} for part in parts):
            raise NoField("is a tuple with files or dicts")
        named = [replace(p, name=str(n), label=f"{n + 1}", required=True) for n, p in enumerate(parts)]
        return Shape("", "tuple", parts=named)
    if not schema.get("items"):
        raise NoField("is a list of any values")
    item = _shape(schema["items"], root, above, item=True)
    if item.kind in {"answers", "list"}:
        raise NoField("is a list of lists" if item.kind == "list" else "is a list of dicts")
    least, most = schema.get("minItems", 0), schema.get("maxItems")
    return Shape("", "list", item=replace(item, required=True), least=least, most=most)


def _of_files(options: Sequence[Schema], root: Schema) -> Shape | None:
    """The field of uploads; `None` if there are none among the options."""
    lists = [o for o in options if o.get("type") == "array" and _lists_uploads(o, root)]
    singles = [o for o in options if o.get("format") == "upload"]
    others = [o for o in options if o not in lists and o not in singles]
    if not lists and not singles:
        return None
    if any(o.get("type") != "string" for o in others):
        raise NoField("is a file or something that is not a text")
    kind = "source" if others else "file"
    return Shape("", kind, multiple=bool(lists), as_list=not singles)


def _lists_uploads(schema: Schema, root: Schema) -> bool:
    items = schema.get("items")
    return bool(items) and any(o.get("format") == "upload" for o in options_of(items, root))


def _entered(schema: Schema, above: tuple[str, ...]) -> Sequence[str]:
    """The models that a type refers to. Raises `NoField` for one that contains itself."""
    choices: Sequence[Schema] = (schema, *schema.get("anyOf", ()), *schema.get("oneOf", ()))
    names = [each["$ref"] for each in choices if "$ref" in each]
    for name in names:
        if name in above:
            raise NoField(f"contains {name.rpartition('/')[2]}, which contains itself")
    return names


def _choices(values: Sequence[Schema]) -> list[Option]:
    """The options of a choice: what a form sends is the value itself, if that is a text."""
    found = [value for o in values for value in (o["enum"] if "enum" in o else [o["const"]]) if value is not None]
    keys = [value if isinstance(value, str) and value else json.dumps(value) for value in found]
    if len(set(keys)) < len(keys):
        keys = [json.dumps(value) for value in found]
    shown = [YES_OR_NO[v] if isinstance(v, bool) else str(v) or EMPTY for v in found]
    return list(dict(zip(keys, zip(keys, shown, found, strict=True), strict=True)).values())


def _bounds(options: Sequence[Schema]) -> dict[str, Any]:
    """The bounds of numbers and dates, as far as a field has words for them."""
    bounded = [o for o in options if o.get("type") in NUMBERS]
    if len(bounded) != 1:
        return {}
    (number,) = bounded
    whole = number["type"] == "integer"
    least, most = number.get("minimum"), number.get("maximum")
    if least is None and "exclusiveMinimum" in number:
        least = number["exclusiveMinimum"] + whole
    if most is None and "exclusiveMaximum" in number:
        most = number["exclusiveMaximum"] - whole
    return {"minimum": least, "maximum": most}


def _kinds(options: Sequence[Schema]) -> set[str]:
    return {o["type"] for o in options if "type" in o}


def _is_null(schema: Schema) -> bool:
    return schema.get("type") == "null" or ("const" in schema and schema["const"] is None)


def _has_none(options: Sequence[Schema]) -> bool:
    return any(value is None for o in options for value in o.get("enum", ()))


def _refuse(options: Sequence[Schema]) -> Shape:
    kinds = " or ".join(sorted(_kinds(options)))
    raise NoField(f"may be of several types ({kinds})")
