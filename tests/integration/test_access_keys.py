"""What API keys and read tokens may do, for every route of the table, and what the commands say about keys."""

import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from edge_site import OpenSite, Visitor, open_site
from test_access_matrix import RULES, ask, finished_session

from outlast.core.api_keys import Scope, key_digest, new_api_key
from outlast.domain.errors import StoreUnavailable
from outlast.ports.audit import ActionSelection
from outlast.testing.acts import completed
from outlast.web import key_audit
from outlast.web.access import Requires
from outlast.web.bearers import LONGEST_VALIDITY
from outlast.web.permissions import Actor, Verb, may
from outlast.web.routes import ROUTES, Route

OWNER = "billing"
ALLOWED: Mapping[Scope, frozenset[Verb]] = {
    Scope.START: frozenset({Verb.START, Verb.CHANGE, Verb.DELETE}),
    Scope.READ: frozenset({Verb.READ, Verb.LIST}),
    Scope.PRIORITY: frozenset(),
    Scope.OPERATE: frozenset({Verb.START, Verb.CHANGE, Verb.DELETE, Verb.READ, Verb.LIST}),
}
OF_KEYS = [
    (route, method)
    for route in ROUTES
    for method in sorted(route.methods)
    if not route.page and route.requires in {Requires.OWNER, Requires.OWNER_OR_NEW}
]
OF_TOKENS = [
    (route, method)
    for route in ROUTES
    for method in sorted(route.methods)
    if "{session_id}" in route.path and route.requires is Requires.OWNER
]


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[OpenSite]:
    async with open_site(tmp_path, max_active_per_owner=100, starts_per_minute=1_000) as site:
        yield site


async def program(site: OpenSite, *scopes: Scope, days: float = 1, owner: str | None = OWNER) -> Visitor:
    """A program with a new key: no cookie and no CSRF token."""
    now = site.engine.clock.now()
    key, secret = new_api_key("a key", scopes, now, owner=owner, expires_at=now + timedelta(days=days))
    await site.engine.store.add_api_key(key, key_digest(secret))
    return bearer(site, secret)


def bearer(site: OpenSite, secret: str) -> Visitor:
    client = site.client()
    client.headers["Authorization"] = f"Bearer {secret}"
    client.headers["X-CSRF-Token"] = "none"  # which the rules of the matrix read
    return client


async def session_of(site: OpenSite, owner: str) -> str:
    handle = await site.outlast.start("echo", owner=owner, text="theirs")
    await site.end(handle.id, completed())
    return handle.id


@pytest.mark.slow
async def test_every_route_and_scope(site: OpenSite):
    for scope, verbs in ALLOWED.items():
        client = await program(site, scope)
        for route, method in OF_KEYS:
            answer = await ask(client, route, method, await session_of(site, OWNER))
            wanted = RULES[route.name].fine if route.verb in verbs else {403}
            assert answer.status_code in wanted, f"{scope} {method} {route.name}: {answer.text}"
            if answer.status_code == 403 and method != "HEAD":
                assert "insufficient_scope" in answer.headers["www-authenticate"]


@pytest.mark.parametrize("kind", ["expired", "revoked", "unknown", "forged token"])
async def test_a_key_that_is_not_valid_may_nothing(site: OpenSite, kind: str):
    client = await program(site, *Scope, days=-1 if kind == "expired" else 1)
    if kind == "revoked":
        (key,) = await site.engine.store.api_keys()
        await site.engine.store.revoke_api_key(key.id)
    if kind == "unknown":
        client.headers["Authorization"] += "x"
    session_id = await session_of(site, OWNER)
    if kind == "forged token":
        client.headers["Authorization"] = site.outlast.read_token(session_id)[:-2].join(["Bearer ", "aa"])
    for route, method in OF_KEYS:
        answer = await ask(client, route, method, session_id)
        assert answer.status_code == 401, f"{method} {route.name}"
        assert answer.headers["www-authenticate"].startswith("Bearer")


@pytest.mark.slow
async def test_a_key_sees_its_owners_sessions_and_an_operators_key_all(site: OpenSite):
    another = await finished_session(site, await site.visitor())
    client = await program(site, Scope.START, Scope.READ)
    for route, method in [(r, m) for r, m in OF_KEYS if "{session_id}" in r.path]:
        assert (await ask(client, route, method, another)).status_code == 404, f"{method} {route.name}"
    operators = await program(site, Scope.OPERATE)
    assert (await operators.get(f"/api/analysis/result/{another}")).status_code == 200


async def test_routes_of_operators_programs_take_a_key_of_their_scope(site: OpenSite):
    operators, others = await program(site, Scope.OPERATE), await program(site, Scope.START, Scope.READ)
    for path in ("/metrics", "/diagnostics"):
        assert (await operators.get(path)).status_code == 200
        refused = await others.get(path)
        assert refused.status_code == 403
        assert 'scope="operate"' in refused.headers["www-authenticate"]


async def test_two_keys_with_one_owner_share_their_sessions(site: OpenSite):
    one, other = [await program(site, Scope.START, Scope.READ) for _ in range(2)]
    alone = await program(site, Scope.START, Scope.READ, owner=None)
    session_id = await one.started()
    assert (await other.get(f"/api/analysis/progress/{session_id}")).status_code == 200
    assert (await alone.get(f"/api/analysis/progress/{session_id}")).status_code == 404


async def test_pages_take_no_keys(site: OpenSite):
    client = await program(site, Scope.OPERATE)
    session_id = await session_of(site, OWNER)
    assert (await client.get(f"/analysis/{session_id}")).status_code == 404
    assert (await client.get("/dashboard")).status_code == 403


async def test_another_bearer_is_the_hosts(site: OpenSite):
    assert (await bearer(site, "eyJhbGciOiJIUzI1NiJ9.e30.x").get("/api/analysis")).json()["sessions"] == []


async def test_owner_and_priority_of_a_start_need_their_scopes(site: OpenSite):
    def body(**more: object) -> dict[str, object]:
        return {"analysis": "echo", "input": {"text": "a"}, **more}

    async def answer(client: Visitor, **more: object) -> httpx.Response:
        return await client.post("/api/analysis/start", json=body(**more))

    plain = await program(site, Scope.START)
    prioritized = await program(site, Scope.START, Scope.PRIORITY)
    operators = await program(site, Scope.OPERATE)
    assert (await answer(plain, priority=5)).status_code == 403
    assert (await answer(plain, owner="ann")).status_code == 403
    assert (await answer(prioritized, priority="high")).status_code == 422
    started = (await answer(prioritized, priority=5)).json()["session_id"]
    session = await site.engine.store.get(started, owner=None)
    assert session is not None
    assert session.priority == 5
    assert (await answer(operators, owner="")).status_code == 422
    started = (await answer(operators, owner="ann")).json()["session_id"]
    assert await site.outlast.get(started, owner="ann") is not None
    assert (await (await site.visitor()).post("/api/analysis/start", json=body(priority=5))).status_code == 422


@pytest.mark.slow
@pytest.mark.parametrize("carried", ["header", "query"])
async def test_a_token_reads_its_session_and_nothing_else(site: OpenSite, carried: str):
    session_id, other = await session_of(site, "ann"), await session_of(site, "ann")
    token = site.outlast.read_token(session_id)

    async def answer(route: Route, method: str, of: str) -> httpx.Response:
        client = bearer(site, token) if carried == "header" else site.client()
        path = route.path.format(session_id=of, file="echo.txt")
        query = {} if carried == "header" else {"token": token}
        return await client.request(method, path, params=query)

    for route, method in OF_TOKENS:
        reads = route.verb is Verb.READ
        mine = await answer(route, method, session_id)
        allowed = {426} if route.name == "ws" else {200, 303}
        assert mine.status_code in (allowed if reads else {403}), f"{method} {route.name}: {mine.text}"
        assert (await answer(route, method, other)).status_code == 403, f"{method} {route.name}"


@pytest.mark.slow
async def test_a_link_opens_the_page_and_what_it_loads(site: OpenSite):
    visitor = await site.visitor()
    session_id = await visitor.started("held", text="a")
    made = (await visitor.post(f"/api/analysis/read-token/{session_id}")).json()
    reader = await site.visitor()
    opened = await reader.get(made["page"])
    assert (opened.status_code, opened.headers["location"]) == (303, f"/analysis/{session_id}")
    page = await reader.get(opened.headers["location"])
    assert page.status_code == 200
    snapshot = await reader.snapshot(session_id)
    assert snapshot["cancellable"] is False
    assert snapshot["links"].keys() == {"self", "events", "ws", "result", "page"}
    assert (await visitor.snapshot(session_id))["cancellable"] is True
    assert (await reader.delete(f"/api/analysis/cancel/{session_id}")).status_code == 403
    await site.end(session_id, completed('{"text":"a"}'))
    shown = await reader.get(f"/analysis/{session_id}")
    assert "Create a share link" not in shown.text
    assert "Create a share link" in (await visitor.get(made["page"])).text
    assert (await visitor.delete(f"/api/analysis/result/{session_id}")).status_code == 200


async def test_an_expired_token_reads_nothing(site: OpenSite):
    session_id = await session_of(site, "ann")
    token = site.outlast.read_token(session_id, valid_for=timedelta(microseconds=1))
    assert (await bearer(site, token).get(f"/api/analysis/result/{session_id}")).status_code == 401
    for valid_for in (timedelta(0), timedelta(days=-1), LONGEST_VALIDITY + timedelta(seconds=1)):
        with pytest.raises(ValueError, match="valid_for"):
            site.outlast.read_token(session_id, valid_for=valid_for)


def test_nobody_may_anything_but_what_is_public():
    assert [verb for verb in Verb if may(Actor(), verb, None)] == [Verb.PUBLIC]


@pytest.mark.slow
def test_the_commands_create_list_and_revoke_keys(tmp_path: Path):
    (tmp_path / "keyed_site.py").write_text("from outlast import Outlast\noutlast = Outlast()\n")

    def command(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "outlast", *words, "--app", "keyed_site:outlast"],
            cwd=tmp_path,
            env={**os.environ, "ANALYSIS_DATA_DIR": str(tmp_path), "COLUMNS": "60"},
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    assert command("migrate").returncode == 0
    made = command("keys", "create", "billing", "--scope", "read", "--days", "1", "--json")
    facts = json.loads(made.stdout)
    assert facts["key"].startswith("olk_")
    assert facts["scopes"] == ["read"]
    listed = command("keys", "list")
    assert facts["id"] in listed.stdout
    assert facts["key"] not in listed.stdout
    assert command("keys", "revoke", facts["id"]).returncode == 0
    (after,) = json.loads(command("keys", "list", "--json").stdout)
    assert after["revoked_at"] is not None
    assert command("keys", "revoke", "none").returncode == 2


async def test_what_a_key_of_operators_changes_is_in_the_audit_log(site: OpenSite):
    session_id = await session_of(site, "ann")
    for scopes, kept in (((Scope.START, Scope.READ), 0), ((Scope.OPERATE,), 2)):
        client = await program(site, *scopes, owner="ann")
        assert (await client.get(f"/api/analysis/progress/{session_id}")).status_code == 200
        assert (await client.post(f"/api/analysis/share/{session_id}")).status_code == 200
        assert (await client.delete(f"/api/analysis/share/{session_id}")).status_code == 200
        lines = await site.engine.store.actions(ActionSelection())
        told = [(line.action, line.target, line.detail) for line in lines]
        assert told == [("share", session_id, "DELETE"), ("share", session_id, "POST")][:kept]
    assert all(line.actor.startswith("API key ") for line in lines)


async def test_what_is_done_is_answered_although_the_audit_log_cannot_have_it(
    site: OpenSite, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    session_id = await session_of(site, "ann")
    client = await program(site, Scope.OPERATE, owner="ann")

    async def away(*_: object) -> None:
        raise StoreUnavailable("away")

    monkeypatch.setattr(key_audit, "record_action", away)
    assert (await client.post(f"/api/analysis/share/{session_id}")).status_code == 200
    assert f"share; {session_id}; POST" in caplog.text
