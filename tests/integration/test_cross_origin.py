"""A front end on another origin: closed by default, open to exact origins, and never to pages."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from edge_site import DASHBOARD_KEY, HOST, OpenSite, open_site
from test_access_matrix import EVERY, RULES, UNSAFE, ask, finished_session, in_flight, state

from outlast.web.cross_origin import OPEN_PATHS

FRIEND = "https://app.example"
STRANGERS = [
    "https://evil.example",
    "https://app.example.evil.example",
    "http://app.example",
    "https://app.example:8443",
    "https://APP.example",
    "https://app.example/",
    "null",
    "",
]


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[OpenSite]:
    async with open_site(
        tmp_path, allowed_origins=(FRIEND,), max_active_per_owner=100, dashboard_key=DASHBOARD_KEY
    ) as site:
        yield site


def cors(answer) -> dict[str, str]:
    return {name: value for name, value in answer.headers.items() if name.startswith("access-control-")}


@pytest.mark.slow
async def test_the_front_end_may_use_the_api_with_the_token_and_nothing_else(site: OpenSite):
    for route, method in EVERY:
        owner = await (await site.visitor()).log_in()
        session_id = await finished_session(site, owner)
        headers = {"Origin": FRIEND, "Sec-Fetch-Site": "cross-site"}
        answer = await ask(owner, route, method, session_id, headers=headers)
        if route.path.startswith(OPEN_PATHS):
            assert answer.status_code in RULES[route.name].fine, f"{method} {route.name}"
            assert answer.headers["access-control-allow-origin"] == FRIEND
            assert answer.headers["access-control-allow-credentials"] == "true"
        else:
            assert not cors(answer)
            assert route.safe or answer.status_code == 403, f"{method} {route.name}"


@pytest.mark.slow
async def test_the_front_end_needs_the_token_too(site: OpenSite):
    visitor, session_id = await in_flight(site)
    before = await state(site)
    del visitor.headers["X-CSRF-Token"]
    for route, method in UNSAFE:
        answer = await visitor.request(
            method, route.path.format(session_id=session_id), headers={"Origin": FRIEND}
        )
        assert answer.status_code in {400, 403}, f"{method} {route.name}"
        assert await state(site) == before


@pytest.mark.parametrize("origin", STRANGERS)
@pytest.mark.slow
async def test_no_other_origin_may(site: OpenSite, origin: str):
    visitor = await (await site.visitor()).log_in()
    session_id = await finished_session(site, visitor)
    before = await state(site)
    for route, method in EVERY:
        answer = await ask(visitor, route, method, session_id, headers={"Origin": origin})
        assert not cors(answer), f"{method} {route.name}"
        assert "origin" in answer.headers.get("vary", "").lower() or not route.path.startswith(OPEN_PATHS)
        assert route.safe or answer.status_code == 403, f"{method} {route.name}"
    assert await state(site) == before


@pytest.mark.slow
@pytest.mark.parametrize(("origin", "allowed"), [(FRIEND, True), ("https://evil.example", False)])
async def test_a_preflight_names_the_methods_of_the_api_to_the_front_end_alone(
    site: OpenSite, origin: str, allowed: bool
):
    for route, method in EVERY:
        path = route.path.format(session_id="a" * 26, link="a" * 26, file="outlast.css")
        headers = {"Origin": origin, "Access-Control-Request-Method": method}
        answer = await site.client().options(path, headers=headers)
        if allowed and route.path.startswith(OPEN_PATHS):
            assert answer.status_code == 204
            assert method in answer.headers["access-control-allow-methods"].split(", ")
            assert "X-CSRF-Token" in answer.headers["access-control-allow-headers"].split(", ")
            assert answer.headers["access-control-allow-origin"] == FRIEND
        else:
            assert answer.status_code == 405
            assert not cors(answer)
        assert (await site.client().options(path, headers={"Origin": origin})).status_code == 405


async def test_it_is_closed_by_default(tmp_path: Path):
    async with open_site(tmp_path) as site:
        answer = await site.client().get("/api/analysis/token", headers={"Origin": FRIEND})
        assert not cors(answer)
        assert answer.headers["cross-origin-resource-policy"] == "same-origin"


async def test_a_poll_of_the_front_end_can_be_read_each_time(site: OpenSite):
    visitor = await site.visitor()
    session_id = await visitor.started()
    for _ in range(3):
        answer = await visitor.get(f"/api/analysis/progress/{session_id}", headers={"Origin": FRIEND})
        assert answer.headers["access-control-allow-origin"] == FRIEND
        assert "etag" in answer.headers["access-control-expose-headers"].lower()


@pytest.mark.parametrize(
    ("base", "fetched", "embedded"),
    [
        ("https://localhost", "cross-site", True),
        ("https://localhost", "same-site", False),
        ("https://localhost", "same-origin", False),
        ("http://localhost", "cross-site", False),
    ],
)
async def test_the_cookie_for_a_front_end_of_another_site_is_kept_apart(
    site: OpenSite, base: str, fetched: str, embedded: bool
):
    headers = {"Origin": FRIEND, "Sec-Fetch-Site": fetched}
    answer = await site.client(base).get("/api/analysis/token", headers=headers)
    attributes = answer.headers["set-cookie"].split("; ")
    assert ("SameSite=None" in attributes and "Partitioned" in attributes and "Secure" in attributes) == embedded
    assert ("SameSite=Lax" in attributes) != embedded


@pytest.mark.parametrize(
    ("settings", "own"),
    [({}, "http://localhost"), ({"public_url": "https://a.example"}, "https://a.example")],
)
async def test_a_refusal_names_both_origins_and_the_setting(tmp_path: Path, settings: dict[str, str], own: str):
    async with open_site(tmp_path, **settings) as site:
        visitor = site.client(own if settings else HOST)
        token = (await visitor.get("/api/analysis/token")).json()["token"]
        headers = {"Origin": "https://b.example", "X-CSRF-Token": token}
        answer = await visitor.post("/api/analysis/start", json={}, headers=headers)
        assert answer.status_code == 403
        said = answer.json()["error"]
        for named in (own, "https://b.example", "ANALYSIS_PUBLIC_URL", "ANALYSIS_ALLOWED_ORIGINS"):
            assert named in said
