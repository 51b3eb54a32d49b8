"""A session over WebSocket: the snapshots, its cancellation, and whom a handshake refuses."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from edge_site import PATIENCE, OpenSite, Visitor, open_site
from starlette.types import ASGIApp
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosedError, InvalidStatus

from outlast.cli.server import Server, server_config
from outlast.core.api_keys import Scope, key_digest, new_api_key
from outlast.testing.acts import claim_of, completed, update
from outlast.web.websocket import MAX_MESSAGE

UNKNOWN = "a" * 26
pytestmark = pytest.mark.slow


@asynccontextmanager
async def served(app: ASGIApp) -> AsyncIterator[str]:
    """The application behind the server of `outlast serve`; its address."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = Server(server_config(app, "127.0.0.1", 0, ()), max_connections=20)
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            await serving


@dataclass
class Stage:
    """A site behind the server of `outlast serve`, and a visitor with a session."""

    site: OpenSite
    visitor: Visitor
    address: str
    session_id: str

    @asynccontextmanager
    async def connected(
        self, path: str = "", *, headers: dict[str, str] | None = None, origin: str | None = None
    ) -> AsyncIterator[ClientConnection]:
        if headers is None:
            headers = {"Cookie": "; ".join(f"{k}={v}" for k, v in self.visitor.cookies.items())}
        url = self.address.replace("http:", "ws:") + (path or f"/api/analysis/progress/{self.session_id}/ws")
        async with asyncio.timeout(PATIENCE), connect(url, additional_headers=headers, origin=origin) as client:
            yield client

    async def refusal(self, path: str = "", **how: Any) -> tuple[int, str]:
        with pytest.raises(InvalidStatus) as refused:
            async with self.connected(path, **how):
                pass
        return refused.value.response.status_code, json.loads(refused.value.response.body)["error"]


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    async with open_site(tmp_path, streams_per_owner=2) as site, served(site.app) as address:
        visitor = await Visitor(base_url=address, timeout=PATIENCE).arrive()
        site.clients.append(visitor)
        yield Stage(site, visitor, address, await visitor.started("echo", text="a"))


async def received(client: ClientConnection) -> dict[str, Any]:
    return json.loads(await client.recv())


async def test_it_shows_each_change_and_closes_with_the_end(stage: Stage):
    async with stage.connected() as client:
        first = await received(client)
        session = await stage.site.take(stage.session_id)
        await stage.site.engine.store.report([update(session, 30.0, "Reading")])
        while (seen := await received(client))["data"]["progress_percentage"] != 30.0:
            assert seen["event"] == "progress"
        await stage.site.engine.store.finish(claim_of(session), completed())
        rest = [json.loads(message) async for message in client]
    assert first["data"] == {**await stage.visitor.snapshot(stage.session_id), **first["data"]}
    assert (rest[-1]["event"], rest[-1]["data"]["status"]) == ("done", "completed")
    assert rest[-1]["id"] == str(rest[-1]["data"]["version"])
    assert client.close_code == 1000


async def test_a_message_cancels_the_session(stage: Stage):
    async with stage.connected() as client:
        await client.send(json.dumps({"action": "cancel", "of a later version": 1}))
        seen = [json.loads(message) async for message in client]
    assert (seen[-1]["event"], seen[-1]["data"]["status"]) == ("done", "cancelled")


@pytest.mark.parametrize("message", ["", "{", "[]", "1", '{"action": 1}', "[" * 900, b"\xff"])
async def test_another_message_gets_a_sentence_and_changes_nothing(stage: Stage, message: str | bytes):
    async with stage.connected() as client:
        assert (await received(client))["event"] == "progress"
        await client.send(message)
        answer = await received(client)
        assert answer["event"] == "error"
        assert answer["data"]["status"] == 400
        assert 'Send {"action": "cancel"}' in answer["data"]["error"]
    assert (await stage.visitor.snapshot(stage.session_id))["status"] == "pending"


async def test_a_message_that_is_too_large_ends_the_connection(stage: Stage):
    async with stage.connected() as client:
        await client.send("x" * (MAX_MESSAGE + 1))
        with pytest.raises(ConnectionClosedError):
            [message async for message in client]
        assert client.close_code == 1009


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1:1"])
async def test_pages_of_other_sites_are_refused(stage: Stage, origin: str):
    status, sentence = await stage.refusal(origin=origin)
    assert status == 403
    assert "and was refused" in sentence


async def test_pages_of_the_site_are_not(stage: Stage):
    async with stage.connected(origin=stage.address) as client:
        assert (await received(client))["event"] == "progress"


async def test_a_front_end_of_the_settings_is_not(tmp_path: Path):
    front_end = "https://app.example.org"
    async with open_site(tmp_path, allowed_origins=front_end) as site, served(site.app) as address:
        visitor = await Visitor(base_url=address, timeout=PATIENCE).arrive()
        site.clients.append(visitor)
        stage = Stage(site, visitor, address, await visitor.started("echo", text="a"))
        async with stage.connected(origin=front_end) as client:
            assert (await received(client))["event"] == "progress"


async def test_who_does_not_own_the_session_is_refused_as_if_there_were_none(stage: Stage):
    stranger = await Visitor(base_url=stage.address, timeout=PATIENCE).arrive()
    stage.site.clients.append(stranger)
    theirs = {"Cookie": "; ".join(f"{k}={v}" for k, v in stranger.cookies.items())}
    unknown = await stage.refusal(f"/api/analysis/progress/{UNKNOWN}/ws")
    assert await stage.refusal(headers=theirs) == unknown
    assert (await stage.refusal(headers={}))[0] == unknown[0] == 404


@pytest.mark.parametrize("path", ["/", "/api/analysis", f"/api/analysis/progress/{UNKNOWN}", "/static/outlast.js"])
async def test_no_other_address_takes_a_connection(stage: Stage, path: str):
    assert await stage.refusal(path) == (400, "This address takes no WebSocket connections.")


async def test_without_an_upgrade_the_address_says_what_it_is_for(stage: Stage):
    answer = await stage.visitor.get(f"/api/analysis/progress/{stage.session_id}/ws")
    assert (answer.status_code, answer.headers["upgrade"]) == (426, "websocket")


async def test_a_key_that_only_reads_does_not_cancel(stage: Stage):
    engine = stage.site.engine
    key, secret = new_api_key("reader", [Scope.READ, Scope.START], engine.clock.now(), expires_at=None)
    await engine.store.add_api_key(key, key_digest(secret))
    headers = {"Authorization": f"Bearer {secret}"}
    body = {"analysis": "echo", "input": {"text": "b"}}
    started = await stage.visitor.post("/api/analysis/start", json=body, headers=headers)
    path = f"/api/analysis/progress/{started.json()['session_id']}/ws"
    reader, read_secret = new_api_key("reads", [Scope.READ], engine.clock.now(), owner=key.owner, expires_at=None)
    await engine.store.add_api_key(reader, key_digest(read_secret))
    async with stage.connected(path, headers={"Authorization": f"Bearer {read_secret}"}) as client:
        assert (await received(client))["event"] == "progress"
        await client.send('{"action": "cancel"}')
        assert (await received(client))["data"]["status"] == 403
    async with stage.connected(path, headers=headers) as client:
        await client.send('{"action": "cancel"}')
        assert json.loads([message async for message in client][-1])["data"]["status"] == "cancelled"


async def test_connections_count_as_streams_and_free_their_place(stage: Stage):
    async with stage.connected() as first, stage.connected():
        assert (await received(first))["event"] == "progress"
        status, sentence = await stage.refusal()
        assert (status, "Too many live views" in sentence) == (429, True)
    async with asyncio.timeout(PATIENCE):
        while True:
            try:
                async with stage.connected() as client:
                    assert (await received(client))["event"] == "progress"
                    return
            except InvalidStatus:
                await asyncio.sleep(0.05)


async def test_on_closing_it_says_goodbye(stage: Stage):
    async with stage.connected() as client:
        assert (await received(client))["event"] == "progress"
        stage.site.engine.closing.set()
        rest = [json.loads(message) async for message in client]
    assert rest == [{"event": "bye", "data": {}}]
    assert client.close_code == 1001
