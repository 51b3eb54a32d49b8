"""Traces through OpenTelemetry: from the request through the start to attempts and steps in other processes."""

import json
from pathlib import Path
from typing import Any

import pytest
from processes import Installation, wait_until

from outlast.backends import factories

pytest.importorskip("opentelemetry.sdk")

TRACE = "0af7651916cd43dd8448eb211c80319c"
TRACEPARENT = f"00-{TRACE}-b7ad6b7169203331-01"
SITE = """
import os
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import ConsoleSpanExporter, SimpleSpanProcessor
from outlast import Permanent, RetryAfter

provider = TracerProvider()
lines = ConsoleSpanExporter(
    out=open("spans", "a", buffering=1),
    formatter=lambda span: span.to_json(indent=None).replace('"name"', f'"pid": {os.getpid()}, "name"', 1) + "\\n",
)
provider.add_span_processor(SimpleSpanProcessor(lines))
trace.set_tracer_provider(provider)

@step("Reading")
async def read(name: str) -> str:
    with trace.get_tracer("site").start_as_current_span("own"):
        return name

@step("Judging")
def judge(name: str) -> str:
    return name

@outlast.analysis("good")
async def good(name: str) -> str:
    return await read(name)

@outlast.analysis("threaded")
def threaded(name: str) -> str:
    return judge(name)

@outlast.analysis("bad", max_attempts=2)
async def bad(name: str) -> str:
    if not Path("tried").exists():
        Path("tried").touch()
        raise RetryAfter(0)
    raise Permanent("no")
"""


def spans(folder: Path) -> dict[str, dict[str, Any]]:
    """By name; an attempt by its name and number."""
    file = folder / "spans"
    found = [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []
    return {f"{s['name']} {s['attributes'].get('outlast.attempt', '')}".rstrip(): s for s in found}


@pytest.mark.slow
def test_a_trace_leads_from_the_request_to_the_steps_in_another_process(tmp_path: Path):
    with Installation(tmp_path, SITE) as site:
        visitor = site.visitor(site.serve(1))
        visitor.http.headers["traceparent"] = TRACEPARENT
        visitor.start("good", name="a")
        visitor.start("threaded", name="a")
        del visitor.http.headers["traceparent"]
        visitor.start("bad", name="a")
        wanted = {
            *("start good", "attempt good 1", "step read", "own"),
            *("start threaded", "attempt threaded 1", "step judge"),
            *("start bad", "attempt bad 1", "attempt bad 2"),
        }
        wait_until(lambda: wanted <= spans(tmp_path).keys(), 60, "every span")
        found = spans(tmp_path)

        def parent(name: str) -> str | None:
            ids = {span["context"]["span_id"]: name for name, span in found.items()}
            return ids.get(found[name]["parent_id"], found[name]["parent_id"])

        assert {found[name]["context"]["trace_id"] for name in wanted if "bad" not in name} == {f"0x{TRACE}"}
        assert parent("start good") == "0xb7ad6b7169203331"
        assert [parent(name) for name in ("attempt good 1", "step read", "own")] == [
            "start good",
            "attempt good 1",
            "step read",
        ]
        assert parent("step judge") == "attempt threaded 1"
        assert found["attempt good 1"]["pid"] != found["start good"]["pid"]
        assert parent("start bad") is None
        assert parent("attempt bad 1") == parent("attempt bad 2") == "start bad"
        outcomes = {name: span["attributes"].get("outlast.outcome") for name, span in found.items()}
        assert outcomes["attempt good 1"] == "completed"
        assert (outcomes["attempt bad 1"], outcomes["attempt bad 2"]) == ("postponed", "failed")
        assert found["attempt bad 2"]["status"] == {"status_code": "ERROR", "description": "permanent"}


@pytest.mark.parametrize("given", ["", "rubbish", "00-0-0-01", "ff" * 500, TRACEPARENT.upper()])
def test_a_malformed_traceparent_begins_a_trace_of_its_own(given: str):
    tracing = factories.tracing()
    assert tracing is not None
    with tracing.start("site", given) as stored:
        assert stored is None or TRACE not in stored
