"""The owner's cookie, whose name is each site's own and replaces earlier ones; and the origin of requests."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from edge_site import OpenSite, Visitor, open_site
from starlette.applications import Starlette
from starlette.routing import Mount

from outlast.web.access import COOKIE, HOST_ONLY
from outlast.web.operators import COOKIE as OPERATOR_COOKIE

TOKEN = "/api/analysis/token"
SECURE = "https://localhost"


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[OpenSite]:
    async with open_site(tmp_path / "site") as site:
        yield site


def set_cookies(answer: httpx.Response) -> dict[str, str]:
    """The cookies that an answer sets, with their attributes, by name."""
    return {
        name: rest for header in answer.headers.get_list("set-cookie") for name, _, rest in [header.partition("=")]
    }


async def yesterdays(site: OpenSite) -> tuple[Visitor, str, dict[str, str]]:
    """A visitor with a session, the session's id, and the cookie that an earlier version would have set."""
    visitor = await site.visitor()
    session_id = await visitor.started()
    return visitor, session_id, {"Cookie": f"{COOKIE}={visitor.cookie_of(COOKIE)}"}


@pytest.mark.slow
async def test_two_sites_on_one_host_do_not_evict_each_others_visitors(site: OpenSite, tmp_path: Path):
    async with open_site(tmp_path / "other", dashboard_key="a key of the other site") as other:
        browser = httpx.Cookies()  # as browsers do, it knows hosts and no ports
        here, there = site.client("http://localhost:8000"), other.client("http://localhost:8001")
        here.cookies = browser
        await here.arrive()
        session_id = await here.started()
        there.cookies = here.cookies
        await there.arrive()
        elsewhere = await there.started()
        here.cookies = there.cookies
        assert (await here.snapshot(session_id))["session_id"] == session_id
        assert (await there.snapshot(elsewhere))["session_id"] == elsewhere
        assert len([c for c in here.cookies.jar if c.name.startswith(COOKIE)]) == 2


@pytest.mark.slow
async def test_operators_of_two_sites_on_one_host_do_not_either(tmp_path: Path):
    names = set()
    for folder in ("one", "other"):
        async with open_site(tmp_path / folder, dashboard_key="the key of the dashboard") as site:
            operator = await (await site.visitor()).log_in()
            names |= {c.name for c in operator.cookies.jar if c.name.startswith(OPERATOR_COOKIE)}
    assert len(names) == 2


async def test_the_name_stays_the_same_for_a_site_and_has_only_what_names_may_have(tmp_path: Path):
    names = []
    for _ in range(2):
        async with open_site(tmp_path) as site:
            names += set_cookies(await site.client().get(TOKEN))
    assert len(set(names)) == 1
    assert re.fullmatch(rf"{COOKIE}_[A-Za-z0-9_-]{{12}}", names[0])


@pytest.mark.slow
async def test_over_https_at_the_root_no_other_host_can_set_it(site: OpenSite):
    ((name, attributes),) = set_cookies(await site.client(SECURE).get(TOKEN)).items()
    assert name.startswith(HOST_ONLY + COOKIE)
    assert {"Secure", "Path=/"} <= set(attributes.split("; "))
    assert "Domain" not in attributes
    visitor = await site.client(SECURE).arrive()
    assert (await visitor.start("echo", text="a")).status_code == 202


async def test_behind_a_proxy_that_ends_https_too(tmp_path: Path):
    public = "https://reviews.example.org"
    async with open_site(tmp_path, public_url=public) as site:
        answer = await site.client().get(TOKEN, headers={"Host": "reviews.example.org"})
        assert next(iter(set_cookies(answer))).startswith(HOST_ONLY)


async def test_below_a_path_it_keeps_that_path_instead(site: OpenSite):
    below = httpx.ASGITransport(site.app, root_path="/behind")
    async with httpx.AsyncClient(transport=below, base_url=SECURE) as client:
        ((name, attributes),) = set_cookies(await client.get("/behind" + TOKEN)).items()
    assert name.startswith(COOKIE)
    assert "Path=/behind" in attributes.split("; ")


async def test_a_mounted_site_replaces_the_cookie_that_an_earlier_version_set_for_its_mount(site: OpenSite):
    _, session_id, cookie = await yesterdays(site)
    host = Starlette(routes=[Mount("/slow", site.app)])
    async with httpx.AsyncClient(transport=httpx.ASGITransport(host), base_url=SECURE) as client:
        answer = await client.get(f"/slow/api/analysis/progress/{session_id}", headers=cookie)
    made = answer.headers.get_list("set-cookie")
    assert {c.split("; ")[1] for c in made if c.startswith(COOKIE + "=;")} == {"Path=/", "Path=/slow"}
    assert len(made) == 3


async def test_a_cookie_of_an_earlier_version_keeps_its_session_and_is_replaced(site: OpenSite):
    _, session_id, cookie = await yesterdays(site)
    answer = await site.client().get(f"/api/analysis/progress/{session_id}", headers=cookie)
    assert answer.status_code == 200
    made = set_cookies(answer)
    assert made.pop(COOKIE).startswith("; Path=/; Max-Age=0")
    ((name, rest),) = made.items()
    assert name.startswith(COOKIE + "_")
    value = rest.partition(";")[0]
    again = await site.client().get(f"/api/analysis/progress/{session_id}", headers={"Cookie": f"{name}={value}"})
    assert again.status_code == 200
    assert "set-cookie" not in again.headers


async def test_its_token_still_holds_so_that_an_open_page_goes_on(site: OpenSite):
    visitor, session_id, cookie = await yesterdays(site)
    headers = cookie | {"X-CSRF-Token": visitor.token}
    answer = await site.client().delete(f"/api/analysis/cancel/{session_id}", headers=headers)
    assert answer.status_code == 200
    assert COOKIE in set_cookies(answer)


async def test_over_https_a_cookie_without_the_prefix_is_replaced_by_one_with_it(site: OpenSite):
    visitor, session_id, _ = await yesterdays(site)
    (plain,) = [c for c in visitor.cookies.jar if c.name.startswith(COOKIE)]
    answer = await site.client(SECURE).get(
        f"/api/analysis/progress/{session_id}", headers={"Cookie": f"{plain.name}={plain.value}"}
    )
    assert answer.status_code == 200
    assert set(set_cookies(answer)) == {plain.name, HOST_ONLY + plain.name}


async def test_the_cookie_that_no_other_host_can_set_wins(site: OpenSite):
    """Another host of the same domain may set one without the prefix, to make a visitor another owner."""
    visitor = await site.client(SECURE).arrive()
    session_id = await visitor.started()
    (own,) = [c for c in visitor.cookies.jar if c.name.startswith(HOST_ONLY)]
    tossed = (await site.visitor()).cookie_of(COOKIE)
    plain = own.name.removeprefix(HOST_ONLY)
    for before in (f"{plain}={tossed}", f"{COOKIE}={tossed}"):
        answer = await site.client(SECURE).get(
            f"/api/analysis/progress/{session_id}", headers={"Cookie": f"{before}; {own.name}={own.value}"}
        )
        assert answer.status_code == 200


async def test_another_sites_cookie_of_an_earlier_version_is_left_alone(site: OpenSite, tmp_path: Path):
    async with open_site(tmp_path / "other") as other:
        foreign = (await other.visitor()).cookie_of(COOKIE)
        answer = await site.client().get(TOKEN, headers={"Cookie": f"{COOKIE}={foreign}"})
        assert COOKIE not in set_cookies(answer)


@pytest.mark.slow
async def test_a_rotated_key_renames_the_cookie_and_keeps_its_owner(tmp_path: Path):
    old, new = "o" * 40, "n" * 40
    async with open_site(tmp_path, app_key=(old,)) as site:
        visitor = await site.visitor()
        session_id = await visitor.started()
        (cookie,) = [c for c in visitor.cookies.jar if c.name.startswith(COOKIE)]
    async with open_site(tmp_path, app_key=(new, old)) as site:
        answer = await site.client().get(
            f"/api/analysis/progress/{session_id}", headers={"Cookie": f"{cookie.name}={cookie.value}"}
        )
        assert answer.status_code == 200
        assert len(set_cookies(answer)) == 2


@pytest.mark.parametrize(
    ("base", "origin", "status"),
    [
        ("http://localhost", "http://localhost", 202),
        ("http://localhost", "https://localhost", 403),
        ("https://localhost", "http://localhost", 403),
        ("https://localhost", "https://localhost", 202),
        ("https://localhost", "https://localhost:443", 202),
        ("https://localhost", "https://localhost:8443", 403),
        ("http://localhost:8000", "http://localhost:8000", 202),
        ("http://localhost:8000", "http://localhost", 403),
        ("http://localhost", "ftp://localhost", 403),
        ("http://localhost", "//localhost", 403),
        ("http://localhost", "localhost", 403),
        ("http://localhost", "http://LOCALHOST", 202),
        ("http://localhost", "http://ann@localhost", 403),
        ("http://localhost", "http://localhost:99999", 403),
    ],
)
async def test_an_origin_is_ours_with_scheme_host_and_port(site: OpenSite, base: str, origin: str, status: int):
    visitor = await site.client(base).arrive()
    visitor.headers["Origin"] = origin
    assert (await visitor.start("echo", text="a")).status_code == status


@pytest.mark.parametrize(("origin", "status"), [("https://r.example", 202), ("http://r.example", 403)])
async def test_the_public_address_says_the_scheme_where_a_proxy_ends_https(
    tmp_path: Path, origin: str, status: int
):
    async with open_site(tmp_path, public_url="https://r.example") as site:
        visitor = await site.client("https://r.example").arrive()
        cookie = visitor.cookies
        inside = site.client("http://r.example")  # as the proxy asks
        headers = {"Cookie": "; ".join(f"{c.name}={c.value}" for c in cookie.jar)}
        inside.headers.update({"X-CSRF-Token": visitor.token, "Origin": origin} | headers)
        answer = await inside.start("echo", text="a")
        assert answer.status_code == status


async def test_a_browser_that_has_compared_origins_itself_is_believed_behind_a_silent_proxy(site: OpenSite):
    visitor = await site.visitor()
    visitor.headers["Origin"] = "https://localhost"
    assert (await visitor.start("echo", text="a")).status_code == 403
    visitor.headers["Sec-Fetch-Site"] = "same-origin"
    assert (await visitor.start("echo", text="a")).status_code == 202
    visitor.headers["Sec-Fetch-Site"] = "same-site"
    assert (await visitor.start("echo", text="b")).status_code == 403
