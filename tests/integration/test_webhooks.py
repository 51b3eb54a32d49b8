"""Webhooks: who starts a session with an API key is told its end, once, signed, again after a failure."""

import asyncio
import base64
import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from edge_site import HOST, PATIENCE, OpenSite, Visitor, open_site

from outlast.backends.clock import SystemClock
from outlast.core.api_keys import Scope, key_digest, new_api_key
from outlast.core.webhook_deliveries import WEBHOOK, start_deliveries
from outlast.domain.errors import StoreUnavailable
from outlast.domain.pauses import Pause
from outlast.domain.session import AnalysisSession
from outlast.domain.status import Status
from outlast.ports.callbacks import MOST_RECEIVERS, Callback
from outlast.ports.start_keys import HOLD_START_KEY
from outlast.ports.store import Selection
from outlast.running.worker_options import WorkerOptions
from outlast.testing.acts import completed, failed
from outlast.web import public_http, webhooks
from outlast.web.keys import KeyRing
from outlast.web.public_addresses import NotPublicError

pytestmark = pytest.mark.slow

URL = "https://hooks.example.org/ended"
START = {"analysis": "echo", "input": {"text": "a"}}


@dataclass
class Receiver:
    """Stands for the network: what was posted, and what to answer."""

    answers: list[int | Exception] = field(default_factory=list[int | Exception])
    heard: list[tuple[str, bytes, Mapping[str, str]]] = field(
        default_factory=list[tuple[str, bytes, Mapping[str, str]]]
    )

    async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> int:
        self.heard.append((url, body, headers))
        answer = self.answers.pop(0) if self.answers else 204
        if isinstance(answer, Exception):
            raise answer
        return answer


@pytest.fixture
def receiver(monkeypatch: pytest.MonkeyPatch) -> Receiver:
    receiver = Receiver()
    monkeypatch.setattr(public_http, "post", receiver.post)
    monkeypatch.setattr(webhooks, "FIRST_WAIT", 0.01)
    return receiver


@pytest.fixture
async def site(tmp_path: Path, receiver: Receiver) -> AsyncIterator[OpenSite]:
    async with open_site(tmp_path) as site:
        yield site


async def with_key(site: OpenSite) -> tuple[str, dict[str, str]]:
    key, secret = new_api_key("billing", [Scope.START, Scope.READ], site.engine.clock.now(), expires_at=None)
    await site.engine.store.add_api_key(key, key_digest(secret))
    return key.id, {"Authorization": f"Bearer {secret}"}


async def started(site: OpenSite, headers: Mapping[str, str], **body: Any) -> httpx.Response:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(site.app), base_url=HOST) as program:
        return await program.post("/api/analysis/start", json={**START, **body}, headers=headers)


async def deliveries(site: OpenSite) -> Sequence[AnalysisSession]:
    return await site.engine.store.select(Selection(analysis=WEBHOOK))


async def delivered(site: OpenSite, status: Status) -> None:
    """Run a worker until every delivery has ended so."""
    worker = site.engine.worker(WorkerOptions(4, ("analysis",)))
    running = asyncio.create_task(worker.run())
    try:
        async with asyncio.timeout(PATIENCE):
            # the store has no event to wait for
            while {s.status for s in await deliveries(site)} != {status}:  # noqa: ASYNC110 - as above
                await asyncio.sleep(0.02)
    finally:
        worker.stop()
        await running


async def test_the_end_is_told_and_signed(site: OpenSite, receiver: Receiver):
    key_id, headers = await with_key(site)
    answer = await started(site, headers, callback_url=URL)
    session_id = answer.json()["session_id"]
    await start_deliveries(site.engine.store, site.engine.sessions)
    assert await deliveries(site) == []
    session = await site.end(session_id, completed())
    await start_deliveries(site.engine.store, site.engine.sessions)
    await delivered(site, Status.COMPLETED)
    ((url, body, sent),) = receiver.heard
    message = json.loads(body)
    assert (url, message["type"], message["data"]["session_id"]) == (URL, "analysis.completed", session_id)
    assert message["data"]["result"] == {"grade": "A"}
    assert sent["webhook-id"] == f"msg_{session_id}_{session.version}"
    secret = webhooks.webhook_secret(KeyRing.of(site.outlast.settings), key_id)
    signed = f"{sent['webhook-id']}.{sent['webhook-timestamp']}.".encode() + body
    key = base64.b64decode(secret.removeprefix("whsec_"))
    expected = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    assert sent["webhook-signature"] == f"v1,{expected}"
    assert len(key) >= 24


async def test_it_is_told_once_however_many_processes_look(site: OpenSite, receiver: Receiver):
    _, headers = await with_key(site)
    session_id = (await started(site, headers, callback_url=URL)).json()["session_id"]
    await site.end(session_id, completed())
    looks = (start_deliveries(site.engine.store, site.engine.sessions) for _ in range(8))
    await asyncio.gather(*looks)
    await delivered(site, Status.COMPLETED)
    await start_deliveries(site.engine.store, site.engine.sessions)
    assert len(await deliveries(site)) == len(receiver.heard) == 1


@pytest.mark.parametrize("failure", [500, 302, ConnectionRefusedError("refused"), TimeoutError("too slow")])
async def test_a_failure_is_tried_again_with_the_same_id(site: OpenSite, receiver: Receiver, failure: Any):
    receiver.answers[:] = [failure, failure]
    _, headers = await with_key(site)
    session_id = (await started(site, headers, callback_url=URL)).json()["session_id"]
    await site.end(session_id, completed())
    await start_deliveries(site.engine.store, site.engine.sessions)
    await delivered(site, Status.COMPLETED)
    assert len(receiver.heard) == 3
    assert len({sent["webhook-id"] for _, _, sent in receiver.heard}) == 1


@pytest.mark.parametrize("refusal", [410, NotPublicError("hooks.example.org is not on the public internet.")])
async def test_a_refusal_is_final_and_says_why(site: OpenSite, receiver: Receiver, refusal: Any):
    receiver.answers[:] = [refusal]
    _, headers = await with_key(site)
    session_id = (await started(site, headers, callback_url=URL)).json()["session_id"]
    await site.end(session_id, completed())
    await start_deliveries(site.engine.store, site.engine.sessions)
    await delivered(site, Status.FAILED)
    ((delivery),) = await deliveries(site)
    assert ("410" if refusal == 410 else "public internet") in delivery.error
    assert len(receiver.heard) == 1


async def test_a_crash_before_the_delivery_is_noted_starts_no_second_one(
    site: OpenSite, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
):
    _, headers = await with_key(site)
    session_id = (await started(site, headers, callback_url=URL)).json()["session_id"]
    await site.end(session_id, completed())

    async def crash(*_: object) -> None:
        raise StoreUnavailable("The process ended here.")

    with monkeypatch.context() as crashing:
        crashing.setattr(site.engine.store, "set_delivery", crash)
        with pytest.raises(StoreUnavailable):
            await start_deliveries(site.engine.store, site.engine.sessions)
    await start_deliveries(site.engine.store, site.engine.sessions)
    assert len(await site.engine.store.due_callbacks(10)) == 1, "the key is held for a time"
    later = SystemClock()
    monkeypatch.setattr(site.engine.store._db, "clock", later)
    monkeypatch.setattr(later, "now", lambda: datetime.now(UTC) + timedelta(seconds=HOLD_START_KEY + 1))
    await start_deliveries(site.engine.store, site.engine.sessions)
    assert len(await deliveries(site)) == 1
    assert not await site.engine.store.due_callbacks(10)


async def test_a_delivery_of_an_end_that_is_no_more_is_given_up(site: OpenSite, receiver: Receiver):
    _, headers = await with_key(site)
    session_id = (await started(site, headers, callback_url=URL)).json()["session_id"]
    await site.end(session_id, failed())
    await start_deliveries(site.engine.store, site.engine.sessions)
    await site.engine.store.retry(session_id, owner=None, attempts=1)
    await site.engine.store.pause(Pause("analysis", "echo"))  # it waits
    await delivered(site, Status.FAILED)
    assert receiver.heard == []
    assert "retried" in (await deliveries(site))[0].error


async def test_an_almost_full_disk_delays_deliveries_and_nothing_else(
    site: OpenSite, monkeypatch: pytest.MonkeyPatch
):
    _, headers = await with_key(site)
    session_id = (await started(site, headers, callback_url=URL)).json()["session_id"]
    await site.end(session_id, completed())
    with monkeypatch.context() as full:
        full.setattr(type(site.engine.sessions.quota), "has_space", False)
        await start_deliveries(site.engine.store, site.engine.sessions)
        assert await deliveries(site) == []
    await start_deliveries(site.engine.store, site.engine.sessions)
    assert len(await deliveries(site)) == 1


async def test_one_session_has_a_bound_of_receivers(site: OpenSite):
    _, headers = await with_key(site)
    for number in range(MOST_RECEIVERS):
        assert (await started(site, headers, callback_url=f"{URL}/{number}")).status_code == 202
    refused = await started(site, headers, callback_url=URL)
    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, "/callback_url")


async def test_a_repeated_start_has_its_receiver_too(site: OpenSite, receiver: Receiver):
    _, headers = await with_key(site)
    first = (await started(site, headers)).json()
    second = (await started(site, headers, callback_url=URL)).json()
    assert (second["status"], second["session_id"]) == ("existing", first["session_id"])
    await site.end(first["session_id"], completed())
    assert [c.url for c in await site.engine.store.due_callbacks(10)] == [URL]


@pytest.mark.parametrize(
    "url", ["http://hooks.example.org/", "https://127.0.0.1/", "https://localhost/", 1, "", ["x"]]
)
async def test_an_address_that_cannot_be_called_is_refused(site: OpenSite, url: Any):
    _, headers = await with_key(site)
    answer = await started(site, headers, callback_url=url)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == "/callback_url"
    assert not await site.engine.store.select(Selection())


async def test_a_visitor_has_no_webhooks(site: OpenSite):
    visitor: Visitor = await site.visitor()
    answer = await visitor.post("/api/analysis/start", json={**START, "callback_url": URL})
    assert answer.status_code == 422
    assert not await site.engine.store.select(Selection())


async def test_nobody_starts_a_delivery_by_name(site: OpenSite):
    _, headers = await with_key(site)
    values = {"session_id": "a" * 26, "url": "https://127.0.0.1/", "key_id": "k"}
    answer = await started(site, headers, analysis=WEBHOOK, input=values)
    assert answer.status_code == 404
    assert WEBHOOK not in answer.json()["error"].partition("known:")[2]
    visitor = await site.visitor()
    assert WEBHOOK not in (await visitor.get("/openapi.json")).text
    assert WEBHOOK not in (await visitor.get("/")).text
    form = {"csrf_token": visitor.token, "analysis": WEBHOOK, **values}
    assert (await visitor.post("/", data=form)).status_code == 404
    await site.engine.store.add_callback(Callback("b" * 26, URL, "k"))
    assert not await site.engine.store.due_callbacks(10)
