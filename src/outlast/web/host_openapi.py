"""The API of a mounted site in the OpenAPI document of its host."""

import re
from collections.abc import Callable
from typing import Any, Protocol, cast

Document = dict[str, Any]
COMPONENTS = "#/components/"


class OpenapiHost(Protocol):
    """A FastAPI application, or another one whose method `openapi` returns its document."""

    def openapi(self) -> Document: ...


def add_to_host(host: OpenapiHost, prefix: str, document: Callable[[], Document]) -> None:
    """Let the host's document have the operations of another one below `prefix`.

    `document` is called when the host makes its own. The components and operations get names of their own.
    """
    own = host.openapi
    name = re.sub(r"\W+", "_", prefix.strip("/")) or "root"

    def openapi() -> Document:
        made = own()  # which FastAPI makes once
        if not any(path.startswith(f"{prefix}/api/analysis/") for path in made.get("paths", {})):
            _merge(made, document(), prefix, name)
        return made

    host.openapi = openapi  # pyright: ignore[reportAttributeAccessIssue] - FastAPI documents this way


def _merge(host: Document, added: Document, prefix: str, name: str) -> None:
    added = cast("Document", _renamed(added, name))
    security = _of_schemes(added["security"], name)
    for path, operations in added["paths"].items():
        for operation in operations.values():
            given = operation.get("security")
            operation["security"] = security if given is None else _of_schemes(given, name)
            operation["tags"] = [added["info"]["title"]]
        host.setdefault("paths", {})[prefix + path] = operations
    components = host.setdefault("components", {})
    for kind, members in added["components"].items():
        components.setdefault(kind, {}).update({f"{name}.{key}": value for key, value in members.items()})


def _of_schemes(security: list[dict[str, Any]], name: str) -> list[dict[str, Any]]:
    return [{f"{name}.{scheme}": scopes for scheme, scopes in one.items()} for one in security]


def _renamed(value: Any, name: str) -> Any:
    """Copy, with references to the renamed components, and the renamed operations."""
    if isinstance(value, dict):
        members = cast("dict[str, Any]", value)
        return {
            key: f"{name}_{part}" if key == "operationId" and isinstance(part, str) else _renamed(part, name)
            for key, part in members.items()
        }
    if isinstance(value, list | tuple):
        return [_renamed(part, name) for part in cast("list[Any]", value)]
    if isinstance(value, str) and value.startswith(COMPONENTS):
        kind, _, member = value.removeprefix(COMPONENTS).partition("/")
        return f"{COMPONENTS}{kind}/{name}.{member}"
    return value
