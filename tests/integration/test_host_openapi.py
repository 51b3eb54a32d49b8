"""The API of a mounted site in the document of its FastAPI host."""

import json
import re
from collections.abc import Iterator
from typing import Any, cast

import httpx
import pytest
from fastapi import FastAPI
from pydantic import BaseModel

from outlast import Outlast
from outlast.settings import Settings


class Snapshot(BaseModel):
    """A model whose name Outlast has, too."""

    own: int


def host_of(*mounts: str) -> FastAPI:
    app = FastAPI(title="The host")

    @app.get("/own")
    def start() -> Snapshot:
        return Snapshot(own=1)

    for mount in mounts:
        outlast = Outlast(Settings(), title=f"Slow at {mount}")

        @outlast.analysis("letters")
        def count_letters(text: str) -> Snapshot:
            return Snapshot(own=len(text))

        app.mount(mount, outlast.asgi())
        outlast.add_to_openapi(app, mount)
    return app


async def document_of(app: FastAPI) -> dict[str, Any]:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost") as client:
        documents = [(await client.get("/openapi.json")).raise_for_status().text for _ in range(2)]
        assert (await client.get("/docs")).status_code == 200
    assert documents[0] == documents[1]
    return json.loads(documents[0])


def references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        yield from (one for part in cast("dict[str, Any]", value).values() for one in references(part))
    elif isinstance(value, list):
        yield from (one for part in cast("list[Any]", value) for one in references(part))
    elif isinstance(value, str) and value.startswith("#/"):
        yield value


@pytest.mark.parametrize("mounts", [("/slow",), ("/slow", "/sub/two")])
async def test_the_routes_of_each_mount_are_in_the_hosts_document(mounts: tuple[str, ...]):
    alone, document = await document_of(host_of()), await document_of(host_of(*mounts))
    assert document["paths"]["/own"] == alone["paths"]["/own"]
    assert document["components"]["schemas"]["Snapshot"] == alone["components"]["schemas"]["Snapshot"]
    for mount in mounts:
        name = mount.strip("/").replace("/", "_")
        start = document["paths"][f"{mount}/api/analysis/start"]["post"]
        assert start["operationId"] == f"{name}_start"
        assert start["tags"] == [f"Slow at {mount}"]
        assert f"{name}.letters.input" in document["components"]["schemas"]
        assert document["paths"][f"{mount}/livez"]["get"]["security"] == []
    operations = [one["operationId"] for methods in document["paths"].values() for one in methods.values()]
    assert len(operations) == len(set(operations))
    for reference in set(references(document)):
        found: Any = document
        for part in reference.removeprefix("#/").split("/"):
            found = found[part.replace("~1", "/")]
    schemes = set(document["components"]["securitySchemes"])
    used = re.findall(r'"(\w+\.(?:apiKey|cookie|csrfToken))": \[\]', json.dumps(document))
    assert set(used) == schemes


async def test_a_prefix_that_is_no_path_is_refused():
    with pytest.raises(ValueError, match="such as '/slow'"):
        Outlast(Settings()).add_to_openapi(FastAPI(), "slow site")
