"""Builds form fields from an analysis's input schema and parses submitted forms."""

import math
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, cast

from outlast.core.analyses.analysis import Analysis
from outlast.domain.errors import Question

Field = dict[str, Any]
KINDS = {"integer": "number", "number": "number", "boolean": "checkbox"}

KEPT = "_kept"
"""Suffix of the hidden field that refers to files uploaded earlier."""


def form_fields(
    analysis: Analysis,
    values: Mapping[str, Any] | None = None,
    errors: Mapping[str, str] | None = None,
    questions: Mapping[str, Sequence[Question]] | None = None,
) -> list[Field]:
    """The fields of one analysis. A union of an upload and text becomes one field for both (`source`).

    An object of strings (`answers`) is rendered as the `questions` that a start asks about it. A field's
    `x-examples`, a list of `{"value", "label"}`, become buttons that start with that value. A field with
    `x-hidden` is not shown, and keeps its value.
    """
    schema = analysis.input.model_json_schema()
    required = set(schema.get("required", ()))
    fields: list[Field] = []
    for name, property_ in cast("Mapping[str, Any]", schema.get("properties", {})).items():
        resolved = _resolve(property_, schema)
        value = (values or {}).get(name)
        kept = _kept(value)
        several = _takes_several(resolved, schema)
        fields.append(
            {
                "name": name,
                "examples": property_.get("x-examples", ()),
                "label": property_.get("title", name),
                "kind": "hidden" if property_.get("x-hidden") else _kind(resolved, several=several),
                "required": name in required,
                "description": property_.get("description"),
                "default": property_.get("default"),
                "value": None if kept else value,
                "kept": " ".join(kept),
                "kept_count": len(kept),
                "multiple": several,
                "list": several and not _takes_one(resolved),
                "questions": (questions or {}).get(name, ()),
                "error": (errors or {}).get(name),
                "help_html": "",
            }
        )
    return fields


def form_values(fields: Sequence[Field], form: Mapping[str, Any]) -> dict[str, Any]:
    """The input as the submitted form has it, without empty fields. The caller adds uploaded files."""
    values: dict[str, Any] = {}
    for field in fields:
        name, kind = field["name"], field["kind"]
        given = form.get(name)
        if kind == "checkbox":
            values[name] = given == "true"
        elif kind == "answers":
            answers = {key.removeprefix(name + "."): form[key] for key in form if key.startswith(name + ".")}
            if chosen := {key: answer for key, answer in answers.items() if isinstance(answer, str) and answer}:
                values[name] = chosen
        elif isinstance(given, str) and given.strip():
            values[name] = _number(given.strip()) if kind == "number" else given.strip()
        elif kept := _kept(str(form.get(name + KEPT, "")).split()):
            values[name] = one_or_all(kept, field)
    return values


def one_or_all(uploads: Sequence[str], field: Field) -> str | list[str]:
    """Return a single upload as a string, unless the field is a list."""
    return uploads[0] if len(uploads) == 1 and not field["list"] else list(uploads)


def _kept(value: object) -> list[str]:
    """The sources of a value that holds an upload, addresses among them; no sources of any other value."""
    given = cast("Sequence[object]", value if isinstance(value, list) else [value])
    sources = [source for source in given if isinstance(source, str) and not re.search(r"\s", source)]
    return sources if any(source.startswith("upload:") for source in sources) else []


def _number(text: str) -> Any:
    for read in (int, float):
        with suppress(ValueError):
            number = read(text)
            return text if isinstance(number, float) and not math.isfinite(number) else number
    return text


def _kind(schema: Mapping[str, Any], *, several: bool) -> str:
    options = _options(schema)
    if any(o.get("type") == "object" for o in options):
        return "answers"
    uploads = [o.get("format") == "upload" for o in options if o.get("type") not in (None, "null", "array")]
    if several and not uploads:
        return "file"
    if any(uploads):
        return "file" if all(uploads) else "source"
    if any(o.get("format") == "uri" for o in options):
        return "url"
    kinds = [KINDS[o["type"]] for o in options if o.get("type") in KINDS]
    return kinds[0] if kinds else "text"


def _takes_one(schema: Mapping[str, Any]) -> bool:
    return any(o.get("format") == "upload" for o in _options(schema))


def _takes_several(schema: Mapping[str, Any], root: Mapping[str, Any]) -> bool:
    items = [_resolve(o["items"], root) for o in _options(schema) if o.get("type") == "array" and "items" in o]
    return any(o.get("format") == "upload" for item in items for o in _options(item))


def _options(schema: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [schema, *schema.get("anyOf", ()), *schema.get("oneOf", ())]


def _resolve(schema: Mapping[str, Any], root: Mapping[str, Any]) -> Mapping[str, Any]:
    reference = schema.get("$ref")
    if not isinstance(reference, str):
        return schema
    name = reference.rpartition("/")[2]
    return {**root.get("$defs", {}).get(name, {}), **{k: v for k, v in schema.items() if k != "$ref"}}
