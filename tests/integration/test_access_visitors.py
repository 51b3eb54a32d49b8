"""How a visitor becomes known: the cookie, the token, the names answered to, and uploads that stay one's own."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from edge_site import OpenSite, make_outlast, open_site

from outlast.web.access import COOKIE


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[OpenSite]:
    async with open_site(tmp_path) as site:
        yield site


async def test_the_token_makes_a_visitor_known_with_a_careful_cookie(site: OpenSite):
    answer = await site.client().get("/api/analysis/token")
    first, *attributes = answer.headers["set-cookie"].split("; ")
    assert first.startswith(COOKIE + "_")
    assert {"HttpOnly", "SameSite=Lax", "Path=/"} <= set(attributes)
    assert "Secure" not in attributes  # over plain http a browser would drop it
    assert answer.headers["cache-control"] == "no-store"
    assert answer.json()["token"]


async def test_users_of_a_host_without_a_name_are_visitors_each_of_their_own(tmp_path: Path):
    async with open_site(tmp_path, owner=lambda _: "") as site:
        session_id = await (visitor := await site.visitor()).started()
        for client, status in ((visitor, 200), (await site.visitor(), 404)):
            assert (await client.get(f"/api/analysis/progress/{session_id}")).status_code == status


async def test_over_https_the_cookie_is_secure(site: OpenSite):
    answer = await site.client("https://localhost").get("/api/analysis/token")
    assert "Secure" in answer.headers["set-cookie"].split("; ")


async def test_behind_a_tls_proxy_the_cookie_is_secure(tmp_path: Path):
    async with open_site(tmp_path, public_url="https://reviews.example.org") as site:
        answer = await site.client().get("/api/analysis/token", headers={"Host": "reviews.example.org"})
        assert "Secure" in answer.headers["set-cookie"].split("; ")


async def test_a_known_visitor_gets_no_new_cookie_and_the_same_token(site: OpenSite):
    visitor = await site.visitor()
    again = await visitor.get("/api/analysis/token")
    assert "set-cookie" not in again.headers
    assert again.json()["token"] == visitor.token


@pytest.mark.parametrize("before", ['broken="a; ', "a b=c; ", 'json={"a":1,"b":[]}; ', "; =; x=; "])
async def test_strange_cookies_of_others_do_not_hide_ours(site: OpenSite, before: str):
    visitor = await site.visitor()
    session_id = await visitor.started()
    cookie = f"{before}{COOKIE}={visitor.cookie_of(COOKIE)}"
    answer = await site.client().get(f"/api/analysis/progress/{session_id}", headers={"Cookie": cookie})
    assert answer.status_code == 200


@pytest.mark.slow
async def test_of_two_sites_on_one_host_each_knows_its_own_cookie(tmp_path: Path):
    async with open_site(tmp_path / "a") as one, open_site(tmp_path / "b") as two:
        visitor, stranger = await one.visitor(), await two.visitor()
        session_id = await visitor.started()
        own, others = visitor.cookie_of(COOKIE), stranger.cookie_of(COOKIE)
        for first, second in ((own, others), (others, own)):
            cookie = {"Cookie": f"{COOKIE}={first}; {COOKIE}={second}"}
            answer = await one.client().get(f"/api/analysis/progress/{session_id}", headers=cookie)
            assert answer.status_code == 200


@pytest.mark.slow
async def test_the_key_outlives_the_process_and_is_nobody_elses_to_read(tmp_path: Path):
    async with open_site(tmp_path) as site:
        visitor = await site.visitor()
        session_id = await visitor.started()
        cookie = visitor.cookie_of(COOKIE)
    assert (tmp_path / "app.key").stat().st_mode & 0o777 == 0o600
    async with open_site(tmp_path) as site:
        path = f"/api/analysis/progress/{session_id}"
        assert (await site.client().get(path, headers={"Cookie": f"{COOKIE}={cookie}"})).status_code == 200


@pytest.mark.slow
async def test_a_rotated_key_still_knows_who_came_before(tmp_path: Path):
    old, new = "o" * 40, "n" * 40
    async with open_site(tmp_path, app_key=(old,)) as site:
        visitor = await site.visitor()
        session_id, cookie, token = await visitor.started(), visitor.cookie_of(COOKIE), visitor.token
    for keys, status in (((new, old), 200), ((new,), 403)):
        async with open_site(tmp_path, app_key=keys) as site:
            headers = {"Cookie": f"{COOKIE}={cookie}", "X-CSRF-Token": token}
            answer = await site.client().delete(f"/api/analysis/cancel/{session_id}", headers=headers)
            assert answer.status_code == status


@pytest.mark.slow
@pytest.mark.parametrize(
    "host",
    ["localhost", "localhost:8000", "127.0.0.1", "127.0.0.1:81", "[::1]", "[::1]:8000", "reviews.example.org"],
)
async def test_loopback_names_and_the_public_one_are_answered(tmp_path: Path, host: str):
    async with open_site(tmp_path, public_url="https://reviews.example.org/") as site:
        assert (await site.client().get("/", headers={"Host": host})).status_code == 200


@pytest.mark.slow
async def test_with_allowed_hosts_every_other_host_is_refused(tmp_path: Path):
    async with open_site(tmp_path, allowed_hosts=("reviews.example.org",)) as site:
        for host, status in (("reviews.example.org:443", 200), ("localhost", 421), ("reviews.example.org.", 421)):
            assert (await site.client().get("/", headers={"Host": host})).status_code == status


@pytest.mark.slow
async def test_the_public_origin_is_ours_though_the_proxy_says_another_host(tmp_path: Path):
    async with open_site(tmp_path, public_url="https://reviews.example.org") as site:
        visitor = await site.client("https://localhost").arrive()
        visitor.headers["Origin"] = "https://reviews.example.org"
        assert (await visitor.start("echo", text="a")).status_code == 202
        visitor.headers["Origin"] = "https://reviews.example.org.evil.example"
        assert (await visitor.start("echo", text="b")).status_code == 403


async def test_the_hash_of_an_upload_is_no_key_to_it(site: OpenSite):
    owner, thief = await site.visitor(), await site.visitor()
    source = (await owner.upload(b"the owner's reviews")).json()["source"]
    refused = await thief.start("product", source=source)
    assert refused.status_code == 422
    assert [e["pointer"] for e in refused.json()["errors"]] == ["/source"]
    unknown = await thief.start("product", source="upload:" + "0" * 64)
    assert refused.json() == unknown.json()
    assert await site.sessions() == []
    assert (await owner.start("product", source=source)).status_code == 202


async def test_two_owners_of_the_same_file_do_not_share_a_session(site: OpenSite):
    one, two = await site.visitor(), await site.visitor()
    ids = set()
    for visitor in (one, two):
        source = (await visitor.upload(b"the same reviews")).json()["source"]
        ids.add(await visitor.started("product", source=source))
    assert len(ids) == 2


@pytest.mark.slow
async def test_a_site_answers_by_its_bound_address(tmp_path: Path):
    outlast = make_outlast(tmp_path)
    async with outlast.lifespan():
        sent = []
        scope = {
            "type": "http", "method": "GET", "path": "/", "root_path": "", "scheme": "http",
            "headers": [(b"host", b"192.0.2.5:8000")], "server": ("192.0.2.5", 8000), "query_string": b"",
        }  # fmt: skip
        await outlast.asgi()(scope, _no_body, _keep(sent))
        assert sent[0]["status"] == 200


async def _no_body():
    return {"type": "http.request", "body": b"", "more_body": False}


def _keep(sent: list):
    async def send(message):
        sent.append(message)

    return send
