"""A site moves from SQLite to PostgreSQL and back under load: nothing is lost, nothing comes twice."""

import json
import subprocess
import sys
import threading
from collections.abc import Generator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest
from processes import Installation, Visitor, wait_until

from servers import fresh_database

pytestmark = pytest.mark.slow

SOURCE = """
@step("First")
async def first(n: int) -> int:
    for i in range(5):
        report(i, 5)
        await asyncio.sleep(0.05)
    return n

@outlast.analysis("works", steps=[first])
async def works(n: int) -> int:
    await first(n)
    note("worked", n)
    return n

@outlast.analysis("waits")
async def waits(n: int) -> int:
    await until("the end")
    note("waited", n)
    return n
"""
HELD = """
import signal, sys
from pathlib import Path
from copied_stores import CopiedStore, move

source, target, begun = sys.argv[1:]

def hold(*_):
    Path(begun).touch()
    signal.pause()

move(CopiedStore(source), CopiedStore(target), hold)
"""
VISITORS = 4


@pytest.fixture
def site(tmp_path: Path) -> Generator[Installation]:
    with Installation(tmp_path, SOURCE, APP_KEY="k" * 64) as installation:
        yield installation


class Crowd:
    """People who start one analysis after the other, whatever they are told; it keeps what was acknowledged."""

    def __init__(self, visitors: list[Visitor]) -> None:
        self.sessions: list[dict[str, int]] = [{} for _ in visitors]
        self._visitors = visitors
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._start, args=(n,)) for n in range(len(visitors))]
        for thread in self._threads:
            thread.start()

    def end(self) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join(60)
            assert not thread.is_alive()

    def _start(self, place: int) -> None:
        visitor, number = self._visitors[place], place
        while not self._over.wait(0.03):
            answer = visitor.http.post(
                visitor.address + "/api/analysis/start",
                json={"analysis": "works", "input": {"n": number}},
                headers={"X-CSRF-Token": visitor.token},
            )
            if answer.status_code == httpx.codes.SERVICE_UNAVAILABLE:
                continue
            assert answer.status_code == httpx.codes.ACCEPTED, answer.text
            self.sessions[place][answer.json()["session_id"]] = number
            number += VISITORS


@pytest.mark.long
def test_nothing_is_lost_and_nothing_comes_twice(site, tmp_path, postgres_server, migrated_database):
    sqlite, back = f"sqlite:///{tmp_path}/data/outlast.db", f"sqlite:///{tmp_path}/data/back.db"
    known: list[dict[str, int]] = [{} for _ in range(VISITORS)]
    with fresh_database(postgres_server, migrated_database) as postgres:
        site.change(DATABASE_URL=sqlite)
        server = site.serve(2)
        visitors = [site.visitor(server) for _ in range(VISITORS)]
        for source, target in ((sqlite, postgres), (postgres, back)):
            crowd = Crowd(visitors)
            site.wait_for_effect("worked", count=len(site.effects("worked")) + 10)
            assert site.command("store", "copy", source, target).wait(120) == 0
            crowd.end()
            refused = visitors[0].start_response("works", 503, n=-1)
            assert "session_id" not in refused
            for mine, more in zip(known, crowd.sessions, strict=True):
                assert more
                mine.update(more)
            server.end()
            again = site.serve(2)
            assert again.wait(60) == 2, again.log
            assert f"has moved to {target.replace('postgres@', '')}" in again.log
            site.change(DATABASE_URL=target)
            server = site.serve(2)
            for visitor in visitors:
                visitor.address = server.address()
            for visitor, mine in zip(visitors, known, strict=True):
                for session, number in mine.items():
                    assert visitor.wait_for(session, "completed", within=60)["result"] == number
    listed = json.loads(site.command("sessions", "list", "--json", "--limit", "1000").output(60))
    ids = [one["session_id"] for one in listed]
    assert len(ids) == len(set(ids))
    assert set(ids) >= {session for mine in known for session in mine}
    assert {one["status"] for one in listed} == {"completed"}
    assert len(site.effects("worked", -1)) == 0


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_starts_get_503_while_a_copy_runs_and_everything_goes_on_when_it_was_killed(kind, site, tmp_path, request):
    source, target = (f"sqlite:///{tmp_path}/data/{name}.db" for name in ("outlast", "new"))
    with ExitStack() as stack:
        if kind == "postgres":
            server, template = map(request.getfixturevalue, ("postgres_server", "migrated_database"))
            source = stack.enter_context(fresh_database(server, template))
        site.change(DATABASE_URL=target)
        site.command("migrate").output(60)
        site.change(DATABASE_URL=source)
        visitor = site.visitor(site.serve(2))
        running = visitor.start("waits", n=1)
        visitor.wait_for(running, "processing", within=60)
        begun = tmp_path / "begun"
        command = [sys.executable, "-c", HELD, source, target, str(begun)]
        copy = stack.enter_context(subprocess.Popen(command, cwd=Path(__file__).parent))
        try:
            wait_until(begun.exists, 60)
            for n in range(3):
                visitor.start_response("works", 503, n=n)
                assert visitor.snapshot(running)["status"] == "processing"
        finally:
            copy.kill()
        started = wait_until(lambda: accepted(visitor), 60)
        site.allow("the end")
        for session in (running, started):
            visitor.wait_for(session, "completed", within=60)
        assert visitor.snapshot(running)["attempt"] == 1
        assert len(site.effects("waited", 1)) == 1
        site.command("store", "copy", source, target).output(60)


def accepted(visitor: Visitor) -> str | None:
    """The session of a start that is not refused."""
    try:
        return visitor.start("works", n=7)
    except AssertionError:
        return None
