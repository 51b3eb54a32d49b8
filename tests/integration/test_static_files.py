"""What browsers load beside pages: files for ever, compressed; and headers on every answer."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from edge_site import DASHBOARD_KEY, OpenSite, open_site
from starlette.requests import Request
from test_access_matrix import EVERY, ask, finished_session

from outlast import Outlast
from outlast.settings import load_settings
from outlast.web.keys import unmask
from outlast.web.security_headers import FOR_EVERYTHING

HTML = {"Accept": "text/html"}
SECURE = "https://localhost"
PLAIN = {"Accept-Encoding": "identity"}


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[OpenSite]:
    async with open_site(tmp_path, max_active_per_owner=100, dashboard_key=DASHBOARD_KEY) as site:
        yield site


def addresses(html: str) -> set[str]:
    return set(re.findall(r'(?:href|src)="(/(?:static|assets)/[^"]+)"', html))


@pytest.mark.slow
async def test_files_of_pages_are_kept_for_ever_and_compressed(site: OpenSite):
    client = site.client()
    loaded = addresses((await client.get("/")).text)
    assert {Path(a).suffix for a in loaded} == {".css", ".js", ".svg"}
    for address in loaded:
        answer = await client.get(address)
        assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
        assert answer.headers["content-encoding"] == "gzip"
        plain = await client.get(address, headers=PLAIN)
        assert "content-encoding" not in plain.headers
        assert plain.content == answer.content
        assert answer.headers["vary"] == plain.headers["vary"] == "Accept-Encoding"


async def test_a_name_without_the_hash_is_revalidated_and_loads_no_module_twice(site: OpenSite):
    client = site.client()
    answer = await client.get("/static/outlast.css")
    assert answer.headers["cache-control"] == "no-cache"
    again = await client.get("/static/outlast.css", headers={"If-None-Match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    module = await client.get("/static/analysis-progress.js")
    (source,) = re.findall(r'^export \* from "\./(.+)";$', module.text, re.MULTILINE)
    real = await client.get(f"/static/{source}")
    assert "immutable" in real.headers["cache-control"]
    digest = source.split(".")[1]
    imported = re.findall(r'from ?"\./([^"]+)"', real.text)
    assert imported
    for name in imported:
        assert digest in name
        assert (await client.get(f"/static/{name}")).status_code == 200


async def test_a_page_of_another_version_gets_the_file_of_this_one_for_now(site: OpenSite):
    answer = await site.client().get("/static/outlast.000000000000.css")
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-cache"
    for unknown in ("none.000000000000.css", "000000000000.css", "none.css"):
        assert (await site.client().get(f"/static/{unknown}")).status_code == 404


@pytest.mark.parametrize(
    ("accepted", "compressed"),
    [
        ("gzip", True),
        ("br, GZIP;q=0.5", True),
        ("gzip;q=0", False),
        ("gzip; q=0.0", False),
        ("br", False),
        ("", False),
    ],
)
async def test_what_a_client_does_not_accept_is_not_sent(site: OpenSite, accepted: str, compressed: bool):
    for path in ("/", "/static/outlast.css"):
        answer = await site.client().get(path, headers={"Accept-Encoding": accepted})
        assert ("content-encoding" in answer.headers) == compressed


@pytest.mark.slow
async def test_a_changed_asset_gets_a_new_name(tmp_path: Path):
    assets = tmp_path / "assets"
    assets.mkdir()
    (assets / "shop.css").write_text("a { color: red }")
    (assets / "shop.js").write_text('import "./part.js";\n')
    (assets / "part.js").write_text("export default 1;\n")
    (assets / "photo.png").write_bytes(b"\x89PNG")
    outlast = Outlast(load_settings(data_dir=tmp_path / "data"), assets=assets)
    async with outlast.lifespan(), open_site(tmp_path / "site") as site:
        site.app = outlast.asgi()
        client = site.client()
        before = {a for a in addresses((await client.get("/")).text) if a.startswith("/assets/")}
        assert len(before) == 3
        assert "./part." in (await client.get(next(a for a in before if "shop" in a and a.endswith("js")))).text
        assert "default" in (await client.get("/assets/part.js")).text
        (assets / "shop.css").write_text("a { color: blue }")
        after = {a for a in addresses((await client.get("/")).text) if a.startswith("/assets/")}
        assert not before & after
        photo = await client.get("/assets/photo.png")
        assert (photo.status_code, photo.headers["cache-control"]) == (200, "no-cache")
        again = await client.get("/assets/photo.png", headers={"If-None-Match": photo.headers["etag"]})
        assert again.status_code == 304


@pytest.mark.slow
async def test_the_token_of_a_page_differs_each_time_and_a_share_link_is_not_compressed(site: OpenSite):
    visitor = await site.visitor()
    tokens = [re.findall(r'name="csrf-token" content="(.+?)"', (await visitor.get("/")).text)[0] for _ in range(5)]
    assert len(set(tokens)) == 5
    assert {unmask(token) for token in tokens} == {visitor.token}
    visitor.headers["X-CSRF-Token"] = tokens[0]
    session_id = await finished_session(site, visitor)
    page = await visitor.get(f"/analysis/{session_id}", headers=HTML)
    assert page.headers["content-encoding"] == "gzip"
    await site.outlast.share(session_id)
    assert "content-encoding" not in (await visitor.get(f"/analysis/{session_id}", headers=HTML)).headers


@pytest.mark.slow
async def test_every_answer_has_the_security_headers(tmp_path: Path):
    async with open_site(
        tmp_path, max_active_per_owner=100, dashboard_key=DASHBOARD_KEY, public_url="https://localhost"
    ) as site:
        owner = await (await site.client(SECURE).arrive()).log_in()
        session_id = await finished_session(site, owner)
        await owner.snapshot(session_id)
        for route, method in [*EVERY, *EVERY]:  # the second time, polls are answered from the cache
            nobody = site.client(SECURE)
            nobody.headers["X-CSRF-Token"] = "none"
            for asked in (owner, nobody):
                answer = await ask(asked, route, method, session_id)
                for name, _ in FOR_EVERYTHING:
                    assert len(answer.headers.get_list(name.decode())) == 1, f"{method} {route.name}: {name}"
                assert "unsafe-inline" not in answer.headers["content-security-policy"]
                assert answer.headers["strict-transport-security"] == "max-age=31536000"


@pytest.mark.slow
async def test_a_site_without_https_promises_none(site: OpenSite):
    assert "strict-transport-security" not in (await site.client().get("/")).headers


async def test_an_error_of_the_site_has_the_headers_too(tmp_path: Path):
    def broken(_: Request) -> str:
        raise KeyError

    async with open_site(tmp_path, owner=broken) as site:
        answer = await site.client().get("/")
        assert answer.status_code == 500
        assert answer.headers["x-frame-options"] == "DENY"


async def test_a_hook_may_use_the_nonce_of_its_page(tmp_path: Path):
    outlast = Outlast(load_settings(data_dir=tmp_path / "data", async_enabled=False))

    @outlast.analysis("styled", render=lambda _, view: f'<style nonce="{view.nonce}">b {{}}</style>')
    async def styled() -> str:
        return "a"

    async with outlast.lifespan(), open_site(tmp_path / "site") as site:
        site.app = outlast.asgi()
        visitor = await site.visitor()
        session_id = (await visitor.start("styled")).json()["session_id"]
        page = await visitor.get(f"/analysis/{session_id}", headers=HTML)
        (nonce,) = re.findall(r'<style nonce="(.+?)">', page.text)
        assert f"'nonce-{nonce}'" in page.headers["content-security-policy"]
        assert nonce not in (await visitor.get(f"/analysis/{session_id}", headers=HTML)).text


async def test_well_known_files(tmp_path: Path):
    settings = {"security_contact": "mailto:security@a.example", "public_url": "https://a.example/slow"}
    async with open_site(tmp_path, **settings) as site:
        client = site.client()
        said = (await client.get("/.well-known/security.txt")).text.splitlines()
        assert "Contact: mailto:security@a.example" in said
        assert "Canonical: https://a.example/slow/.well-known/security.txt" in said
        assert any(re.fullmatch(r"Expires: \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", line) for line in said)
        assert "Disallow: /slow/analysis/" in (await client.get("/robots.txt")).text
        icon = await client.get("/favicon.ico")
        assert icon.headers["content-type"].startswith("image/svg+xml")
