"""The example of the README, served as the README says, used as a visitor would."""

import shutil
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler
from pathlib import Path

import httpx
import pytest
from served import served
from snippets import ROOT

from local_http import serving

pytestmark = pytest.mark.slow


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *args: object) -> None: ...


@pytest.fixture
def some_site(tmp_path: Path) -> Iterator[str]:
    """A site of two pages, on this machine."""
    folder = tmp_path / "site"
    folder.mkdir()
    (folder / "index.html").write_text('<p>Three words here</p> <a href="/more.html">more</a>')
    (folder / "more.html").write_text("<p>two words</p>")
    with serving(partial(_Quiet, directory=folder)) as port:
        yield f"http://127.0.0.1:{port}"


@pytest.fixture
def slowsite(tmp_path: Path) -> Iterator[str]:
    """`outlast serve --app slowsite:outlast --workers 2`, in the folder of the example."""
    shutil.copy(ROOT / "examples" / "slowsite.py", tmp_path)
    with served("slowsite:outlast", tmp_path) as server:
        yield server.address


def test_a_visitor_gets_the_words_of_a_site_counted(slowsite: str, some_site: str) -> None:
    with httpx.Client(base_url=slowsite, timeout=60) as visitor:
        token = visitor.get("/api/analysis/token").json()["token"]
        started = visitor.post(
            "/api/analysis/start",
            json={"analysis": "site", "input": {"url": some_site}},
            headers={"X-CSRF-Token": token},
        )
        assert started.status_code == 202
        links = started.json()["links"]
        with visitor.stream("GET", links["events"]) as events:
            kinds = [line.removeprefix("event: ") for line in events.iter_lines() if line.startswith("event: ")]
        assert kinds[-1] == "done"
        snapshot = visitor.get(links["self"]).json()
        assert snapshot["status"] == "completed"
        assert [step["status"] for step in snapshot["steps"]] == ["done", "done"]
        assert snapshot["result"] == {"/": 4, "/more.html": 2}
        assert visitor.get(links["page"]).status_code == 200
