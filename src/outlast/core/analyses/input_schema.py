"""Generates the JSON schema of an input, for its form and for the OpenAPI document."""

from collections.abc import Mapping
from typing import Any, cast

from pydantic.json_schema import GenerateJsonSchema

AWARE = "x-time-zone-required"
"""Marks a date and time that needs a time zone, for which JSON Schema has no word."""
DECIMAL = "decimal"
"""The format of the text of a decimal number, which may also be a JSON number."""


class InputSchema(GenerateJsonSchema):
    """Marks what pydantic's own generator leaves out and a form has to know."""

    def datetime_schema(self, schema: Any) -> dict[str, Any]:
        aware = schema.get("tz_constraint") not in (None, "naive")
        return {**super().datetime_schema(schema), **({AWARE: True} if aware else {})}

    def decimal_schema(self, schema: Any) -> dict[str, Any]:
        made = super().decimal_schema(schema)
        for choice in cast("list[dict[str, Any]]", made.get("anyOf", [made])):
            if choice.get("type") == "string":
                choice["format"] = DECIMAL
        return made


def options_of(schema: Mapping[str, Any], root: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the alternatives of a schema, without unions and references."""
    resolved = resolve(schema, root)
    union = [*resolved.get("anyOf", ()), *resolved.get("oneOf", ())]
    return [option for each in union for option in options_of(each, root)] if union else [resolved]


def resolve(schema: Mapping[str, Any], root: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the schema with what its reference refers to; its own words take precedence."""
    reference = schema.get("$ref")
    if not isinstance(reference, str):
        return schema
    name = reference.rpartition("/")[2]
    own = {key: value for key, value in schema.items() if key != "$ref"}
    return {**resolve(root.get("$defs", {}).get(name, {}), root), **own}
