"""Pages of a site's own, and what other sites show of a shared result."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from edge_site import HOST, OpenSite, open_site

from outlast import LinkPreview, Outlast, PageView
from outlast.testing.acts import completed

HTML = {"Accept": "text/html"}


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[OpenSite]:
    async with open_site(tmp_path) as site:
        yield site


async def link_to_result(site: OpenSite) -> str:
    owner = await site.visitor()
    session_id = await owner.started("echo", text="the input")
    await site.end(session_id, completed('{"text":"the judgement"}'))
    return (await owner.post(f"/api/analysis/share/{session_id}")).json()["url"]


async def test_a_page_is_made_when_it_is_opened_and_every_page_links_to_it(site: OpenSite):
    opened: list[PageView] = []

    @site.outlast.page("about", title="About <us>")
    def about(view: PageView) -> str:
        opened.append(view)
        return "<p>We <b>count</b></p>"

    site.outlast.page("hidden", title="Hidden", linked=False)(about)
    page = await site.client().get("/pages/about", headers=HTML)
    assert page.status_code == 200
    assert "<h1>About &lt;us&gt;</h1>" in page.text
    assert "<p>We <b>count</b></p>" in page.text
    assert [view.address for view in opened] == ["/pages/about"]
    home = (await site.client().get("/", headers=HTML)).text
    assert '<a href="/pages/about">About &lt;us&gt;</a>' in home
    assert "/pages/hidden" not in home
    assert (await site.client().get("/pages/hidden", headers=HTML)).status_code == 200
    assert (await site.client().get("/pages/other", headers=HTML)).status_code == 404
    assert (await site.client().post("/pages/about", headers=HTML)).status_code == 405


@pytest.mark.parametrize("name", ["", "About", "a/b", "../a", "a" * 101])
def test_a_name_that_is_no_part_of_an_address_is_refused(name: str):
    with pytest.raises(ValueError, match="cannot name a page"):
        Outlast().page(name, title="About")(nothing)


def test_a_page_needs_a_title_and_a_name_of_its_own():
    outlast = Outlast()
    with pytest.raises(TypeError, match="title"):
        outlast.page("about", title=" ")(nothing)
    outlast.page("about", title="About")(nothing)
    with pytest.raises(ValueError, match="There is a page 'about' already"):
        outlast.page("about", title="About")(nothing)


def nothing(_view: PageView) -> str:
    return "<p></p>"


async def test_a_shared_result_has_a_preview_and_its_picture_comes_on_demand(site: OpenSite):
    drawn: list[str] = []

    def preview(result: dict[str, str]) -> LinkPreview:
        return LinkPreview(f'"{result["text"]}"', "What <we> say", lambda: drawn.append("once") or b"a picture")

    change(site, preview)
    link = await link_to_result(site)
    page = (await site.client().get(link, headers=HTML)).text
    shown = dict(re.findall(r'<meta (?:property|name)="([a-z:_]+)" content="([^"]*)">', page))
    assert shown["og:title"] == "&#34;the judgement&#34;"
    assert shown["og:description"] == shown["description"] == "What &lt;we&gt; say"
    assert shown["og:image"] == f"{link}/picture.png"
    assert shown["og:url"].startswith(f"{HOST}/shared/")
    assert drawn == []
    picture = await site.client().get(shown["og:image"])
    assert (picture.content, picture.headers["content-type"]) == (b"a picture", "image/png")
    assert picture.headers["cross-origin-resource-policy"] == "cross-origin"
    assert drawn == ["once"]


async def test_without_a_preview_or_after_an_error_in_it_the_result_is_shared_all_the_same(site: OpenSite):
    def broken(result: dict[str, str]) -> LinkPreview:
        raise KeyError("a result of another version")

    link = await link_to_result(site)
    for preview in (None, broken):
        change(site, preview)
        page = await site.client().get(link, headers=HTML)
        assert page.status_code == 200
        assert "og:" not in page.text
        assert (await site.client().get(f"{link}/picture.png")).status_code == 404


def change(site: OpenSite, preview: object) -> None:
    import dataclasses

    catalogue = site.engine.catalogue
    changed = dataclasses.replace(catalogue["echo"], preview=preview)
    catalogue.by_name["echo"] = changed  # type: ignore[index] - as if the program had been deployed with it
