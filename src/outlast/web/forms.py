"""A form drawn from the schema of an analysis's input, and what comes back from it."""

import math
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, cast

from outlast.core.analysis import Analysis

Field = dict[str, Any]
KINDS = {"integer": "number", "number": "number", "boolean": "checkbox"}


def form_fields(
    analysis: Analysis, values: Mapping[str, Any] | None = None, errors: Mapping[str, str] | None = None
) -> list[Field]:
    """The fields of one analysis: a union of an upload and text becomes one field of both (`source`).

    A field's `x-examples`, a list of `{"value", "label"}`, are buttons that start with that value.
    """
    schema = analysis.input.model_json_schema()
    required = set(schema.get("required", ()))
    fields: list[Field] = []
    for name, property_ in cast("Mapping[str, Any]", schema.get("properties", {})).items():
        resolved = _resolve(property_, schema)
        fields.append(
            {
                "name": name,
                "examples": property_.get("x-examples", ()),
                "label": property_.get("title", name),
                "kind": _kind(resolved),
                "required": name in required,
                "description": property_.get("description"),
                "default": property_.get("default"),
                "value": (values or {}).get(name),
                "error": (errors or {}).get(name),
            }
        )
    return fields


def form_values(fields: Sequence[Field], form: Mapping[str, Any]) -> dict[str, Any]:
    """The input as the form says it; empty optional fields are left out. Files are looked after elsewhere."""
    values: dict[str, Any] = {}
    for field in fields:
        name, kind = field["name"], field["kind"]
        given = form.get(name)
        if kind == "checkbox":
            values[name] = given == "true"
        elif isinstance(given, str) and given.strip():
            values[name] = _number(given.strip()) if kind == "number" else given.strip()
    return values


def _number(text: str) -> Any:
    for read in (int, float):
        with suppress(ValueError):
            number = read(text)
            return text if isinstance(number, float) and not math.isfinite(number) else number
    return text


def _kind(schema: Mapping[str, Any]) -> str:
    options = [schema, *schema.get("anyOf", ()), *schema.get("oneOf", ())]
    uploads = [o.get("format") == "upload" for o in options if "type" in o]
    if any(uploads):
        return "file" if all(uploads) else "source"
    if any(o.get("format") == "uri" for o in options):
        return "url"
    kinds = [KINDS[o["type"]] for o in options if o.get("type") in KINDS]
    return kinds[0] if kinds else "text"


def _resolve(schema: Mapping[str, Any], root: Mapping[str, Any]) -> Mapping[str, Any]:
    reference = schema.get("$ref")
    if not isinstance(reference, str):
        return schema
    name = reference.rpartition("/")[2]
    return {**root.get("$defs", {}).get(name, {}), **{k: v for k, v in schema.items() if k != "$ref"}}
