"""`/openapi.json` and `/docs`, which need nothing from another server."""

import json
from typing import Any

from starlette.responses import JSONResponse, Response

from outlast.web.openapi import openapi_document
from outlast.web.request_context import RequestContext


async def openapi(context: RequestContext) -> Response:
    """The OpenAPI 3.1 document, with the schemas of every analysis."""
    return JSONResponse(_document(context), headers={"Cache-Control": "no-cache"})


async def docs(context: RequestContext) -> Response:
    """The OpenAPI document as a page."""
    document = _document(context)
    operations = [
        {
            "id": operation["operationId"],
            "method": method.upper(),
            "path": path,
            "summary": operation["summary"],
            "parameters": operation.get("parameters", []),
            "body": _shown(operation.get("requestBody", {}).get("content")),
            "answers": [
                {"status": status, "description": answer["description"], "content": _shown(answer.get("content"))}
                for status, answer in sorted(operation["responses"].items())
            ],
        }
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]
    schemas = {name: _shown(schema) for name, schema in document["components"]["schemas"].items()}
    description = document["info"]["description"]
    return context.page(
        "docs.html", title="The API", description=description, operations=operations, schemas=schemas
    )


def _document(context: RequestContext) -> dict[str, Any]:
    return openapi_document(context.engine.catalogue, context.templates.title, context.routes, context.root)


def _shown(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) if value else ""
