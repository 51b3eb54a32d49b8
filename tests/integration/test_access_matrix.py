"""Who may do what, for every route of the table: a route without a rule here fails the suite."""

import re
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from edge_site import DASHBOARD_KEY, VIEWER_KEY, OpenSite, Visitor, open_site

from outlast.testing.acts import completed, failed
from outlast.web.access import COOKIE, CsrfTokenIn, Requires
from outlast.web.operators import COOKIE as OPERATOR_COOKIE
from outlast.web.routes import ROUTES, Route

UNKNOWN_ID = "a" * 26
FORGED = f"{COOKIE}=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.{'A' * 32}"
WITH_KEY = {"headers": {"Authorization": f"Bearer {DASHBOARD_KEY}"}}
KEYS = {"dashboard_key": DASHBOARD_KEY, "dashboard_viewer_key": VIEWER_KEY}
BY_NAME = {r.name: r for r in ROUTES}


@dataclass(frozen=True)
class Rule:
    """What a route answers to its owner, and how it is asked."""

    fine: frozenset[int]
    ask: Callable[[Visitor], dict[str, Any]] = lambda _: {}
    """The rest of a request that nothing is wrong with."""


def rule(*fine: int, ask: Callable[[Visitor], dict[str, Any]] = lambda _: {}) -> Rule:
    return Rule(frozenset(fine), ask)


def _form(visitor: Visitor) -> dict[str, Any]:
    return {"data": {"csrf_token": visitor.token}}


def _operators_form(visitor: Visitor) -> dict[str, Any]:
    return {"data": {"csrf_token": visitor.operator_token}}


def _reason(visitor: Visitor) -> dict[str, Any]:
    return {"data": {"csrf_token": visitor.operator_token, "analysis": "echo", "code": "error", "exception": ""}}


def _queue(visitor: Visitor) -> dict[str, Any]:
    return {"data": {"csrf_token": visitor.operator_token, "kind": "queue", "name": "nothing"}}


def _worker(visitor: Visitor) -> dict[str, Any]:
    return {"data": {"csrf_token": visitor.operator_token, "worker": "w-nobody", "command": "pause"}}


def _key(visitor: Visitor) -> dict[str, Any]:
    return {"data": {"csrf_token": visitor.token, "key": DASHBOARD_KEY}}


def _form_start(visitor: Visitor) -> dict[str, Any]:
    return {"data": {"csrf_token": visitor.token, "analysis": "echo", "text": "a"}}


RULES: Mapping[str, Rule] = {
    "start": rule(202, ask=lambda _: {"json": {"analysis": "echo", "input": {"text": "a"}}}),
    "check": rule(200, ask=lambda _: {"json": {"analysis": "echo", "input": {"text": "a"}}}),
    "upload": rule(200, ask=lambda _: {"files": {"file": ("a.csv", b"a,b")}}),
    "token": rule(200),
    "progress": rule(200),
    "events": rule(200),
    "events_of_many": rule(422),
    "ws": rule(426),
    "result": rule(200),
    "list": rule(200),
    "list_links": rule(200),
    "delete_result": rule(200),
    "delete_everything": rule(200),
    "cancel": rule(200, 202, 409),
    "retry": rule(202, 409),
    "answer": rule(409, ask=lambda _: {"json": {"answers": {}}}),
    "share": rule(200),
    "read_token": rule(200),
    "form": rule(200),
    "submit": rule(303, ask=_form_start),
    "page": rule(200),
    "page_cancel": rule(303, ask=_form),
    "page_retry": rule(303, ask=_form),
    "page_answer": rule(303, ask=_form),
    "page_again": rule(303, ask=_form),
    "page_correct": rule(200),
    "page_files": rule(409, ask=_form),
    "page_delete": rule(303, ask=_form),
    "sessions_page": rule(200),
    "page_delete_everything": rule(303, ask=_form),
    "page_device_link": rule(200, ask=_form),
    "page_return": rule(404, ask=_form),
    "device_page": rule(200),
    "page_continue": rule(422, ask=_form),
    "page_share": rule(303, ask=_form),
    "page_unshare": rule(303, ask=_form),
    "export": rule(200),
    "shared": rule(200),
    "shared_export": rule(200),
    "own_page": rule(404),
    "shared_picture": rule(404),
    "login_page": rule(200),
    "log_in": rule(303, ask=_key),
    "log_out": rule(303, ask=_operators_form),
    "dashboard": rule(200),
    "sessions": rule(200),
    "failures": rule(200),
    "failures_retry": rule(303, ask=_reason),
    "queues": rule(200),
    "queues_pause": rule(303, ask=_queue),
    "queues_resume": rule(303, ask=_queue),
    "workers": rule(200),
    "workers_ask": rule(409, ask=_worker),
    "audit": rule(200),
    "dashboard_session": rule(200),
    "dashboard_cancel": rule(303, 409, ask=_operators_form),
    "dashboard_retry": rule(303, 409, ask=_operators_form),
    "openapi": rule(200),
    "docs": rule(200),
    "static": rule(200),
    "assets": rule(404),
    "favicon": rule(200),
    "robots": rule(200),
    "security_txt": rule(404),
    "well_known": rule(404),
    "livez": rule(200),
    "readyz": rule(200),
    "metrics": rule(200, ask=lambda _: WITH_KEY),
    "arrival": rule(200, ask=lambda _: WITH_KEY),
    "steady_events": rule(422, ask=lambda _: WITH_KEY),
}

EVERY = [(r, m) for r in ROUTES for m in sorted(r.methods)]
SIGNED_IN = {Requires.VIEWER, Requires.OPERATOR}
OF_OPERATORS = [(r, m) for r, m in EVERY if r.requires in SIGNED_IN]
"""What nobody reaches who has not signed in to the dashboard."""
OF_A_SESSION = [(r, m) for r, m in EVERY if "{session_id}" in r.path and r.requires not in SIGNED_IN]
UNSAFE = [(r, m) for r, m in EVERY if not r.safe]


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[OpenSite]:
    async with open_site(tmp_path, max_active_per_owner=100, **KEYS) as site:
        yield site


async def ask(
    visitor: Visitor, route: Route, method: str, session_id: str = UNKNOWN_ID, **more: Any
) -> httpx.Response:
    file = "echo.txt" if "export" in route.name else "outlast.css"
    path = route.path.format(session_id=session_id, link=more.pop("link", UNKNOWN_ID), file=file, page="about")
    asked = RULES[route.name].ask(visitor)
    headers = {**asked.get("headers", {}), **more.pop("headers", {})}
    return await visitor.request(method, path, **{**asked, **more, "headers": headers})


async def finished_session(site: OpenSite, owner: Visitor) -> str:
    session_id = await owner.started("echo", text="theirs")
    await site.end(session_id, completed())
    return session_id


def shape(answer: httpx.Response) -> tuple[int, dict[str, str], bytes]:
    """All of an answer by which it could be told from another; a page's nonce is random."""
    nonce = re.search(r"'nonce-(.+?)'", answer.headers["content-security-policy"])
    random = nonce[1] if nonce else "no nonce"
    headers = {name: value.replace(random, "") for name, value in answer.headers.items()}
    return answer.status_code, headers, answer.content.replace(random.encode(), b"")


def test_every_route_has_a_rule():
    assert RULES.keys() == BY_NAME.keys()


def test_every_unsafe_route_needs_a_token_and_a_known_owner():
    assert all(
        r.csrf_token is not None and r.requires in {Requires.OWNER, Requires.BROWSER, *SIGNED_IN}
        for r in ROUTES
        if not r.safe
    )


def test_every_route_of_a_session_needs_its_owner_or_an_operator():
    assert all(r.requires in {Requires.OWNER, *SIGNED_IN} for r in ROUTES if "{session_id}" in r.path)


def test_the_dashboard_is_for_operators():
    ways_in = {"login_page", "log_in"}
    assert all(
        r.requires is (Requires.VIEWER if r.safe or r.name == "log_out" else Requires.OPERATOR)
        for r in ROUTES
        if r.path.startswith("/dashboard") and r.name not in ways_in
    )


ROLES = ("anonymous", "visitor", "viewer", "operator")


@pytest.mark.slow
@pytest.mark.parametrize("role", ROLES)
async def test_every_role_may_what_the_route_table_says_and_nothing_else(site: OpenSite, role: str):
    """403 where the role does not reach a route, and nothing changes then."""
    someone = site.client() if role == "anonymous" else await site.visitor()
    session_id = await finished_session(site, await site.visitor())
    reaches = {Requires.VIEWER: role in {"viewer", "operator"}, Requires.OPERATOR: role == "operator"}
    for route, method in EVERY:
        if route.name == "log_in":  # which changes the role
            continue
        if role in {"viewer", "operator"}:
            await someone.log_in(VIEWER_KEY if role == "viewer" else DASHBOARD_KEY)
        if role == "anonymous":
            someone.headers["X-CSRF-Token"] = "none"
            someone.cookies.clear()
        before = await state(site)
        answer = await ask(someone, route, method, session_id)
        where = f"{role}: {method} {route.name}"
        if route.requires in reaches:
            assert (answer.status_code in RULES[route.name].fine) == reaches[route.requires], where
            assert reaches[route.requires] or (answer.status_code, await state(site)) == (403, before), where
        elif route.requires is Requires.OWNER and "{session_id}" in route.path:  # it is another visitor's
            assert answer.status_code in {403, 404}, where
            assert await state(site) == before, where
        elif route.requires is Requires.OWNER and role == "anonymous":
            assert answer.status_code in {403, 404}, where
        elif route.requires is Requires.OPERATOR_KEY:
            assert answer.status_code in RULES[route.name].fine, where  # the key is in the request
            assert (await someone.request(method, route.path)).status_code == 401, where


@pytest.mark.slow
async def test_a_viewer_is_offered_no_action(site: OpenSite):
    owner = await site.visitor()
    await site.end(await owner.started("echo", text="fails"), failed())
    waiting = await owner.started("held", text="waits")
    viewer, operator = await (await site.visitor()).log_in(VIEWER_KEY), await (await site.visitor()).log_in()
    pages = [r.path.format(session_id=waiting) for r, m in OF_OPERATORS if m == "GET"]
    offered = {path: (await operator.get(path)).text.count('<form method="post"') for path in pages}
    assert sum(offered.values()) > 2 * len(pages)
    for path in pages:  # to leave is all that a viewer can do
        assert (await viewer.get(path)).text.count('<form method="post"') == 1, path


@pytest.mark.slow
async def test_the_owner_may_and_on_the_dashboard_an_operator(site: OpenSite):
    for route, method in EVERY:
        owner = await (await site.visitor()).log_in()
        session_id = await finished_session(site, owner)
        link = await site.outlast.share(session_id)
        answer = await ask(owner, route, method, session_id, link=link)
        assert answer.status_code in RULES[route.name].fine, f"{method} {route.name}: {answer.text}"


@pytest.mark.slow
@pytest.mark.parametrize("accept", ["*/*", "text/html"])
async def test_another_owners_session_is_not_found(site: OpenSite, accept: str):
    session_id = await finished_session(site, await site.visitor())
    for route, method in OF_A_SESSION:
        other = await site.visitor()
        of_anothers = await ask(other, route, method, session_id, headers={"Accept": accept})
        of_nothing = await ask(other, route, method, UNKNOWN_ID, headers={"Accept": accept})
        assert of_anothers.status_code == 404, f"{method} {route.name}"
        assert shape(of_anothers) == shape(of_nothing)
        assert ("text/html" in of_anothers.headers["content-type"]) == (route.page and accept == "text/html")


@pytest.mark.parametrize("cookie", [None, FORGED, f"{COOKIE}=", f"{COOKIE}=x", f'{COOKIE}="\\"; a=b'])
async def test_an_unknown_visitor_cannot_distinguish_a_session_from_none(site: OpenSite, cookie: str | None):
    session_id = await finished_session(site, owner := await site.visitor())
    nobody = site.client()
    nobody.headers["X-CSRF-Token"] = owner.token
    headers = {"Cookie": cookie} if cookie else {}
    for route, method in OF_A_SESSION:
        of_anothers = await ask(nobody, route, method, session_id, headers=headers)
        of_nothing = await ask(nobody, route, method, UNKNOWN_ID, headers=headers)
        assert of_anothers.status_code == (404 if route.safe else 403), f"{method} {route.name}"
        assert shape(of_anothers) == shape(of_nothing)
        assert "set-cookie" not in of_anothers.headers


@pytest.mark.slow
async def test_a_cookie_that_was_changed_is_nobodys(site: OpenSite):
    session_id = await finished_session(site, owner := await site.visitor())
    name, _, signature = owner.cookie_of(COOKIE).partition(".")
    for route, method in [(r, m) for r, m in OF_A_SESSION if r.safe]:
        for forged in (f"{name[:-1]}{'a' if name[-1] != 'a' else 'b'}.{signature}", f"{name}.{signature[:-2]}"):
            cookie = {"Cookie": f"{COOKIE}={forged}"}
            assert (await ask(site.client(), route, method, session_id, headers=cookie)).status_code == 404


WITH_THE_TOKEN: Mapping[str, dict[str, str]] = {
    "another origin": {"Origin": "http://evil.example"},
    "another port": {"Origin": "http://localhost:666"},
    "a longer name": {"Origin": "http://localhost.evil.example"},
    "our name as user": {"Origin": "http://localhost@evil.example"},
    "no address": {"Origin": "http://["},
    "null origin": {"Origin": "null"},
    "empty origin": {"Origin": ""},
    "cross-site": {"Sec-Fetch-Site": "cross-site"},
    "same-site": {"Sec-Fetch-Site": "same-site"},
    "cross-site with our origin": {"Sec-Fetch-Site": "cross-site", "Origin": "http://localhost"},
}
WITHOUT: Mapping[str, dict[str, str]] = {
    "no content type": {},
    "a form": {"Content-Type": "application/x-www-form-urlencoded"},
    "a multipart form": {"Content-Type": "multipart/form-data; boundary=b"},
    "text": {"Content-Type": "text/plain"},
    "JSON": {"Content-Type": "application/json"},
}


async def in_flight(site: OpenSite) -> tuple[Visitor, str]:
    visitor = await (await site.visitor()).log_in()
    return visitor, await visitor.started("held", text="a")


async def state(site: OpenSite) -> list[tuple[str, int]]:
    return [(s.id, s.version) for s in await site.sessions()]


@pytest.mark.slow
@pytest.mark.parametrize("attack", WITH_THE_TOKEN)
async def test_another_site_may_not_even_with_the_token(site: OpenSite, attack: str):
    visitor, session_id = await in_flight(site)
    before = await state(site)
    for route, method in UNSAFE:
        answer = await ask(visitor, route, method, session_id, headers=WITH_THE_TOKEN[attack])
        assert answer.status_code == 403, f"{method} {route.name}"
        assert "ANALYSIS_PUBLIC_URL" in answer.text
        assert await state(site) == before


@pytest.mark.slow
@pytest.mark.parametrize("kind", WITHOUT)
async def test_nothing_is_done_without_a_token(site: OpenSite, kind: str):
    visitor, session_id = await in_flight(site)
    before = await state(site)
    del visitor.headers["X-CSRF-Token"]
    body = b"analysis=echo&text=a" if "form" in kind else b'{"analysis": "echo", "input": {"text": "a"}}'
    for route, method in UNSAFE:
        path = route.path.format(session_id=session_id)
        answer = await visitor.request(method, path, content=body, headers=WITHOUT[kind])
        # a form's token is in its body: of one that cannot be read, this is said first
        broken = kind == "a multipart form" and route.csrf_token is CsrfTokenIn.FORM
        assert answer.status_code == (400 if broken else 403), f"{method} {route.name}"
        assert broken or "/api/analysis/token" in answer.json()["error"]
        assert await state(site) == before


def changed(token: str) -> str:
    return token[:-1] + ("A" if token[-1] != "A" else "B")


@pytest.mark.slow
@pytest.mark.parametrize("token", ["another's", "empty", "changed", "the cookie's signature", "of the other role"])
async def test_no_other_token_will_do(site: OpenSite, token: str):
    visitor, session_id = await in_flight(site)
    before = await state(site)
    other = await (await site.visitor()).log_in()
    own = visitor.token
    visitor.headers["X-CSRF-Token"] = {
        "another's": other.token,
        "empty": "",
        "changed": changed(own),
        "the cookie's signature": visitor.cookie_of(COOKIE).partition(".")[2],
        "of the other role": visitor.operator_token,
    }[token]
    visitor.operator_token = {
        "another's": other.operator_token,
        "empty": "",
        "changed": changed(visitor.operator_token),
        "the cookie's signature": visitor.cookie_of(OPERATOR_COOKIE).rpartition(".")[2],
        "of the other role": own,
    }[token]
    for route, method in UNSAFE:
        answer = await ask(visitor, route, method, session_id)
        assert answer.status_code == 403, f"{method} {route.name}"
        assert await state(site) == before


@pytest.mark.slow
@pytest.mark.parametrize("headers", [{"Origin": "http://localhost"}, {"Sec-Fetch-Site": "same-origin"}])
async def test_our_own_pages_may(site: OpenSite, headers: dict[str, str]):
    for route, method in UNSAFE:
        owner = await (await site.visitor()).log_in()
        answer = await ask(owner, route, method, await finished_session(site, owner), headers=headers)
        assert answer.status_code in RULES[route.name].fine, f"{method} {route.name}"


FOREIGN = [
    *("evil.example", "localhost.evil.example", "", "[::2]", "localhost@evil.example", "[::1]evil.example"),
    *(
        "localhost:@evil.example",
        "localhost:80, evil.example",
        "localhost:evil.example",
        "[::1",
        "localhost:80:80",
    ),
]


@pytest.mark.slow
@pytest.mark.parametrize("host", FOREIGN)
async def test_no_route_answers_to_a_foreign_name(site: OpenSite, host: str):
    visitor = await site.visitor()
    for route, method in EVERY:
        answer = await ask(visitor, route, method, headers={"Host": host})
        if route.any_host:
            assert answer.status_code in RULES[route.name].fine
            continue
        assert answer.status_code == 421, f"{method} {route.name}"
        assert "set-cookie" not in answer.headers
    assert await site.sessions() == []


async def test_a_request_with_two_hosts_is_refused(site: OpenSite):
    for hosts in (["localhost", "evil.example"], ["evil.example", "localhost"], ["localhost", "localhost"]):
        headers = [("Host", host) for host in hosts]
        for path in ("/livez", "/"):
            assert (await site.client().get(path, headers=headers)).status_code == 400


def test_only_probes_and_programs_with_a_key_may_use_any_name():
    assert {route.name for route in ROUTES if route.any_host and route.requires is Requires.ANYBODY} == {
        "livez",
        "readyz",
    }
    assert {route.requires for route in ROUTES if route.any_host} == {Requires.ANYBODY, Requires.OPERATOR_KEY}


@pytest.mark.parametrize(
    "name",
    [
        *("Authorization", "Content-Length", "Content-Type", "Cookie", "Forwarded", "Origin", "Sec-Fetch-Site"),
        *("X-CSRF-Token", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Real-IP"),
    ],
)
async def test_a_header_that_decides_something_comes_once(site: OpenSite, name: str):
    visitor = await site.visitor()
    session_id = await visitor.started()
    await visitor.snapshot(session_id)  # from now on polls are answered in short
    once = {"Content-Length": "0", "Cookie": "a=b", "Sec-Fetch-Site": "none"}.get(name, "http://localhost")
    for path in ("/livez", "/", f"/api/analysis/progress/{session_id}"):
        twice = await visitor.get(path, headers=[(name, once), (name, once)])
        assert twice.status_code == 400, path
        assert name.lower() in twice.text


@pytest.mark.slow
async def test_others_may_come_twice(site: OpenSite):
    for name in ("Accept", "If-None-Match", "Via"):
        assert (await site.client().get("/", headers=[(name, "a"), (name, "b")])).status_code == 200


async def test_cookies_that_http_2_divides_are_put_together(site: OpenSite):
    visitor = await site.visitor()
    session_id = await visitor.started()
    cookie = f"{COOKIE}={visitor.cookie_of(COOKIE)}".encode()
    for version, status in (("2", 200), ("3", 200), ("1.1", 400)):
        scope = {
            "type": "http", "method": "GET", "path": f"/api/analysis/progress/{session_id}", "root_path": "",
            "headers": [(b"host", b"localhost"), (b"cookie", cookie), (b"cookie", b"another=1")],
            "scheme": "http", "http_version": version, "query_string": b"",
        }  # fmt: skip
        sent = []

        async def keep(message: Any, sent: list[Any] = sent) -> None:
            sent.append(message)

        await site.app(scope, None, keep)
        assert sent[0]["status"] == status


@pytest.mark.slow
async def test_a_method_that_a_route_does_not_have_is_refused(site: OpenSite):
    for route, method in EVERY:
        path = route.path.format(session_id=UNKNOWN_ID, link=UNKNOWN_ID, file="outlast.css", page="about")
        answer = await site.client().request("PATCH", path)
        assert answer.status_code == 405
        assert method in answer.headers["allow"].split(", ")
