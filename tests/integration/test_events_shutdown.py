"""A real server told to stop while streams and long polls are open: it says goodbye and is gone in time."""

import asyncio
import os
import re
import signal
import sys
from pathlib import Path

import pytest
from edge_site import PATIENCE, Visitor, events_of

APP = """
from outlast import Outlast

outlast = Outlast()


@outlast.analysis("echo")
async def echo(text: str) -> dict:
    return {"text": text}
"""


@pytest.mark.slow
async def test_the_server_says_goodbye_and_ends_whatever_is_open(tmp_path: Path):
    (tmp_path / "slowsite.py").write_text(APP)
    server = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "outlast", "serve", "--app", "slowsite:outlast", "--port", "0", "--workers", "0",
        cwd=tmp_path, env={**os.environ, "ANALYSIS_DATA_DIR": str(tmp_path / "data")},
        stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert server.stderr
    try:
        async with asyncio.timeout(60):
            address = None
            while address is None:
                line = await server.stderr.readline()
                assert line, "The server ended."
                address = re.search(r"Serving on (http://\S+)", line.decode())
        async with asyncio.timeout(2 * PATIENCE), Visitor(base_url=address[1], timeout=PATIENCE) as client:
            visitor = await client.arrive()
            path = f"/api/analysis/progress/{await visitor.started()}"
            tag = (await visitor.get(path)).headers["etag"]
            polling = asyncio.create_task(visitor.get(path + "?wait=25", headers={"If-None-Match": tag}))
            async with visitor.stream("GET", path + "/events") as response:
                events = events_of(response)
                assert (await anext(events)).name == "progress"
                told = asyncio.get_running_loop().time()
                server.send_signal(signal.SIGTERM)
                names = [e.name async for e in events]
            code = await server.wait()
            took = asyncio.get_running_loop().time() - told
            await asyncio.wait({polling})
        assert names[-1] == "bye"
        assert code == 0
        assert took < 2
        assert polling.exception() is not None or polling.result().status_code == 304
    finally:
        if server.returncode is None:
            server.kill()
            await server.wait()
