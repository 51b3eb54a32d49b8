"""A session's page: progress before, the result after, at one address; and what every page keeps to."""

import re
from collections.abc import AsyncIterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import httpx
import pytest
from edge_site import OpenSite, Visitor, open_site

from outlast import PageView
from outlast.domain.outcome import End
from outlast.testing.acts import completed, failed, postponed
from outlast.web.keys import unmask

HTML = {"Accept": "text/html"}
NASTY = "</script><script>alert(1)</script><img src=x onerror=alert(1)>\"'&"


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[OpenSite]:
    async with open_site(tmp_path) as site:
        yield site


@pytest.fixture
async def visitor(site: OpenSite) -> Visitor:
    return await site.visitor()


async def page_of(visitor: Visitor, session_id: str) -> httpx.Response:
    return await visitor.get(f"/analysis/{session_id}", headers=HTML)


class Inline(HTMLParser):
    """Finds what the policy of the pages forbids: code and styles within the page."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.elements: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.elements.append(tag)
        if tag == "style" or "style" in given or any(name.startswith("on") for name in given):
            self.found.append(f"{tag} {given}")
        if tag == "script" and "src" not in given and given.get("type") != "application/json":
            self.found.append("script")
        addresses = [given.get(a) or "" for a in ("src", "href", "action") if a in given]
        self.found += [a for a in addresses if a.startswith(("http:", "https:", "//", "javascript:", "data:"))]


async def every_page(site: OpenSite, visitor: Visitor) -> list[httpx.Response]:
    ids = [await visitor.started("echo", text=f"{n} {NASTY}") for n in range(5)]
    await site.take(ids[1])
    await site.end(ids[2], completed('{"text": "' + NASTY.replace('"', '\\"') + '"}'))
    await site.end(ids[3], failed(NASTY))
    await site.end(ids[4], postponed(60, NASTY))
    wrong = {"csrf_token": visitor.token, "analysis": "echo", "text": "", "size": NASTY}
    return [
        await visitor.get("/", headers=HTML),
        await visitor.post("/", data=wrong, headers=HTML),
        await visitor.get("/nowhere", headers=HTML),
        await visitor.post("/", data={**wrong, "analysis": NASTY}, headers=HTML),
        *[await page_of(visitor, i) for i in ids],
    ]


@pytest.mark.slow
async def test_no_page_carries_code_or_styles_or_what_others_wrote_as_markup(site: OpenSite, visitor: Visitor):
    for page in await every_page(site, visitor):
        reader = Inline()
        reader.feed(page.text)
        assert reader.found == []
        assert "main" in reader.elements
        assert "onerror=alert(1)>" not in page.text


@pytest.mark.slow
async def test_every_page_has_the_strict_headers(site: OpenSite, visitor: Visitor):
    for page in await every_page(site, visitor):
        policy = page.headers["content-security-policy"]
        assert "default-src 'self'" in policy
        assert "unsafe" not in policy
        for directive in ("object-src 'none'", "base-uri 'none'", "form-action 'self'", "frame-ancestors 'none'"):
            assert directive in policy
        assert page.headers["x-content-type-options"] == "nosniff"
        assert page.headers["referrer-policy"] == "same-origin"
        assert page.headers["cache-control"] == "no-store"


async def test_a_session_in_flight_shows_its_progress_and_refreshes_without_javascript(
    site: OpenSite, visitor: Visitor
):
    session_id = await visitor.started("echo", text="a")
    page = await page_of(visitor, session_id)
    assert page.status_code == 200
    assert f'<analysis-progress session="{session_id}"' in page.text
    assert '<noscript><meta http-equiv="refresh"' in page.text
    assert "Reading" in page.text
    assert f'action="/analysis/{session_id}/cancel"' in page.text
    (token,) = set(re.findall(r'name="csrf_token" value="(.+?)"', page.text))
    assert token != visitor.token == unmask(token)


@pytest.mark.parametrize(
    ("end", "shown"),
    [(completed('{"grade":"A"}'), '"grade": "A"'), (failed("The page is gone."), "The page is gone.")],
)
async def test_a_finished_session_shows_its_end_and_does_not_refresh(
    site: OpenSite, visitor: Visitor, end: End, shown: str
):
    session_id = await visitor.started("echo", text="a")
    assert shown not in (await page_of(visitor, session_id)).text
    await site.end(session_id, end)
    page = await page_of(visitor, session_id)
    assert page.status_code == 200
    assert shown in page.text
    assert "http-equiv" not in page.text


async def test_a_result_with_a_redirect_url_redirects_the_page(site: OpenSite, visitor: Visitor):
    async with site.working():
        final = await visitor.finished(await visitor.started("moving", to="/reports/1"))
    assert final["redirect_url"] == "/reports/1"
    page = await page_of(visitor, final["session_id"])
    assert page.status_code == 303
    assert page.headers["location"] == "/reports/1"


@pytest.mark.parametrize(
    "to",
    [
        "https://evil.example/",
        "//evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "javascript:alert(1)",
        "",
        "evil",
        "/\t/evil.example",
        "/\n/evil.example",
    ],
)
async def test_no_result_sends_the_page_to_another_site(site: OpenSite, visitor: Visitor, to: str):
    async with site.working():
        final = await visitor.finished(await visitor.started("moving", to=to))
    assert final["redirect_url"] is None
    assert (await page_of(visitor, final["session_id"])).status_code == 200


async def test_what_the_hook_renders_is_the_page(tmp_path: Path, site: OpenSite, visitor: Visitor):
    async def drawn(text: str) -> dict[str, str]:
        return {"text": text}

    def render(result: Any, view: PageView) -> str:
        return f"<p id='drawn'>{len(result['text'])} letters, part {view.query['part']} of {view.address}</p>"

    site.outlast.analysis("drawn", render=render)(drawn)
    session_id = await visitor.started("drawn", text="abc")
    await site.end(session_id, completed('{"text":"abc"}'))
    page = await visitor.get(f"/analysis/{session_id}?part=1&part=2", headers=HTML)
    assert f"<p id='drawn'>3 letters, part 2 of /analysis/{session_id}</p>" in page.text


async def test_a_long_result_is_linked_not_shown(site: OpenSite, visitor: Visitor):
    session_id = await visitor.started("echo", text="a")
    await site.end(session_id, completed('"' + "x" * 100_000 + '"'))
    page = await page_of(visitor, session_id)
    assert "x" * 30 not in page.text  # longer than an id, which may have some
    assert f'href="/api/analysis/result/{session_id}"' in page.text


async def test_cancel_and_retry_work_without_javascript(site: OpenSite, visitor: Visitor):
    session_id = await visitor.started("echo", text="a")
    form = {"csrf_token": visitor.token}
    for verb, status in (("cancel", "cancelled"), ("retry", "pending"), ("retry", "pending")):
        answer = await visitor.post(f"/analysis/{session_id}/{verb}", data=form, headers=HTML)
        assert answer.status_code == 303
        assert answer.headers["location"] == f"/analysis/{session_id}"
        assert (await visitor.snapshot(session_id))["status"] == status


async def test_a_retry_that_another_session_stands_in_the_way_of_is_a_page_that_says_so(visitor: Visitor):
    session_id = await visitor.started("echo", text="a")
    await visitor.delete(f"/api/analysis/cancel/{session_id}")
    await visitor.started("echo", text="a")
    answer = await visitor.post(f"/analysis/{session_id}/retry", data={"csrf_token": visitor.token}, headers=HTML)
    assert answer.status_code == 409
    assert "text/html" in answer.headers["content-type"]


@pytest.mark.slow
async def test_a_page_shows_the_same_figures_as_the_api(site: OpenSite, visitor: Visitor):
    session_id = await visitor.started("echo", text="a")
    await site.take(session_id)
    snapshot = await visitor.snapshot(session_id)
    page = await page_of(visitor, session_id)
    shown = re.search(r'<script type="application/json">(.*?)</script>', page.text, re.DOTALL)
    assert shown
    of_page = httpx.Response(200, text=shown[1]).json()
    assert {**of_page, "elapsed_ms": 0} == {**snapshot, "elapsed_ms": 0}
