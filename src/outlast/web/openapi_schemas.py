"""The fixed parts of the OpenAPI document: schemas, parameters, answers and their examples."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final

from outlast.core.sessions import LONGEST_SHARE
from outlast.domain.status import Phase, Status
from outlast.web.openapi_parameters import ID, SESSION_ID

Schema = dict[str, Any]
TIME: Final[Schema] = {"type": ["string", "null"], "format": "date-time"}
TEXT: Final[Schema] = {"type": ["string", "null"]}
WHOLE: Final[Schema] = {"type": ["integer", "null"]}
JSON: Final = "application/json"
PROBLEM: Final = "application/problem+json"


def _extensible(kinds: Sequence[str]) -> Schema:
    """A list of words to which later versions may add."""
    return {"type": "string", "x-extensible-enum": list(kinds), "examples": [kinds[0]]}


def _object(properties: Schema, optional: Sequence[str] = ()) -> Schema:
    return {
        "type": "object",
        "properties": properties,
        "required": [name for name in properties if name not in optional],
    }


STEP: Final = _object(
    {
        "name": {"type": "string"},
        "title": {"type": "string"},
        "status": _extensible(["pending", "active", "done", "skipped", "failed"]),
        "progress_percentage": {"type": ["number", "null"]},
        "message": TEXT,
        "started_at": TIME,
        "duration_ms": WHOLE,
        "resumed": {"type": "boolean"},
    }
)
QUESTION: Final = _object(
    {
        "name": {"type": "string", "description": "The key of the answer."},
        "label": {"type": "string"},
        "options": {
            "type": "array",
            "items": _object(
                {
                    "value": {"type": "string"},
                    "label": {"type": "string"},
                    "samples": {"type": "array", "items": {"type": "string"}},
                },
                optional=("samples",),
            ),
        },
        "chosen": TEXT,
        "required": {"type": "boolean"},
    }
)
SNAPSHOT: Final = _object(
    {
        "success": {"const": True},
        "session_id": SESSION_ID,
        "analysis": {"type": "string"},
        "subject": {"type": "string"},
        "status": _extensible([s.value for s in Status]),
        "phase": _extensible([p.value for p in Phase]),
        "current_step": {"type": "integer"},
        "total_steps": {"type": "integer"},
        "progress_percentage": {"type": "number", "minimum": 0, "maximum": 100},
        "current_message": TEXT,
        "version": {"type": "integer"},
        "attempt": {"type": "integer"},
        "max_attempts": {"type": "integer"},
        "next_retry_at": TIME,
        "starts_at": TIME,
        "queue_position": WHOLE,
        "eta_seconds": WHOLE,
        "eta_low": WHOLE,
        "eta_high": WHOLE,
        "elapsed_ms": {"type": "integer"},
        "poll_after_ms": WHOLE,
        "stalled": {"type": "boolean"},
        "paused": {"type": "boolean"},
        "cancellable": {"type": "boolean"},
        "created_at": TIME,
        "started_at": TIME,
        "updated_at": TIME,
        "completed_at": TIME,
        "result_at": TIME,
        "expires_at": TIME,
        "steps": {"type": "array", "items": {"$ref": "#/components/schemas/Step"}},
        "result": {"anyOf": [{"type": "null"}, {"$ref": "#/components/schemas/Result"}]},
        "redirect_url": TEXT,
        "error": TEXT,
        "error_code": TEXT,
        "questions": {"type": ["array", "null"], "items": {"$ref": "#/components/schemas/Question"}},
        "reference": TEXT,
        "correction": TEXT,
        "links": {"$ref": "#/components/schemas/Links"},
        "phase_title": {"type": "string"},
        "notice": TEXT,
        "tone": _extensible(["quiet", "busy", "warning", "error", "done"]),
    }
)
REFRESH: Final[Schema] = {
    "type": "boolean",
    "default": False,
    "description": "Run it although a result is fresh. Answered with 429 while the latest one is too young.",
}
PROBLEM_SCHEMA: Final = _object(
    {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "success": {"const": False},
        "error": {"type": "string", "description": "A sentence for a person."},
        "errors": {
            "type": "array",
            "items": _object({"pointer": {"type": "string"}, "detail": {"type": "string"}}),
        },
        "questions": {"type": "array", "items": {"$ref": "#/components/schemas/Question"}},
        "help_html": {"type": "string", "description": "What people can do instead, as HTML."},
        "reference": {"type": "string", "description": "What the log has of it."},
        "link": {
            **_object({"path": {"type": "string"}, "title": {"type": "string"}}),
            "description": "A page that shows a way on; its path is below that of the site.",
        },
    },
    optional=("errors", "questions", "help_html", "reference", "link"),
)
SCHEMAS: Final[Mapping[str, Schema]] = {
    "Step": STEP,
    "Question": QUESTION,
    "Links": {"type": "object", "additionalProperties": {"type": "string"}},
    "Snapshot": SNAPSHOT,
    "Problem": PROBLEM_SCHEMA,
    "Started": _object(
        {
            "success": {"const": True},
            "session_id": SESSION_ID,
            "status": _extensible(["started", "existing"]),
            "message": {"type": "string"},
            "links": {"$ref": "#/components/schemas/Links"},
            "session": {"$ref": "#/components/schemas/Snapshot"},
        }
    ),
    "Changed": _object(
        {
            "success": {"const": True},
            "session_id": SESSION_ID,
            "message": {"type": "string"},
            "session": {"$ref": "#/components/schemas/Snapshot"},
        }
    ),
}
BODIES: Final[Mapping[str, Mapping[str, Schema]]] = {
    "start": {JSON: {"schema": {"$ref": "#/components/schemas/Start"}}},
    "answer": {
        JSON: {"schema": _object({"answers": {"type": "object", "additionalProperties": {"type": "string"}}})}
    },
    "check": {JSON: {"schema": {"$ref": "#/components/schemas/Start"}}},
    "share": {
        JSON: {
            "schema": _object(
                {
                    "expires_in": {
                        "type": ["number", "null"],
                        "minimum": 1,
                        "maximum": LONGEST_SHARE.total_seconds(),
                        "description": "Seconds for which the link is valid, from now, also if there is one "
                        "already. Without it, that link keeps its expiry, and a new one has none.",
                    }
                },
                optional=("expires_in",),
            ),
            "example": {"expires_in": 86_400},
        }
    },
    "upload": {
        "multipart/form-data": {
            "schema": _object({"file": {"type": "string", "contentMediaType": "application/octet-stream"}})
        }
    },
}
OPTIONAL_BODIES: Final = frozenset({"share"})
"""Routes whose requests may have none."""
ERRORS: Final[Mapping[str, Sequence[int]]] = {
    "start": (404, 409, 410, 413, 415, 422, 429, 507),
    "check": (404, 413, 415, 422, 429),
    "upload": (413, 415, 422, 429, 507),
    "progress": (422,),
    "events": (429,),
    "events_of_many": (422, 429),
    "ws": (426, 429),
    "result": (409, 410),
    "list": (422,),
    "delete_result": (409,),
    "cancel": (409,),
    "retry": (409, 422, 429),
    "answer": (409, 413, 415, 422, 429),
    "list_links": (422,),
    "share": (400, 409, 410, 413, 415, 422),
    "security_txt": (404,),
    "metrics": (429,),
    "arrival": (429,),
    "steady_events": (422, 429),
}
LINKS: Final[Schema] = {
    name: {"operationId": operation, "parameters": {"session_id": "$response.body#/session_id"}}
    for name, operation in {
        "progress": "progress",
        "result": "result",
        "cancel": "delete_cancel",
        "retry": "retry",
        "answer": "answer",
        "share": "post_share",
        "delete": "delete_result",
        "readToken": "read_token",
    }.items()
}
RATES: Final[Schema] = {
    "RateLimit": {"schema": {"type": "string"}, "example": '"per-owner";r=19;t=60'},
    "RateLimit-Policy": {"schema": {"type": "string"}, "example": '"per-owner";q=20;w=60'},
}
SNAPSHOT_EXAMPLE: Final[Schema] = {
    **dict.fromkeys(SNAPSHOT["properties"]),
    "success": True,
    "session_id": ID,
    "analysis": "site",
    "subject": "https://example.org/",
    "status": "processing",
    "phase": "running",
    "current_step": 1,
    "total_steps": 1,
    "progress_percentage": 40.0,
    "current_message": "Read 4 of 10 pages",
    "version": 1_790_000_000_000,
    "attempt": 1,
    "max_attempts": 3,
    "elapsed_ms": 5_200,
    "poll_after_ms": 2_000,
    "stalled": False,
    "paused": False,
    "cancellable": True,
    "created_at": "2026-01-01T12:00:00.000Z",
    "started_at": "2026-01-01T12:00:01.000Z",
    "updated_at": "2026-01-01T12:00:05.000Z",
    "steps": [
        {
            "name": "read",
            "title": "Reading",
            "status": "active",
            "progress_percentage": 40.0,
            "message": None,
            "started_at": "2026-01-01T12:00:01.000Z",
            "duration_ms": None,
            "resumed": False,
        }
    ],
    "links": {"self": f"/api/analysis/progress/{ID}", "page": f"/analysis/{ID}"},
    "phase_title": "Working",
    "tone": "busy",
}
STARTED_EXAMPLE: Final[Schema] = {
    "success": True,
    "session_id": ID,
    "status": "started",
    "message": "The analysis has started.",
    "links": SNAPSHOT_EXAMPLE["links"],
    "session": SNAPSHOT_EXAMPLE,
}


def _answer(description: str, schema: Schema, example: Any, **more: Any) -> Schema:
    return {"description": description, "content": {JSON: {"schema": schema, "example": example}}, **more}


def _changed(message: str) -> Schema:
    example = {"success": True, "session_id": ID, "message": message, "session": SNAPSHOT_EXAMPLE}
    return _answer(message, {"$ref": "#/components/schemas/Changed"}, example)


def _text(description: str, kind: str, example: str) -> Schema:
    return {"description": description, "content": {kind: {"schema": {"type": "string"}, "example": example}}}


def _plain(description: str, example: Schema) -> Schema:
    """An answer whose fields are those of its example."""
    kinds = {bool: "boolean", int: "integer", str: "string", list: "array", dict: "object"}
    return _answer(description, _object({k: {"type": kinds[type(v)]} for k, v in example.items()}), example)


STARTED: Final[Schema] = {"$ref": "#/components/schemas/Started"}
RESPONSES: Final[Mapping[str, Mapping[int, Schema]]] = {
    "start": {
        202: _answer("It is on its way.", STARTED, STARTED_EXAMPLE, links=LINKS, headers=RATES),
        200: _answer("It has ended.", STARTED, STARTED_EXAMPLE, links=LINKS, headers=RATES),
    },
    "check": {200: _plain("A start with this body would be accepted.", {"success": True})},
    "upload": {
        200: _plain(
            "It is stored.", {"success": True, "source": "upload:" + "0" * 64, "name": "a.csv", "bytes": 3}
        ),
    },
    "token": {200: _plain("The CSRF token of this visitor.", {"token": "NbD1rq"})},
    "progress": {
        200: _answer("The snapshot.", {"$ref": "#/components/schemas/Snapshot"}, SNAPSHOT_EXAMPLE),
        304: {"description": "It has not changed."},
    },
    "events": {
        200: {
            "description": "Events `progress` and `done` with a snapshot each, and `bye` when the server stops.",
            "content": {
                "text/event-stream": {"schema": {"type": "string"}, "example": "event: done\ndata: {…}\n\n"}
            },
        },
        204: {"description": "It has ended, and `Last-Event-ID` is its last version."},
    },
    "events_of_many": {
        200: {
            "description": "Events like those of one session, without ids; it ends with the last of the sessions.",
            "content": {
                "text/event-stream": {"schema": {"type": "string"}, "example": "event: done\ndata: {…}\n\n"}
            },
        },
    },
    "ws": {
        101: {
            "description": 'Messages `{"event", "id", "data"}`: `progress` and `done` with a snapshot each, '
            '`bye` when the server stops, `error` with a problem. A client may send `{"action": "cancel"}`.'
        },
    },
    "result": {200: _answer("The result.", {"$ref": "#/components/schemas/Result"}, {"report": {}})},
    "list": {
        200: _answer(
            "One page of the list.",
            _object(
                {"sessions": {"type": "array", "items": {"$ref": "#/components/schemas/Snapshot"}}, "next": TEXT}
            ),
            {"sessions": [SNAPSHOT_EXAMPLE], "next": None},
        )
    },
    "list_links": {
        200: _answer(
            "One page of the list.",
            _object(
                {
                    "links": {
                        "type": "array",
                        "items": _object(
                            {
                                "session_id": {"type": "string"},
                                "analysis": {"type": "string"},
                                "subject": {"type": "string"},
                                "url": {"type": "string"},
                                "expires_at": TIME,
                                "completed_at": {"type": "string", "format": "date-time"},
                            }
                        ),
                    },
                    "next": TEXT,
                }
            ),
            {
                "links": [
                    {
                        "session_id": ID,
                        "analysis": "site",
                        "subject": "https://example.org/",
                        "url": f"https://example.org/shared/{ID}",
                        "expires_at": None,
                        "completed_at": "2026-01-01T12:00:00.000Z",
                    }
                ],
                "next": None,
            },
        )
    },
    "delete_result": {
        200: _plain("It is deleted.", {"success": True, "session_id": ID, "message": "The analysis is deleted."}),
    },
    "delete_everything": {
        status: _plain(
            description,
            {
                "success": True,
                "message": "Everything of yours is deleted.",
                "deleted": {"sessions": 2, "results": 1, "uploads": 1, "facts": 0},
                "remaining": [],
            },
        )
        for status, description in ((200, "All is deleted."), (202, "Some of it is still being stopped."))
    },
    "cancel": {200: _changed("The analysis is cancelled."), 202: _changed("The analysis is being stopped.")},
    "retry": {202: _changed("The analysis starts again where it stopped.")},
    "answer": {202: _changed("Thank you. The analysis goes on.")},
    "read_token": {
        200: _plain(
            "A token.",
            {"success": True, "token": "ort_…", "page": "/analysis/…?token=ort_…", "expires_at": "2026-…"},
        ),
    },
    "share": {
        200: _answer(
            "The link, or `null` once it is revoked.",
            _object({"success": {"const": True}, "url": TEXT, "expires_at": TIME}),
            {
                "success": True,
                "url": f"https://example.org/shared/{ID}",
                "expires_at": "2026-01-02T12:00:00.000Z",
            },
        )
    },
    "favicon": {200: _text("The icon.", "image/svg+xml", "<svg/>"), 304: {"description": "It has not changed."}},
    "robots": {200: _text("What search engines leave alone.", "text/plain", "User-agent: *")},
    "security_txt": {
        200: _text("Where to report vulnerabilities.", "text/plain", "Contact: mailto:security@example.org")
    },
    "metrics": {200: _text("The metrics.", "text/plain", "# EOF")},
    "arrival": {
        200: _answer(
            "How the request arrived.",
            _object(
                {
                    "scheme": {"type": "string"},
                    "secure": {"type": "boolean"},
                    "host": {"type": "string"},
                    "client": TEXT,
                    "forwarded_for": TEXT,
                    "forwarded_proto": TEXT,
                }
            ),
            {
                "scheme": "http",
                "secure": True,
                "host": "example.org",
                "client": "203.0.113.9",
                "forwarded_for": "203.0.113.9",
                "forwarded_proto": "https",
            },
        )
    },
    "steady_events": {
        200: _text(
            "Events `second`, each with the seconds since the first.",
            "text/event-stream",
            "event: second\ndata: 0\n\n",
        )
    },
    "livez": {200: _plain("The process is alive.", {"status": "ok"})},
    "readyz": {200: _plain("It can take requests.", {"status": "ready"})},
}
"""The answers of each route that the document describes, by status."""


def error_response(status: int) -> Schema:
    """The answer for an error, as a problem document."""
    title = HTTPStatus(status).phrase
    example = {
        "type": "about:blank",
        "title": title,
        "status": status,
        "detail": "A sentence that says what is wrong and what to do.",
        "success": False,
        "error": "A sentence that says what is wrong and what to do.",
    }
    answer: Schema = {
        "description": title,
        "content": {PROBLEM: {"schema": {"$ref": "#/components/schemas/Problem"}, "example": example}},
    }
    if status in {429, 503}:
        answer["headers"] = {"Retry-After": {"schema": {"type": "integer"}, "description": "Seconds."}}
    return answer
