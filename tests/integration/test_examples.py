"""The programs in `examples/`, used as their users would: over HTTP or through the Python API."""

import csv
import importlib
import io
import json
import math
import sqlite3
import struct
import sys
import wave
from collections.abc import Callable, Iterator
from contextlib import aclosing, closing, contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from types import ModuleType

import psutil
import pytest
from edge_site import Visitor, served

from local_http import serving
from outlast import Status

pytestmark = pytest.mark.slow

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture
def example(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], ModuleType]]:
    """Import a program of the folder anew, with a store of its own."""
    monkeypatch.syspath_prepend(EXAMPLES)
    monkeypatch.setenv("ANALYSIS_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("ANALYSIS_SHUTDOWN_GRACE", "0")
    monkeypatch.chdir(tmp_path)
    imported: list[str] = []

    def load(name: str) -> ModuleType:
        imported.append(name)
        return importlib.import_module(name)

    yield load
    for name in imported:
        sys.modules.pop(name, None)


class FakeModel:
    """A server of chat completions that has no time once, for the third question."""

    def __init__(self) -> None:
        self.questions: list[str] = []
        self.refused = False

    def answer(self, question: str) -> str | None:
        self.questions.append(question)
        if len(self.questions) >= 3 and not self.refused:
            self.refused = True
            return None
        return f"In short: {question.splitlines()[-1]}"


@contextmanager
def model_server(model: FakeModel) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            assert "Authorization" not in self.headers
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            answer = model.answer(body["messages"][0]["content"])
            content = json.dumps({"choices": [{"message": {"role": "assistant", "content": answer}}]}).encode()
            self.send_response(200 if answer else 429)
            self.send_header("Retry-After", "0")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *args: object) -> None: ...

    with serving(Handler) as port:
        yield f"http://127.0.0.1:{port}/v1"


async def test_the_report_reads_each_document_once_though_the_model_has_a_limit(
    example: Callable[[str], ModuleType], monkeypatch: pytest.MonkeyPatch
):
    model = FakeModel()
    documents = [{"name": f"{n}.txt", "text": f"Text number {n}."} for n in range(12)]
    with model_server(model) as url:
        monkeypatch.setenv("MODEL_URL", url)
        monkeypatch.setenv("AT_ONCE", "2")
        program = example("document_report")
        outlast = program.outlast
        async with outlast.lifespan(workers=1):
            started = await outlast.start("report", owner="me", documents=documents)
            views = [view async for view in outlast.watch(started.session.id)]
            stored = await outlast.result(started.session.id)
    assert (views[-1].session.status, views[-1].session.attempt) == (Status.COMPLETED, 2)
    report = program.Report.model_validate_json(stored.result)
    assert report.summaries == {d["name"]: f"In short: {d['text']}" for d in documents}
    assert report.conclusion == "In short: In short: Text number 11."
    answered = [q for q in model.questions if q.startswith("Summarise")]
    # what was asked at the moment of the refusal is asked again, and nothing else
    assert len(documents) < len(answered) <= len(documents) + program.AT_ONCE


def recording(notes: list[tuple[float, float]], rate: int = 8000) -> bytes:
    """A WAV file of tones, each a frequency in Hz (0: silence) and its seconds."""
    samples = (
        round(9000 * math.sin(2 * math.pi * frequency * n / rate))
        for frequency, seconds in notes
        for n in range(round(seconds * rate))
    )
    file = io.BytesIO()
    with wave.open(file, "wb") as written:
        written.setnchannels(1)
        written.setsampwidth(2)
        written.setframerate(rate)
        written.writeframes(b"".join(struct.pack("<h", sample) for sample in samples))
    return file.getvalue()


async def test_the_transcription_writes_down_what_it_hears(example: Callable[[str], ModuleType]):
    outlast = example("transcription").outlast
    async with outlast.lifespan(workers=1):
        audio = await outlast.upload(
            io.BytesIO(recording([(440, 1), (0, 0.5), (261.63, 0.5)])), "a.wav", owner="me"
        )
        started = await outlast.start("transcript", owner="me", audio=audio)
        views = [view async for view in outlast.watch(started.session.id)]
        assert views[-1].session.status is Status.COMPLETED, views[-1].session.error
        result = json.loads((await outlast.result(started.session.id)).result)
    assert result == [
        {"start": 0.0, "note": "A"},
        {"start": 1.0, "note": "silence"},
        {"start": 1.5, "note": "C"},
    ]


async def test_a_cancelled_transcription_is_killed_while_it_computes(example: Callable[[str], ModuleType]):
    outlast = example("transcription").outlast
    of_other_tests = psutil.Process().children()
    async with outlast.lifespan(workers=1):
        long = await outlast.upload(io.BytesIO(lengthened(recording([(440, 2)]), 60)), "long.wav", owner="me")
        started = await outlast.start("transcript", owner="me", audio=long)
        children: list[psutil.Process] = []
        async for view in outlast.watch(started.session.id):
            if not children and view.session.progress.percentage > 0:
                children = [child for child in psutil.Process().children() if child not in of_other_tests]
                await outlast.cancel(started.session.id)
        assert view.session.status is Status.CANCELLED
        assert children
        assert not any(computes(child) for child in children)


def computes(child: psutil.Process) -> bool:
    """Whether the process runs; one that was killed may wait for its parent to collect it."""
    try:
        return child.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def lengthened(wav: bytes, times: int) -> bytes:
    """The same recording again and again."""
    file = io.BytesIO()
    with wave.open(io.BytesIO(wav)) as once, wave.open(file, "wb") as written:
        written.setparams(once.getparams())
        written.writeframes(once.readframes(once.getnframes()) * times)
    return file.getvalue()


async def test_two_users_of_the_import_see_only_their_own(example: Callable[[str], ModuleType], tmp_path: Path):
    program = example("csv_import")
    async with program.outlast.lifespan(workers=1), served(program.app) as root:
        async with aclosing(await member(root, "ada")) as ada, aclosing(await member(root, "bob")) as bob:
            session_id = await imported(ada, [("Grace", "grace@example.org"), ("Nobody", "nowhere")])
            snapshot = await ada.finished(session_id)
            assert snapshot["status"] == "completed", snapshot
            assert snapshot["result"]["stored"] == 1
            assert ["nowhere" in line for line in snapshot["result"]["refused"]] == [True]
            page = await ada.get(f"{ada.root}/analysis/{session_id}")
            assert (page.status_code, "grace" in page.text) == (200, False)
            for path in (f"/api/analysis/progress/{session_id}", f"/analysis/{session_id}"):
                assert (await bob.get(bob.root + path)).status_code == 404
            # the same file of another user is another session
            assert await imported(bob, [("Grace", "grace@example.org"), ("Nobody", "nowhere")]) != session_id
        async with Visitor() as nobody:
            answer = await nobody.get(f"{root}/imports/analysis/{session_id}")
            assert (answer.status_code, answer.headers["location"]) == (303, "/login")
            answer = await nobody.post(f"{root}/login", data={"user": "ada", "password": "guessed"})
            assert answer.status_code == 403
    with closing(sqlite3.connect(tmp_path / "contacts.db")) as contacts:
        ((name,),) = contacts.execute("SELECT DISTINCT name FROM contacts").fetchall()
    assert name == "Grace"


async def member(root: str, user: str) -> Visitor:
    """A browser that has logged in."""
    visitor = Visitor()
    visitor.root = f"{root}/imports"
    answer = await visitor.post(f"{root}/login", data={"user": user, "password": "secret"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/imports/")
    return await visitor.arrive()


async def imported(user: Visitor, contacts: list[tuple[str, str]]) -> str:
    """Upload a file as the form of the site does, and start the import."""
    text = io.StringIO()
    rows = csv.writer(text)
    rows.writerow(["name", "email"])
    rows.writerows(contacts)
    answer = await user.upload(text.getvalue().encode(), "contacts.csv")
    return await user.started("import", file=answer.raise_for_status().json()["source"])
