"""The JSON Schema of the product's evidence files, from the types that they are made of."""

import ast
import dataclasses
import inspect
import json
import types
from collections.abc import Iterator, Mapping
from typing import (
    Any,
    Final,
    Literal,
    NotRequired,
    Required,
    Union,
    get_args,
    get_origin,
    get_type_hints,
    is_typeddict,
)

from outlast_reviews.evidence.document import SCHEMA_VERSION, Document
from outlast_reviews.evidence.signing import ALGORITHM

PLAIN: Final[Mapping[Any, str]] = {
    str: "string",
    bool: "boolean",
    int: "integer",
    float: "number",
    type(None): "null",
}


def evidence_schema() -> str:
    """The schema of a file, as JSON."""
    found: dict[str, Any] = {}
    document = _of(Document, found)
    signature = {
        "description": "Ed25519 over the UTF-8 bytes of `document` as canonical JSON (RFC 8785).",
        "type": "object",
        "required": ["algorithm", "public_key", "value"],
        "properties": {
            "algorithm": {"const": ALGORITHM},
            "public_key": {"type": "string", "contentEncoding": "base64"},
            "signed": {"type": "string"},
            "value": {"type": "string", "contentEncoding": "base64"},
        },
    }
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"Evidence file of Outlast Reviews, version {SCHEMA_VERSION}",
        "type": "object",
        "required": ["document", "signature"],
        "properties": {"document": document, "signature": signature},
        "$defs": dict(sorted(found.items())),
    }
    return json.dumps(schema, indent=1, ensure_ascii=False) + "\n"


def _of(shape: Any, found: dict[str, Any]) -> dict[str, Any]:
    kind, parts = get_origin(shape), get_args(shape)
    if is_typeddict(shape) or dataclasses.is_dataclass(shape):
        return _of_object(shape, found)
    if kind in {NotRequired, Required}:
        return _of(parts[0], found)
    if kind in {Union, types.UnionType}:
        return {"anyOf": [_of(part, found) for part in parts]}
    if kind is Literal:
        return {"enum": list(parts)}
    if kind is list:
        return {"type": "array", "items": _of(parts[0], found)}
    if kind is dict:
        return {"type": "object", "additionalProperties": _of(parts[1], found)}
    return {"type": PLAIN[shape]}


def _of_object(shape: Any, found: dict[str, Any]) -> dict[str, Any]:
    if shape.__name__ not in found:
        found[shape.__name__] = {}  # its place, should it hold itself
        fields, described = get_type_hints(shape), dict(_descriptions(shape))
        required = getattr(shape, "__required_keys__", fields)
        found[shape.__name__] = {
            **({"description": inspect.cleandoc(shape.__doc__)} if shape.__doc__ else {}),
            "type": "object",
            "required": [name for name in fields if name in required],
            "properties": {
                name: _of(field, found) | ({"description": described[name]} if name in described else {})
                for name, field in fields.items()
            },
        }
    return {"$ref": f"#/$defs/{shape.__name__}"}


def _descriptions(shape: Any) -> Iterator[tuple[str, str]]:
    """The texts below the fields, of the bases too."""
    module = ast.parse(inspect.getsource(inspect.getmodule(shape) or shape))
    classes = {node.name: node for node in module.body if isinstance(node, ast.ClassDef)}
    pending = [shape.__name__]
    while pending:
        node = classes.get(pending.pop())
        if node is None:
            continue
        pending += [base.id for base in node.bases if isinstance(base, ast.Name)]
        for field, text in zip(node.body, node.body[1:], strict=False):
            if (
                isinstance(field, ast.AnnAssign)
                and isinstance(field.target, ast.Name)
                and isinstance(text, ast.Expr)
                and isinstance(text.value, ast.Constant)
            ):
                yield field.target.id, inspect.cleandoc(str(text.value.value))
