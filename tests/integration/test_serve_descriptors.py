"""Open files: as many as the system allows, and when there are no more, `serve` stays well and says little."""

import resource
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import psutil
import pytest
from processes import Installation, wait_until

pytestmark = pytest.mark.slow

SOURCE = """
@outlast.analysis("quick")
async def quick() -> str:
    return "done"
"""
FEW = 256


@pytest.fixture
def few_open_files() -> Iterator[int]:
    """A low soft limit for what is started, as a login has it; answers the hard one."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (FEW, hard))
    yield hard
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_serve_opens_as_many_files_as_it_may_and_when_they_run_out_health_and_store_go_on(
    tmp_path: Path, few_open_files: int
) -> None:
    with Installation(tmp_path, SOURCE) as installation, ExitStack() as wires:
        server = installation.serve(workers=1)
        visitor = installation.visitor(server)
        visitor.wait_for(visitor.start("quick"), "completed", within=30)
        for pid in (server.pid, *server.workers):
            assert psutil.Process(pid).rlimit(psutil.RLIMIT_NOFILE) == (few_open_files, few_open_files)
        url = httpx.URL(server.address())
        limit = psutil.Process(server.pid).num_fds() + 60
        psutil.Process(server.pid).rlimit(psutil.RLIMIT_NOFILE, (limit, limit))
        for _ in range(200):
            wire = wires.enter_context(socket.create_connection((url.host, url.port or 80), timeout=10))
            wire.sendall(b"GET / HTTP/1.1\r\nHost: local")
        for path in ("/livez", "/readyz"):
            answer = httpx.get(url.join(path), timeout=5, trust_env=False)
            assert answer.status_code == 200, answer.text
        refused = httpx.get(url, timeout=5, trust_env=False)
        assert refused.status_code == 503
        assert "retry-after" in refused.headers
        session = visitor.start("quick")  # on the connection that it has
        visitor.wait_for(session, "completed", within=30)
        assert len(server.log) < 20_000


def test_workers_of_their_own_may_too(tmp_path: Path, few_open_files: int) -> None:
    with Installation(tmp_path, SOURCE) as installation:
        workers = installation.workers(1)
        wanted = (few_open_files, few_open_files)

        def raised() -> bool:
            pids = [workers.pid, *workers.workers]
            return len(pids) > 1 and all(psutil.Process(p).rlimit(psutil.RLIMIT_NOFILE) == wanted for p in pids)

        wait_until(raised, 60, "raised limits")
