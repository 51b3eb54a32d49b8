"""The story of the quickstart: a killed worker and a stopped server repeat no finished step."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
from served import ENVIRONMENT, served
from snippets import ROOT, blocks

pytestmark = pytest.mark.slow


@pytest.fixture
def kitchen(tmp_path: Path) -> Path:
    (program,) = [b for b in blocks(ROOT / "docs" / "start" / "quickstart.md") if b.file == "kitchen.py"]
    (tmp_path / "kitchen.py").write_text(program.code, encoding="utf-8")
    return tmp_path


def test_the_dinner_of_a_killed_worker_goes_on_after_its_last_step(kitchen: Path) -> None:
    with served("kitchen:outlast", kitchen) as server, _visitor(server.address) as visitor:
        page = _order(visitor, minutes=6)
        snapshots = _snapshots(visitor, page)
        seen = [next(s for s in snapshots if s["steps"][1]["status"] == "active")]
        (busy,) = [w for w in _workers(kitchen) if w["in_flight"] == 1]
        os.kill(busy["pid"], signal.SIGKILL)
        seen += snapshots
        assert seen[-1]["status"] == "completed"
        assert [step["resumed"] for step in seen[-1]["steps"]] == [True, False]
        percentages = [s["progress_percentage"] for s in seen]
        assert percentages == sorted(percentages)
        deadline = time.monotonic() + 30
        while len(alive := _alive(kitchen) - {busy["pid"]}) != 2:  # the replacement may still be starting
            assert time.monotonic() < deadline, alive


def test_the_dinner_of_a_server_that_was_stopped_with_ctrl_c_twice_goes_on(kitchen: Path) -> None:
    with served("kitchen:outlast", kitchen, grace="60") as server, _visitor(server.address) as visitor:
        page = _order(visitor, minutes=6)
        next(s for s in _snapshots(visitor, page) if s["steps"][1]["status"] == "active")
        os.killpg(server.process.pid, signal.SIGINT)  # as a terminal does
        with suppress(httpx.TransportError):
            while visitor.get("/livez"):  # two signals at once would be one
                pass
        os.killpg(server.process.pid, signal.SIGINT)
        cookies = visitor.cookies
        server.process.wait(20)
    port = server.address.rpartition(":")[2]  # another site would have another cookie
    with served("kitchen:outlast", kitchen, port=port) as again, _visitor(again.address) as visitor:
        visitor.cookies = cookies
        *_, last = _snapshots(visitor, page)
    assert last["status"] == "completed"
    assert last["steps"][0]["resumed"]


def _alive(kitchen: Path) -> set[int]:
    return {w["pid"] for w in _workers(kitchen) if w["alive"]}


def _visitor(address: str) -> httpx.Client:
    return httpx.Client(base_url=address, timeout=60)


def _order(visitor: httpx.Client, *, minutes: int) -> str:
    token = visitor.get("/api/analysis/token").json()["token"]
    order = {"analysis": "dinner", "input": {"dish": "soup", "minutes": minutes}}
    started = visitor.post("/api/analysis/start", json=order, headers={"X-CSRF-Token": token})
    return started.raise_for_status().json()["links"]["events"]


def _snapshots(visitor: httpx.Client, events: str) -> Iterator[Mapping[str, Any]]:
    with visitor.stream("GET", events) as stream:
        for line in stream.iter_lines():
            if line.startswith("data: {"):
                yield json.loads(line.removeprefix("data: "))


def _workers(folder: Path) -> list[dict[str, Any]]:
    command = [sys.executable, "-m", "outlast", "workers", "status", "--app", "kitchen:outlast", "--json"]
    done = subprocess.run(command, cwd=folder, env=ENVIRONMENT, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)
