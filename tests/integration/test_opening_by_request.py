"""A mounted site whose host has opened nothing: the first requests open it together, and none waits for ever."""

import asyncio
from pathlib import Path

import httpx
import pytest
from edge_site import HOST, make_outlast

from outlast import runtime
from outlast.app import runtime_of


async def test_requests_that_come_while_a_store_does_not_open_are_answered_and_open_it_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(runtime, "ANSWER_WITHIN", 0.05)
    outlast = make_outlast(tmp_path)
    opened, may_open, opening = runtime_of(outlast).open, asyncio.Event(), []

    async def open_slowly(**how):
        opening.append(how)
        await may_open.wait()
        return await opened(**how)

    monkeypatch.setattr(runtime_of(outlast), "open", open_slowly)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(outlast.asgi()), base_url=HOST) as client:
        answers = await asyncio.gather(*(client.get("/api/analysis/token") for _ in range(5)))
        assert [answer.status_code for answer in answers] == [503] * 5
        may_open.set()
        while (await client.get("/api/analysis/token")).status_code == 503:
            pass
        assert len(opening) == 1
    await outlast.close()
