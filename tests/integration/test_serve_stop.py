"""`serve` begins when it says so and ends when it is told, whatever is open."""

import re
import signal
import threading
from pathlib import Path

import httpx
import pytest
from processes import Installation, Visitor, wait_until

pytestmark = pytest.mark.slow

SOURCE = """
@outlast.analysis("holds")
async def holds() -> None:
    await until("go")
"""
GRACE = 0.2


class Stream:
    """An event stream read by a thread, as a browser holds it."""

    def __init__(self, visitor: Visitor, session: str) -> None:
        self.began = threading.Event()
        self.lines: list[str] = []
        self._url = f"{visitor.address}/api/analysis/progress/{session}/events"
        self._cookies = dict(visitor.http.cookies)
        self._thread = threading.Thread(target=self._read)
        self._thread.start()

    def end(self) -> str:
        self._thread.join(5)
        assert not self._thread.is_alive(), "the stream is still open"
        return "\n".join(self.lines)

    def _read(self) -> None:
        with (
            httpx.Client(timeout=30, trust_env=False, cookies=self._cookies) as http,
            http.stream("GET", self._url) as answer,
        ):
            for line in answer.iter_lines():
                self.lines.append(line)
                self.began.set()


def test_serve_exits_within_two_seconds_with_streams_open(tmp_path: Path) -> None:
    with Installation(tmp_path, SOURCE, ANALYSIS_SHUTDOWN_GRACE=str(GRACE)) as installation:
        server = installation.serve(workers=1)
        visitor = installation.visitor(server)
        session = visitor.start("holds")
        visitor.wait_for(session, "processing", within=10)
        streams = [Stream(visitor, session) for _ in range(5)]
        for stream in streams:
            assert stream.began.wait(5)
        server.signal(signal.SIGTERM)
        assert server.wait(2 + GRACE) == 0
        for stream in streams:
            assert "event: bye\ndata: {}" in stream.end()
        assert not installation.alive_processes()


def test_serve_exits_within_two_seconds_with_long_polls_open(tmp_path: Path) -> None:
    with Installation(tmp_path, SOURCE, ANALYSIS_SHUTDOWN_GRACE=str(GRACE)) as installation:
        server = installation.serve(workers=0)
        visitor = installation.visitor(server)
        session = visitor.start("holds")
        seen = visitor.http.get(f"{visitor.address}/api/analysis/progress/{session}").headers["etag"]
        url = f"{visitor.address}/api/analysis/progress/{session}?wait=25"
        asked = threading.Event()

        def poll() -> None:
            with httpx.Client(timeout=30, trust_env=False, cookies=dict(visitor.http.cookies)) as http:
                http.event_hooks["request"] = [lambda _: asked.set()]
                answers.append(http.get(url, headers={"If-None-Match": seen}).status_code)

        answers: list[int] = []
        thread = threading.Thread(target=poll)
        thread.start()
        assert asked.wait(5)
        assert visitor.snapshot(session)["status"] == "pending"
        server.signal(signal.SIGTERM)
        assert server.wait(2 + GRACE) == 0
        thread.join(5)
        assert answers in ([304], [200])


def test_serve_prints_a_link_to_the_dashboard_that_opens_it_once(tmp_path: Path) -> None:
    with Installation(tmp_path, SOURCE) as installation:
        server = installation.serve(workers=0)
        visitor = installation.visitor(server)
        link = wait_until(lambda: re.search(r"Dashboard: (http\S+)\?key=(\S+)", server.log), 10, "the link")
        assert link
        codes = [
            visitor.http.post(link[1], data={"csrf_token": visitor.token, "key": link[2]}).status_code
            for _ in range(2)
        ]
        assert codes == [303, 403]
        assert visitor.http.get(f"{visitor.address}/dashboard").status_code == 200


def test_where_a_key_is_set_serve_prints_none(tmp_path: Path) -> None:
    with Installation(tmp_path, SOURCE, ANALYSIS_DASHBOARD_KEY="the key of the dashboard") as installation:
        server = installation.serve(workers=0)
        address = server.address()
        said = wait_until(lambda: re.search(r"Dashboard: (\S+)\n", server.log), 10, "where it is")
        assert said
        assert said[1] == f"{address}/dashboard"


def test_a_port_in_use_is_reported_in_one_sentence(tmp_path: Path) -> None:
    with Installation(tmp_path, SOURCE) as installation:
        server = installation.serve(workers=0)
        port = server.address().rpartition(":")[2]
        second = installation.serve(0, "--port", port)
        assert second.wait(60) == 2
        assert f"Cannot listen on 127.0.0.1:{port}" in second.log
        assert "Traceback" not in second.log


def test_a_balancer_sees_the_end_coming_while_everything_is_still_served(tmp_path: Path) -> None:
    with Installation(tmp_path, SOURCE, ANALYSIS_SHUTDOWN_GRACE="0.2", ANALYSIS_DRAIN_DELAY="300") as installation:
        server = installation.serve(workers=1)
        visitor = installation.visitor(server)

        def ready() -> int:
            return httpx.get(visitor.address + "/readyz", trust_env=False).status_code

        assert ready() == 200
        server.signal(signal.SIGTERM)
        wait_until(lambda: ready() == 503, 10)
        wait_until(lambda: not server.workers, 10)
        assert ready() == 503
        assert visitor.snapshot(visitor.start("holds"))["status"] == "pending"
        server.signal(signal.SIGTERM)
        assert server.wait(10) == 0
