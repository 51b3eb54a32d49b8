"""The OpenAPI document: complete, the same as in the repository, and true, as schemathesis finds."""

import asyncio
import json
import os
import socket
import threading
from collections.abc import Generator
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from edge_site import DASHBOARD_KEY, Hold, make_outlast, open_site
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import FlakyStrategyDefinition
from jsonschema_rs import Draft202012Validator

from outlast.app import runtime_of
from outlast.core.api_keys import Scope, key_digest, new_api_key
from outlast.web.openapi import openapi_document
from outlast.web.openapi_schemas import RESPONSES
from outlast.web.routes import ROUTES
from outlast_reviews.app import outlast as product
from sqlite_template import put_store

ROOT = Path(__file__).parents[2]
CASES = int(os.environ.get("OUTLAST_SCHEMATHESIS_CASES", "1"))
"""Cases for each operation; 1000 in a long run, which makes more than 20,000 with those of the state machine."""
UNDOCUMENTED = {"static", "assets", "well_known", "openapi"}
STREAMS = ["events", "events_of_many", "steady_events"]
"""Operations that answer for as long as a session runs, or as long as they are asked to."""
HEALTH = (HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large)
SCHEMATHESIS: Any = import_module("schemathesis")
"""Its types are generic, and not all of their parameters are declared."""
OPENAPI_CHECKS: Any = import_module("schemathesis.specs.openapi.checks")
CHECKS = [
    import_module("schemathesis.checks").not_a_server_error,
    OPENAPI_CHECKS.status_code_conformance,
    OPENAPI_CHECKS.content_type_conformance,
    OPENAPI_CHECKS.response_schema_conformance,
]


def test_the_document_in_the_repository_is_current():
    document = openapi_document(runtime_of(product).catalogue, "Outlast", ROUTES)
    kept = json.loads((ROOT / "docs" / "reference" / "openapi.json").read_text(encoding="utf-8"))
    assert kept == json.loads(json.dumps(document)), "Run `python docs/generate.py`."


def test_every_route_of_the_api_is_in_it():
    assert {route.name for route in ROUTES if not route.page} == RESPONSES.keys() | UNDOCUMENTED


def test_every_example_is_valid():
    document = openapi_document(runtime_of(product).catalogue, "Outlast", ROUTES)
    count = 0
    for methods in document["paths"].values():
        for operation in methods.values():
            for answer in operation["responses"].values():
                for content in answer.get("content", {}).values():
                    schema = {**content["schema"], "components": document["components"]}
                    Draft202012Validator(schema).validate(content["example"])
                    count += 1
    assert count > 50


@pytest.mark.slow
async def test_it_is_served_as_json_and_as_a_page_without_other_servers(tmp_path: Path):
    async with open_site(tmp_path) as site:
        client = site.client()
        document = (await client.get("/openapi.json")).json()
        assert document["openapi"] == "3.1.0"
        assert document["components"]["schemas"]["echo.input"]["required"] == ["text"]
        page = (await client.get("/docs", headers={"Accept": "text/html"})).text
        assert "POST /api/analysis/start" in page
        assert 'src="http' not in page


class ServedSite:
    """A site with a worker on a server in a thread of its own."""

    def __init__(self, folder: Path) -> None:
        put_store(folder)
        self.outlast = make_outlast(
            folder,
            Hold(),
            max_active_per_owner=100_000,
            starts_per_minute=1_000_000,
            dashboard_key=DASHBOARD_KEY,
            streams_per_owner=10_000,
        )
        self.key = ""
        self.url = ""
        self._ready = threading.Event()
        self._server: uvicorn.Server | None = None
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), daemon=True)
        self._thread.start()
        assert self._ready.wait(30)

    async def _serve(self) -> None:
        async with self.outlast.lifespan(workers=1):
            engine = await runtime_of(self.outlast).engine()
            key, self.key = new_api_key("tests", list(Scope), engine.clock.now(), expires_at=None)
            await engine.store.add_api_key(key, key_digest(self.key))
            config = uvicorn.Config(self.outlast.asgi(), lifespan="off", ws="none", log_config=None)
            self._server = server = uvicorn.Server(config)
            listener = socket.create_server(("127.0.0.1", 0))  # it accepts before the server does
            self.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
            self._ready.set()
            await server.serve(sockets=[listener])
            listener.close()

    def close(self) -> None:
        assert self._server is not None
        self._server.should_exit = True
        self._thread.join(30)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Generator[ServedSite]:
    site = ServedSite(tmp_path_factory.mktemp("openapi"))
    yield site
    site.close()


def _schema(served: ServedSite) -> Any:
    config = SCHEMATHESIS.Config.from_dict(
        {"generation": {"max-examples": CASES, "deterministic": "OUTLAST_SCHEMATHESIS_CASES" not in os.environ}}
    )
    return SCHEMATHESIS.openapi.from_url(f"{served.url}/openapi.json", config=config)


@pytest.mark.slow
def test_generated_requests_find_documented_answers_only(served: ServedSite):
    headers = {"Authorization": f"Bearer {served.key}"}
    schema = _schema(served).exclude(operation_id=STREAMS)
    cases = 0
    for found in schema.get_all_operations():
        operation = found.ok()

        @settings(
            max_examples=CASES, database=None, deadline=None, suppress_health_check=HEALTH,
            derandomize="OUTLAST_SCHEMATHESIS_CASES" not in os.environ,
        )  # fmt: skip
        @given(case=operation.as_strategy())
        def check(case: Any) -> None:
            nonlocal cases
            cases += 1
            case.call_and_validate(headers=headers, checks=CHECKS, timeout=40)

        check()
    print(f"{cases} cases")
    assert cases >= 15


@pytest.mark.slow
def test_generated_sequences_find_documented_answers_only(served: ServedSite):
    schema = _schema(served).exclude(operation_id=STREAMS)
    calls = 0

    class Machine(schema.as_state_machine()):
        def get_call_kwargs(self, case: Any) -> dict[str, Any]:
            nonlocal calls
            calls += 1
            return {"headers": {"Authorization": f"Bearer {served.key}"}, "timeout": 40}

        def validate_response(self, response: Any, case: Any, **kwargs: Any) -> None:
            case.validate_response(response, checks=CHECKS)

    run = settings(
        max_examples=min(CASES, 20),
        stateful_step_count=6,
        database=None,
        deadline=None,
        suppress_health_check=HEALTH,
        phases=[Phase.generate],
        derandomize="OUTLAST_SCHEMATHESIS_CASES" not in os.environ,
    )
    for _ in range(max(1, CASES // 20)):
        with suppress(FlakyStrategyDefinition):  # a site answers the same request differently once it has sessions
            Machine.run(settings=run)
    print(f"{calls} calls")
    assert calls
