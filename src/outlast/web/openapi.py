"""The OpenAPI 3.1 document of the HTTP API, with the input and result schema of every registered analysis."""

import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import Any, Final

from pydantic.errors import PydanticInvalidForJsonSchema, PydanticSchemaGenerationError

from outlast.core.analyses.analysis import Analysis
from outlast.core.analyses.catalogue import Catalogue
from outlast.web.openapi_parameters import PARAMETERS, QUERIES, REQUEST_HEADERS
from outlast.web.openapi_schemas import (
    BODIES,
    ERRORS,
    OPTIONAL_BODIES,
    REFRESH,
    RESPONSES,
    SCHEMAS,
    error_response,
)

VERSION: Final = "1"
"""Version of the API, which changes when a client would have to."""
Schema = dict[str, Any]


def openapi_document(catalogue: Catalogue, title: str, routes: Iterable[Any], root: str = "") -> Schema:
    """Build the document. `routes` are those of the site, `root` is where it is mounted."""
    schemas: Schema = {**SCHEMAS}
    starts: list[Schema] = []
    results: list[Schema] = []
    for analysis in catalogue:
        schemas |= _schemas_of(analysis)
        results.append(_reference(f"{_component(analysis)}.result"))
        starts.append(_start_schema(analysis))
        starts += [_short_form(analysis, short, field) for short, field in analysis.short_forms.items()]
    schemas["Start"] = {"anyOf": starts} if starts else {"type": "object", "required": ["analysis"]}
    schemas["Result"] = {"anyOf": results, "description": "What the analysis returns."} if results else {}
    paths: dict[str, Schema] = {}
    for route in routes:
        if route.name in RESPONSES:
            for method in sorted(route.methods - {"HEAD"}):
                paths.setdefault(route.path, {})[method.lower()] = _operation(route, method, catalogue)
    return {
        "openapi": "3.1.0",
        "info": {"title": title, "version": VERSION, "description": DESCRIPTION},
        "servers": [{"url": root or "/"}],
        "security": [{"apiKey": []}, {"cookie": [], "csrfToken": []}],
        "paths": paths,
        "components": {"schemas": schemas, "securitySchemes": SECURITY},
    }


DESCRIPTION: Final = (
    "Start slow analyses and follow them. Programs send an API key as a bearer token; pages send the owner's "
    "cookie and, with unsafe methods, the token of `/api/analysis/token` as `X-CSRF-Token`. Clients ignore fields "
    "that they do not know, and show an unknown `phase` by its `phase_title`."
)
SECURITY: Final[Schema] = {
    "apiKey": {
        "type": "http",
        "scheme": "bearer",
        "description": "An API key (`olk_…`), a read token (`ort_…`), or a key of the dashboard.",
    },
    "cookie": {"type": "apiKey", "in": "cookie", "name": "outlast_owner", "description": "Its name has a suffix."},
    "csrfToken": {"type": "apiKey", "in": "header", "name": "X-CSRF-Token"},
}


def _operation(route: Any, method: str, catalogue: Catalogue) -> Schema:
    parameters = [PARAMETERS[name] for name in re.findall(r"\{(\w+)\}", route.path)]
    parameters += [*QUERIES.get(route.name, ()), *REQUEST_HEADERS.get(route.name, ())]
    operation: Schema = {
        "operationId": route.name if len(route.methods - {"HEAD"}) == 1 else f"{method.lower()}_{route.name}",
        "summary": route.description.replace("`", ""),
        "responses": {str(status): dict(answer) for status, answer in RESPONSES[route.name].items()},
    }
    if parameters:
        operation["parameters"] = parameters
    if route.name in BODIES and method != "DELETE":
        content: Schema = {k: dict(v) for k, v in BODIES[route.name].items()}
        body: Schema = {"required": route.name not in OPTIONAL_BODIES, "content": content}
        if route.name in {"start", "check"} and (analysis := next(iter(catalogue), None)) is not None:
            value: Schema = {"analysis": analysis.name, "input": {}}
            body["content"]["application/json"]["examples"] = {analysis.name: {"value": value}}
        operation["requestBody"] = body
    if route.requires.value == "anybody":
        operation["security"] = []
    if route.requires.value == "operator_key":
        operation["security"] = [{"apiKey": []}]
    for status in _errors_of(route):
        operation["responses"].setdefault(str(status), error_response(status))
    return operation


def _errors_of(route: Any) -> Iterator[int]:
    """The statuses of the errors that a route may answer by its rules."""
    yield from (400, 500, 503)
    if not route.any_host:
        yield 421
    if route.requires.value != "anybody":
        yield from (401, 403, 404)
    if not route.takes_body:
        yield 413
    yield from ERRORS.get(route.name, ())


def _component(analysis: Analysis) -> str:
    return re.sub(r"[^A-Za-z0-9._-]", "_", analysis.name)


def _reference(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def _schemas_of(analysis: Analysis) -> Schema:
    """The components of one analysis: its input, its result, and the models in them."""
    name = _component(analysis)
    template = f"#/components/schemas/{name}.{{model}}"
    try:
        given: Schema = analysis.input_schema(template)
    except (PydanticInvalidForJsonSchema, PydanticSchemaGenerationError):
        given = {"type": "object"}
    result: Schema = {}
    with suppress(PydanticInvalidForJsonSchema, PydanticSchemaGenerationError):
        result = analysis.codec.json_schema(template)
    models: list[Schema] = [part.pop("$defs", Schema()) for part in (result, given)]
    components = {f"{name}.{model}": schema for found in models for model, schema in found.items()}
    return components | {f"{name}.input": given, f"{name}.result": result}


def _start_schema(analysis: Analysis) -> Schema:
    return {
        "title": analysis.shown_title,
        "type": "object",
        "required": ["analysis", "input"],
        "additionalProperties": False,
        "properties": {
            "analysis": {"const": analysis.name},
            "input": _reference(f"{_component(analysis)}.input"),
            "owner": {"type": "string", "minLength": 1, "description": "API keys of scope `operate` only."},
            "priority": {"type": "integer", "description": "API keys of scope `priority` only."},
            "refresh": REFRESH,
            "callback_url": {
                "type": "string",
                "format": "uri",
                "description": "API keys only: a webhook tells this public https address when the session ends.",
            },
        },
    }


def _short_form(analysis: Analysis, short: str, field: str) -> Schema:
    name = f"#/components/schemas/{_component(analysis)}.input/properties/{field}"
    return {
        "title": f"{analysis.shown_title}, in short",
        "type": "object",
        "required": [short],
        "additionalProperties": False,
        "properties": {short: {"$ref": name}, "refresh": REFRESH},
    }
