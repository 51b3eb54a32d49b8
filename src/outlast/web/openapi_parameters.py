"""The parameters and headers of requests in the OpenAPI document."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from outlast.domain.status import Status
from outlast.web.diagnostics import LONGEST
from outlast.web.events import MOST_FOLLOWED
from outlast.web.listing import DEFAULT_LIMIT, MAX_LIMIT

Schema = dict[str, Any]
ID: Final = "abcdefghijklmnopqrstuvwxyz"
SESSION_ID: Final[Schema] = {"type": "string", "pattern": "^[a-z2-7]{26}$"}
PARAMETERS: Final[Mapping[str, Schema]] = {
    "session_id": {"name": "session_id", "in": "path", "required": True, "schema": SESSION_ID, "example": ID}
}


def _query(name: str, schema: Schema, description: str) -> Schema:
    return {"name": name, "in": "query", "schema": schema, "description": description}


def _header(name: str, schema: Schema, description: str) -> Schema:
    return {"name": name, "in": "header", "schema": schema, "description": description}


PAGING: Final = (
    _query(
        "limit",
        {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": DEFAULT_LIMIT},
        "Entries of one page.",
    ),
    _query("after", {"type": "string"}, "`next` of the page before."),
)
QUERIES: Final[Mapping[str, Sequence[Schema]]] = {
    "list": (
        *PAGING,
        _query("status", {"type": "string", "enum": [s.value for s in Status]}, "Only sessions of this status."),
        _query("analysis", {"type": "string"}, "Only sessions of this analysis."),
    ),
    "list_links": PAGING,
    "events_of_many": (
        _query(
            "session_id",
            {"type": "array", "items": SESSION_ID, "minItems": 1, "maxItems": MOST_FOLLOWED},
            "Once for each session.",
        )
        | {"required": True},
    ),
    "steady_events": (
        _query("seconds", {"type": "integer", "minimum": 2, "maximum": LONGEST}, "How long the events last."),
    ),
    "progress": (
        _query("wait", {"type": "number", "minimum": 0}, "With `If-None-Match`: seconds to wait, at most 25."),
    ),
}
TEXT_HEADER: Final[Schema] = {"type": "string", "pattern": "^[ -~]*$"}
REQUEST_HEADERS: Final[Mapping[str, Sequence[Schema]]] = {
    "start": (
        _header(
            "Idempotency-Key",
            {"type": "string", "pattern": "^[!#-~]{1,255}$"},
            "The same key and body return the same session for 24 hours.",
        ),
        _header("Prefer", TEXT_HEADER, "`wait=N` waits for the end, at most 25 s; `respond-async` does not."),
    ),
    "progress": (_header("If-None-Match", TEXT_HEADER, "The `ETag` of an earlier answer."),),
    "events": (_header("Last-Event-ID", TEXT_HEADER, "The version that was received last."),),
}
