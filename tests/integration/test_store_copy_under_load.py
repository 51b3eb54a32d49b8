"""A site moves from SQLite to PostgreSQL and back under load: nothing is lost, nothing comes twice."""

import json
import threading
from collections.abc import Generator
from pathlib import Path

import httpx
import pytest
from processes import Installation, Visitor

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
"""
VISITORS = 4


@pytest.fixture
def site(tmp_path: Path) -> Generator[Installation]:
    with Installation(tmp_path, SOURCE, APP_KEY="k" * 64) as installation:
        yield installation


class Crowd:
    """People who start one analysis after the other until no more are taken; it keeps what was acknowledged."""

    def __init__(self, visitors: list[Visitor]) -> None:
        self.sessions: list[dict[str, int]] = [{} for _ in visitors]
        self._visitors = visitors
        self._never = threading.Event()
        self._threads = [threading.Thread(target=self._start, args=(n,)) for n in range(len(visitors))]
        for thread in self._threads:
            thread.start()

    def until_refused(self) -> None:
        for thread in self._threads:
            thread.join(60)
            assert not thread.is_alive()

    def _start(self, place: int) -> None:
        visitor, number = self._visitors[place], place
        while not self._never.wait(0.03):
            answer = visitor.http.post(
                visitor.address + "/api/analysis/start",
                json={"analysis": "works", "input": {"n": number}},
                headers={"X-CSRF-Token": visitor.token},
            )
            if answer.status_code == httpx.codes.SERVICE_UNAVAILABLE:
                return
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
            crowd.until_refused()
            for mine, more in zip(known, crowd.sessions, strict=True):
                assert more
                mine.update(more)
            server.end()
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
