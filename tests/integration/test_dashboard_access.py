"""Who is an operator: nobody without the key, whatever else they are."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from edge_site import DASHBOARD_KEY, HOST, VIEWER_KEY, OpenSite, Visitor, open_site
from test_access_matrix import EVERY, OF_OPERATORS, UNKNOWN_ID, ask, finished_session, shape

from outlast.app import runtime_of
from outlast.domain.status import Status
from outlast.settings import SettingsError, load_settings
from outlast.testing.clock import FakeClock
from outlast.web.access import COOKIE as OWNER_COOKIE
from outlast.web.keys import KeyRing
from outlast.web.operators import COOKIE, LIFETIME, Operators, Role

KEYS = KeyRing(["k" * 32])
SCOPE = {"type": "http", "scheme": "http"}


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[OpenSite]:
    async with open_site(tmp_path, dashboard_key=DASHBOARD_KEY) as site:
        yield site


@pytest.fixture
async def closed(tmp_path: Path) -> AsyncIterator[OpenSite]:
    """Without a key."""
    async with open_site(tmp_path / "closed") as site:
        yield site


async def try_key(visitor: Visitor, key: str) -> int:
    form = {"csrf_token": visitor.token, "key": key}
    return (await visitor.post("/dashboard/enter", data=form)).status_code


def operators(key: str | None = DASHBOARD_KEY, clock: FakeClock | None = None, keys: KeyRing = KEYS) -> Operators:
    return Operators(load_settings(dashboard_key=key), keys, clock or FakeClock())


def shown(header: str | None) -> bytes:
    """The `Cookie` header of a browser that was given this one."""
    assert header is not None
    return header.partition(";")[0].encode()


async def test_neither_the_owner_nor_another_visitor_nor_nobody_may(site: OpenSite):
    owner = await site.visitor()
    session_id = await finished_session(site, owner)
    for who in (owner, await site.visitor(), site.client()):
        for route, method in OF_OPERATORS:
            of_one = await ask(who, route, method, session_id)
            of_nothing = await ask(who, route, method, UNKNOWN_ID)
            assert of_one.status_code == 403, f"{method} {route.name}"
            assert shape(of_one) == shape(of_nothing)
            assert "set-cookie" not in of_one.headers
    assert (await site.engine.store.get(session_id, owner=None)).status is Status.COMPLETED


@pytest.mark.slow
async def test_an_operator_is_no_owner(site: OpenSite):
    """The dashboard's cookie opens nothing of a visitor's pages, nor is it sent there."""
    session_id = await finished_session(site, await site.visitor())
    operator = await (await site.visitor()).log_in()
    for route, method in EVERY:
        if "{session_id}" in route.path and (route, method) not in OF_OPERATORS:
            assert (await ask(operator, route, method, session_id)).status_code == 404, f"{method} {route.name}"
    answer = await operator.post("/dashboard/enter", data={"csrf_token": operator.token, "key": DASHBOARD_KEY})
    assert "Path=/dashboard;" in answer.headers["set-cookie"]
    assert "HttpOnly" in answer.headers["set-cookie"]


@pytest.mark.parametrize("accept", ["*/*", "text/html"])
async def test_a_visitor_without_access_is_sent_to_the_login(site: OpenSite, accept: str):
    answer = await site.client().get("/dashboard", headers={"Accept": accept})
    assert answer.status_code == 403
    assert ('href="/dashboard/enter"' in answer.text) == (accept == "text/html")
    assert "/dashboard/enter" in answer.text


@pytest.mark.parametrize(
    "cookie",
    ["", "x", "a.b.c", f"{'a' * 32}.99999999999.{'A' * 32}", f"{'a' * 32}.²³.{'A' * 32}", "a." + "9" * 400],
)
async def test_a_cookie_that_was_made_up_is_nobodys(site: OpenSite, cookie: str):
    headers = {"Cookie": f"{COOKIE}={cookie}".encode("latin-1")}
    assert (await site.client().get("/dashboard", headers=headers)).status_code == 403


async def test_a_visitors_cookie_does_not_pass_for_an_operators(site: OpenSite):
    value = (await site.visitor()).cookie_of(OWNER_COOKIE)
    name, _, signature = value.partition(".")
    for forged in (value, f"{name}.99999999999.{signature}"):
        answer = await site.client().get("/dashboard", headers={"Cookie": f"{COOKIE}={forged}"})
        assert answer.status_code == 403


async def test_without_a_key_nothing_opens(closed: OpenSite):
    visitor = await closed.visitor()
    for key in ("", " ", "None", DASHBOARD_KEY, "\ud800"):
        assert await try_key(visitor, key.encode(errors="replace").decode()) == 403
    assert (await visitor.get("/dashboard")).status_code == 403


@pytest.mark.slow
async def test_the_link_of_the_start_opens_once_and_looking_at_it_does_not_use_it_up(closed: OpenSite):
    key = runtime_of(closed.outlast).operators().one_time_key()
    assert key is not None
    first, second = await closed.visitor(), await closed.visitor()
    for _ in range(2):
        assert (await second.get(f"/dashboard/enter?key={key}")).status_code == 200
    assert await try_key(first, key) == 303
    assert await try_key(second, key) == 403
    assert (await first.get("/dashboard")).status_code == 200
    assert (await second.get("/dashboard")).status_code == 403


async def test_a_lasting_key_replaces_the_one_time_key(site: OpenSite):
    assert runtime_of(site.outlast).operators().one_time_key() is None
    assert await try_key(await site.visitor(), DASHBOARD_KEY + "x") == 403
    assert await try_key(await site.visitor(), f"  {DASHBOARD_KEY}\n") == 303


@pytest.mark.slow
async def test_who_leaves_has_to_enter_again(site: OpenSite):
    operator = await (await site.visitor()).log_in()
    answer = await operator.post("/dashboard/leave", data={"csrf_token": operator.operator_token})
    assert answer.headers["location"] == "/dashboard/enter"
    assert (await operator.get("/dashboard")).status_code == 403


@pytest.mark.slow
async def test_a_cookie_that_was_copied_before_its_operator_left_opens_nothing_afterwards(
    site: OpenSite, tmp_path: Path
):
    operator = await (await site.visitor()).log_in()
    other = await (await site.visitor()).log_in()
    copied = {"Cookie": f"{COOKIE}={operator.cookie_of(COOKIE)}"}
    assert (await site.client().get("/dashboard", headers=copied)).status_code == 200
    await operator.post("/dashboard/leave", data={"csrf_token": operator.operator_token})
    assert (await site.client().get("/dashboard", headers=copied)).status_code == 403
    assert (await other.get("/dashboard")).status_code == 200
    async with open_site(tmp_path, dashboard_key=DASHBOARD_KEY) as again:  # after a restart
        assert (await again.client().get("/dashboard", headers=copied)).status_code == 403
        kept = {"Cookie": f"{COOKIE}={other.cookie_of(COOKIE)}"}
        assert (await again.client().get("/dashboard", headers=kept)).status_code == 200


@pytest.mark.slow
async def test_who_shows_wrong_keys_is_slowed_down_and_noted(site: OpenSite, caplog):
    attacker = await site.client(client=("203.0.113.7", 5000)).arrive()
    tried = [await try_key(attacker, f"a wrong key number {n}") for n in range(15)]
    assert tried == [403] * 10 + [429] * 5
    assert await try_key(attacker, DASHBOARD_KEY) == 429
    operator = await site.client(client=("203.0.113.8", 5000)).arrive()
    assert await try_key(operator, DASHBOARD_KEY) == 303
    noted = [record.getMessage() for record in caplog.records if "wrong dashboard key" in record.message]
    assert len(noted) == 10
    assert all("203.0.113.7" in line and "wrong key" not in line for line in noted)


async def test_right_keys_are_not_counted(site: OpenSite):
    visitor = await site.client(client=("203.0.113.7", 5000)).arrive()
    assert [await try_key(visitor, DASHBOARD_KEY) for _ in range(15)] == [303] * 15


async def test_behind_tls_its_cookie_is_secure(tmp_path: Path):
    public = "https://site.example"
    async with open_site(tmp_path, dashboard_key=DASHBOARD_KEY, public_url=public) as site:
        visitor = await site.client(public).arrive()
        answer = await visitor.post("/dashboard/enter", data={"csrf_token": visitor.token, "key": DASHBOARD_KEY})
        assert "Secure" in answer.headers["set-cookie"]
    assert HOST.startswith("http:")


def test_an_operator_is_known_for_its_hours_and_no_longer():
    clock = FakeClock()
    them = operators(clock=clock)
    cookie = shown(them.sign_in(DASHBOARD_KEY, SCOPE))
    clock.advance(LIFETIME - 2)
    assert them.known(cookie)
    clock.advance(3)
    assert them.known(cookie) is None


def test_the_hours_cannot_be_stretched():
    them = operators()
    name, until, signature = shown(them.sign_in(DASHBOARD_KEY, SCOPE)).decode().partition("=")[2].split(".")
    assert them.known(f"{COOKIE}={name}.{until}.{signature}".encode())
    assert them.known(f"{COOKIE}={name}.{int(until) + 1}.{signature}".encode()) is None
    assert them.known(f"{COOKIE}={name}.0{until}.{signature}".encode())  # the same moment, written otherwise


def test_another_key_of_the_dashboard_or_of_the_site_ends_what_the_one_before_had_opened():
    cookie = shown(operators().sign_in(DASHBOARD_KEY, SCOPE))
    assert operators().known(cookie)
    assert operators("another key of the dashboard").known(cookie) is None
    assert operators(None).known(cookie) is None
    assert operators(keys=KeyRing(["l" * 32])).known(cookie) is None


def test_each_key_gives_its_role_and_its_change_ends_the_logins_of_that_role_alone():
    def of(key: str | None, viewer_key: str | None) -> Operators:
        settings = load_settings(dashboard_key=key, dashboard_viewer_key=viewer_key)
        return Operators(settings, KEYS, FakeClock())

    them = of(DASHBOARD_KEY, VIEWER_KEY)
    looks, acts = (shown(them.sign_in(key, SCOPE, "Zoë")) for key in (VIEWER_KEY, DASHBOARD_KEY))
    viewer, operator = them.known(looks), them.known(acts)
    assert viewer is not None
    assert operator is not None
    assert (viewer.role, viewer.label) == (Role.VIEWER, "Zoë")
    assert (operator.role, operator.label) == (Role.OPERATOR, "Zoë")
    others = of(DASHBOARD_KEY, "yet another key, for viewers")
    assert (others.known(looks), others.known(acts)) == (None, operator)
    earlier = of(DASHBOARD_KEY, None)  # a process that knows no viewers
    assert (earlier.known(looks), earlier.known(acts)) == (None, operator)
    alone = of(None, VIEWER_KEY)
    assert (alone.known(looks), alone.known(acts)) == (viewer, None)


def test_both_keys_cannot_be_the_same():
    with pytest.raises(SettingsError, match="ANALYSIS_DASHBOARD_VIEWER_KEY: it is the same"):
        load_settings(dashboard_key=DASHBOARD_KEY, dashboard_viewer_key=DASHBOARD_KEY)


def test_a_name_is_bounded_and_cannot_pass_for_another_field():
    them = operators()
    for name in ("a" * 500, "a.b-c;d=e\r\nSet-Cookie: x", "\ud800", "  "):
        cookie = them.sign_in(DASHBOARD_KEY, SCOPE, name)
        assert cookie is not None
        assert cookie.isprintable()
        found = them.known(shown(cookie))
        assert found is not None
        assert found.role is Role.OPERATOR
        assert len(found.shown) < 250


async def test_without_any_credential_the_dashboard_and_the_metrics_say_why_they_are_closed(closed: OpenSite):
    for path in ("/dashboard", "/dashboard/queues", "/metrics"):
        answer = await closed.client().get(path)
        assert answer.status_code == 403
        assert "no credential is set. Set ANALYSIS_DASHBOARD_KEY" in answer.json()["error"], path


def test_every_operator_is_another():
    them = operators()
    one, other = (them.known(shown(them.sign_in(DASHBOARD_KEY, SCOPE))) for _ in range(2))
    assert one is not None
    assert one != other
