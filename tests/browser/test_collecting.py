"""Reviews are collected in the visitor's own browser on a strict shop's pages, and handed over to the site."""

import io
import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

import pytest
import pytest_asyncio
from invented_shop import ASIN, TITLE, Shop, serving_shop
from playwright.async_api import Browser, BrowserContext, Locator, Page, async_playwright, expect
from test_whole import Served, no_serious_fault, serve

from conftest import QUIET, find_browser
from outlast_reviews.review import Review, ReviewSet
from outlast_reviews.sources.formats.read import read_reviews

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.asyncio(loop_scope="session")]

AMAZON = f"https://www.amazon.com/dp/{ASIN}"
REVIEWS = f"https://www.amazon.com/product-reviews/{ASIN}"


@pytest.fixture(scope="module")
def whole_shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Shop, int]]:
    with serving_shop(tmp_path_factory.mktemp("shop")) as shop:
        yield shop


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def shopping(whole_shop: tuple[Shop, int]) -> AsyncIterator[Browser]:
    """A browser in which the shop has every name but this machine's."""
    rules = f"MAP *:443 127.0.0.1:{whole_shop[1]}"
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=find_browser(), args=[*QUIET, f"--host-resolver-rules={rules}"]
        )
        yield browser
        await browser.close()


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def site(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Served]:
    served = await serve(tmp_path_factory.mktemp("collecting"), ANALYSIS_STARTS_PER_MINUTE="1000")
    yield served
    await served.stop()


@pytest.fixture
def shop(whole_shop: tuple[Shop, int]) -> Shop:
    fresh = Shop()
    whole_shop[0].__dict__.update(fresh.__dict__)
    return whole_shop[0]


@pytest_asyncio.fixture(loop_scope="session")
async def visitor(shopping: Browser) -> AsyncIterator[BrowserContext]:
    context = await shopping.new_context(ignore_https_errors=True)
    context.set_default_timeout(15_000)
    yield context
    await context.close()


async def bookmarklet(page: Page) -> str:
    """What a visitor drags to the bookmarks bar."""
    return await page.get_by_role("link", name="Collect reviews", exact=True).get_attribute("href") or ""


async def click_bookmark(page: Page, address: str) -> Locator:
    """Run a bookmark as the browser does: its code may run, but loads nothing that the page's policy forbids."""
    session = await page.context.new_cdp_session(page)
    done = await session.send(
        "Runtime.evaluate",
        {"expression": unquote(address.removeprefix("javascript:")), "allowUnsafeEvalBlockedByCSP": False},
    )
    assert "exceptionDetails" not in done, done
    await session.detach()
    return page.locator("outlast-collector")


async def complaints_of(page: Page) -> list[str]:
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text) if "Content Security" in message.text else None)
    page.on("pageerror", lambda error: said.append(str(error)))
    return said


async def start_collecting(visitor: BrowserContext, site: Served, address: str = REVIEWS) -> tuple[Page, Locator]:
    """A shop's page with the collector on it."""
    page = await visitor.new_page()
    await page.goto(f"{site.address}/pages/collect")
    bookmark = await bookmarklet(page)
    await page.goto(address)
    return page, await click_bookmark(page, bookmark)


async def hand_over(panel: Locator) -> Page:
    """The site's page that has taken the reviews."""
    async with panel.page.context.expect_page() as opened:
        await panel.get_by_role("button", name="Hand over").click()
    taken = await opened.value
    await expect(taken.get_by_role("heading", name="Reviews from your other tab")).to_be_visible()
    return taken


def read(content: str | bytes) -> ReviewSet:
    data = content.encode() if isinstance(content, str) else content
    return read_reviews(io.BytesIO(data), len(data))


def without_row(review: Review) -> Review:
    """The review, whatever the white space between its words."""
    return replace(review, text=" ".join(review.text.split()), title=" ".join(review.title.split()))


async def report_at(page: Page) -> dict[str, Any]:
    answer = await page.request.get(f"{page.url.partition('?')[0].partition('#')[0]}/export/report.json")
    return (await answer.json())["report"]


async def test_from_an_address_of_amazon_to_a_grade_in_five_clicks(
    visitor: BrowserContext, site: Served, shop: Shop
) -> None:
    clicks = 0
    page = await visitor.new_page()
    refused = await complaints_of(page)
    await page.goto(site.address)
    await page.get_by_label("Paste a link").fill(AMAZON)  # checked before anything is sent
    await expect(page.locator("main").get_by_text("Amazon shows its reviews to people")).to_have_count(1)
    await no_serious_fault(page)
    bookmark = await bookmarklet(page)
    clicks += 1  # drags it to the bookmarks bar
    async with visitor.expect_page() as opened:
        await page.get_by_role("link", name="Open the reviews at amazon.com").first.click()
        clicks += 1
    reviews = await opened.value
    await reviews.wait_for_url(REVIEWS)
    blocked = await complaints_of(reviews)
    panel = await click_bookmark(reviews, bookmark)
    clicks += 1
    await expect(panel.get_by_text("10 of 412 collected: open the next page.")).to_be_visible()
    turned = reviews
    for number in range(2, 6):
        within = turned if number == 2 else reviews.frame_locator("#outlast-page")
        await within.get_by_role("link", name="Next page").click()
        await expect(panel.get_by_text(f"{number}0 of 412 collected")).to_be_visible()
    assert len([one for one in shop.requested if "product-reviews" in one]) == 5
    taken = await hand_over(panel)
    clicks += 1
    await expect(taken.get_by_text(f"50 reviews of “{TITLE}”, handed over by www.amazon.com")).to_be_visible()
    await no_serious_fault(taken)
    await expect(panel.get_by_text("Handed over.")).to_be_visible()
    await taken.get_by_role("button", name="Check these 50 reviews").click()
    clicks += 1
    await expect(taken.locator(".r-grade")).to_have_text("Grade A", timeout=30_000)
    assert clicks == 5  # besides four pages turned
    assert refused == blocked == []
    report = await report_at(taken)
    assert report["product_title"] == TITLE
    assert report["coverage"]["with_date"] == report["unique_reviews"] == 50
    assert report["incentivised_count"] == 5


async def test_a_report_without_a_grade_gets_one_by_more_pages(
    visitor: BrowserContext, site: Served, shop: Shop
) -> None:
    page, panel = await start_collecting(visitor, site)
    taken = await hand_over(panel)
    await taken.get_by_role("button", name="Check these 10 reviews").click()
    await expect(taken.locator(".r-grade")).to_have_text("Grade U", timeout=30_000)
    first = taken.url
    await taken.get_by_role("link", name="Collect more in your browser").first.click()
    await expect(taken.get_by_text(f"can be added to {TITLE}")).to_be_visible()
    await page.get_by_role("link", name="Next page").click()
    await page.frame_locator("#outlast-page").get_by_role("link", name="Next page").click()
    await expect(panel.get_by_text("30 of 412 collected")).to_be_visible()
    more = await hand_over(panel)
    await more.get_by_role("button", name=f"Add to your report on “{TITLE}”").click()
    await expect(more.locator(".r-grade")).to_have_text("Grade A", timeout=30_000)
    assert more.url != first
    await more.get_by_role("link", name="an earlier report").click()
    assert more.url == first
    files = [
        {"name": f"{n}.html", "mimeType": "text/html", "buffer": shop.page(f"/?pageNumber={n}").encode()}
        for n in (2, 3)
    ]
    await more.get_by_label("Files to add").set_input_files(files)
    await more.locator("#add-files ~ form").get_by_role("button", name="Add pages to this report").click()
    await expect(more.locator(".r-grade")).to_have_text("Grade A", timeout=30_000)
    report = await report_at(more)
    assert report["unique_reviews"] == 30


@pytest.mark.parametrize(("path", "count", "of"), [("judgeme", 7, 412), ("json-ld", 6, 6), ("microdata", 5, None)])
async def test_reviews_of_other_shops_are_recognised(
    visitor: BrowserContext, site: Served, shop: Shop, path: str, count: int, of: int | None
) -> None:
    _, panel = await start_collecting(visitor, site, f"https://shop.example/{path}")
    counted = f"{count} of {of} collected" if of else f"{count} collected"
    said = f"All {count} collected." if of == count else counted
    await expect(panel.get_by_text(said)).to_be_visible()
    taken = await hand_over(panel)
    await taken.get_by_role("button", name=f"Check these {count} reviews").click()
    await expect(taken.locator(".r-grade")).to_have_text("Grade U", timeout=30_000)
    report = await report_at(taken)
    assert report["product_title"] == "Lumo"
    assert report["unique_reviews"] == report["coverage"]["with_date"] == count
    assert report["original_rating"] == pytest.approx(sum(n % 5 + 1 for n in range(count)) / count, abs=0.01)


REAL = Path(__file__).parents[2].parent / "shared" / "data" / "saved_pages"


@pytest.mark.parametrize("name", ["1.html", "3.html", "7.html", "invented"])
async def test_a_collected_page_says_the_same_as_the_saved_one(
    visitor: BrowserContext, site: Served, shop: Shop, tmp_path: Path, name: str
) -> None:
    if name != "invented":
        if not REAL.is_dir():
            pytest.skip("the real pages are not shipped")
        shop.saved[2] = REAL / name
    page, panel = await start_collecting(visitor, site, f"{REVIEWS}?pageNumber=2")
    async with page.expect_download() as saved:
        await panel.get_by_role("button", name="Save as a file").click()
    await (await saved.value).save_as(tmp_path / "collected.json")
    collected = read((tmp_path / "collected.json").read_bytes())
    expected = read(shop.page("/?pageNumber=2"))
    assert [without_row(one) for one in collected.reviews] == [without_row(one) for one in expected.reviews]
    assert (collected.product_title, collected.product_rating) == (expected.product_title, expected.product_rating)
    assert len(expected.reviews) >= 7
    assert not collected.skipped


async def test_a_page_that_is_not_framed_is_opened_and_what_was_collected_is_kept(
    visitor: BrowserContext, site: Served, shop: Shop
) -> None:
    shop.headers["X-Frame-Options"] = "DENY"
    page, panel = await start_collecting(visitor, site)
    await page.get_by_role("link", name="Next page").click()
    await page.wait_for_url("**pageNumber=2")
    await expect(panel).to_have_count(0)
    await page.evaluate("1")
    other = await visitor.new_page()
    await other.goto(f"{site.address}/pages/collect")
    panel = await click_bookmark(page, await bookmarklet(other))
    await expect(panel.get_by_text("20 of 412 collected")).to_be_visible()


async def test_reviews_that_a_page_loads_in_place_are_collected_too(
    visitor: BrowserContext, site: Served, shop: Shop
) -> None:
    page, panel = await start_collecting(visitor, site)
    session = await visitor.new_cdp_session(page)
    more = "card => { const more = card.cloneNode(true); more.id = 'R12345678Y'; card.after(more); }"
    shops_own = "event => { event.preventDefault(); add(document.querySelector('li')); }"
    script = f"var add = {more}; document.querySelector('.a-last a').addEventListener('click', {shops_own})"
    await session.send("Runtime.evaluate", {"expression": script})
    await page.get_by_role("link", name="Next page").click()
    await expect(panel.get_by_text("11 of 412 collected")).to_be_visible()
    await expect(page.locator("#outlast-page")).to_have_count(0)


FILL = """() => {
  let text = "x".repeat(2 ** 22);
  for (let number = 0; text.length; number += 1) {
    try {
      sessionStorage.setItem(`filled-${number}`, text);
    } catch {
      text = text.slice(0, text.length / 2);
    }
  }
}"""
EMPTY = """() => {
  for (const key of Object.keys(sessionStorage)) if (key.startsWith("filled-")) sessionStorage.removeItem(key);
}"""


async def test_a_full_storage_is_said_before_reviews_are_lost_and_the_next_product_starts_anew(
    visitor: BrowserContext, site: Served, shop: Shop
) -> None:
    page = await visitor.new_page()
    await page.goto(f"{site.address}/pages/collect")
    bookmark = await bookmarklet(page)
    await page.goto(REVIEWS)
    await page.evaluate(FILL)
    panel = await click_bookmark(page, bookmark)
    await expect(panel.get_by_text("10 of 412 collected. There is no room for more: hand")).to_be_visible()
    await page.evaluate(EMPTY)
    await page.evaluate("history.pushState(null, '', '/product-reviews/B0OTHER123')")
    await expect(panel.get_by_text("10 of 412 collected: open the next page.")).to_be_visible()
    kept = await page.evaluate("Object.keys(sessionStorage).filter((key) => key.startsWith('outlast-collected'))")
    assert kept == ["outlast-collected:B0OTHER123"]


async def test_a_denied_storage_is_told_apart_from_a_full_one(
    visitor: BrowserContext, site: Served, shop: Shop
) -> None:
    shop.headers["Content-Security-Policy"] = "sandbox allow-scripts allow-popups"  # its origin has no storage
    page, panel = await start_collecting(visitor, site)
    assert (
        await page.evaluate("() => { try { sessionStorage } catch (error) { return error.name } }")
        == "SecurityError"
    )
    await expect(
        panel.get_by_text("10 of 412 collected. Your browser stores nothing for this shop")
    ).to_be_visible()
    await expect(panel.get_by_text("no room")).to_be_hidden()


async def test_a_shop_that_isolates_its_tabs_leaves_the_file(
    visitor: BrowserContext, site: Served, shop: Shop, tmp_path: Path
) -> None:
    shop.headers["Cross-Origin-Opener-Policy"] = "same-origin"
    page, panel = await start_collecting(visitor, site)
    async with page.expect_download() as saved:
        await panel.get_by_role("button", name="Save as a file").click()
    file = tmp_path / (await saved.value).suggested_filename
    await (await saved.value).save_as(file)
    await page.goto(site.address)
    await page.locator("input[type=file]").set_input_files(file)
    await page.get_by_role("button", name="Analyse", exact=True).click()
    await expect(page.locator(".r-grade")).to_have_text("Grade U", timeout=30_000)


async def test_a_page_without_reviews_is_told_apart(visitor: BrowserContext, site: Served, shop: Shop) -> None:
    _, panel = await start_collecting(visitor, site, "https://shop.example/none")
    await expect(panel.get_by_text("There are no reviews on this page.")).to_be_visible()
    await expect(panel.get_by_role("button", name="Hand over")).to_be_hidden()


HOSTILE = [
    {"outlastReviews": "{"},
    {"outlastReviews": "[]"},
    {"outlastReviews": '{"reviews": []}'},
    {"outlastReviews": '{"reviews": [1, null]}'},
    {"outlastReviews": json.dumps({"reviews": [{}] * 5001})},
    {"outlastReviews": 7},
    {"outlastReviews": None},
    None,
    "outlast-taken",
]


@pytest.mark.parametrize("message", HOSTILE, ids=lambda message: json.dumps(message)[:40])
async def test_nothing_happens_with_what_a_hostile_page_sends(
    visitor: BrowserContext, site: Served, shop: Shop, message: object
) -> None:
    page = await visitor.new_page()
    await page.goto("https://shop.example/none")
    session = await visitor.new_cdp_session(page)
    sent = f"""addEventListener("message", ({{ source }}) => source.postMessage({json.dumps(message)}, "*"));
      open({json.dumps(site.address + "/pages/collect")})"""
    async with visitor.expect_page() as opened:
        await session.send("Runtime.evaluate", {"expression": sent, "userGesture": True})
    taken = await opened.value
    await taken.wait_for_load_state()
    await expect(taken.get_by_role("link", name="Collect reviews", exact=True)).to_be_visible()
    await expect(taken.locator("[data-part=forms]")).to_be_hidden()


async def test_what_is_handed_over_is_shown_as_text_and_cannot_change_before_the_confirmation(
    visitor: BrowserContext, site: Served, shop: Shop
) -> None:
    page = await visitor.new_page()
    await page.goto("https://shop.example/none")
    session = await visitor.new_cdp_session(page)
    nasty = "<img src=x onerror=alert(1)>"
    reviews = [{"rating": "5", "content": f"{nasty} {n}"} for n in range(3)]
    first = json.dumps({"product_info": {"title": nasty}, "reviews": reviews})
    second = json.dumps({"reviews": reviews[:1]})
    sent = f"""addEventListener("message", ({{ data, source }}) => data === "outlast-ready" && [
        source.postMessage({{ outlastReviews: {json.dumps(first)} }}, "*"),
        source.postMessage({{ outlastReviews: {json.dumps(second)} }}, "*"),
      ]); open({json.dumps(site.address + "/pages/collect")})"""
    async with visitor.expect_page() as opened:
        await session.send("Runtime.evaluate", {"expression": sent, "userGesture": True})
    taken = await opened.value
    complaints = await complaints_of(taken)
    await expect(taken.get_by_text(f"3 reviews of “{nasty}”, handed over by shop.example")).to_be_visible()
    assert await taken.locator("main img").count() == 0
    assert not complaints


async def test_the_reviews_go_to_no_other_origin_than_that_of_the_site(
    visitor: BrowserContext, site: Served, shop: Shop
) -> None:
    page = await visitor.new_page()
    await page.goto(f"{site.address}/pages/collect")
    code = unquote(await bookmarklet(page)).replace(f"{site.address}/pages/collect", "https://site.example/none")
    await page.goto(REVIEWS)
    told = """addEventListener("message", ({ source }) => source.postMessage("told", "*"))"""
    panel = await click_bookmark(page, quote(code))
    session = await visitor.new_cdp_session(page)
    await session.send("Runtime.evaluate", {"expression": told})  # after the collector's own answer
    async with visitor.expect_page() as opened:
        await panel.get_by_role("button", name="Hand over").click()
    tab = await opened.value
    asked = """new Promise((resolve) => {
      const got = [];
      addEventListener("message", ({ data }) => data === "told" ? resolve(got.length) : got.push(data));
      opener.postMessage("outlast-ready", "*");
    })"""

    async def got() -> int:
        await tab.wait_for_load_state()
        inside = await visitor.new_cdp_session(tab)
        answer = await inside.send("Runtime.evaluate", {"expression": asked, "awaitPromise": True})
        return answer["result"]["value"]

    assert await got() == 1
    moving = await visitor.new_cdp_session(tab)
    await moving.send("Runtime.evaluate", {"expression": "location.assign('https://evil.example/none')"})
    await tab.wait_for_url("https://evil.example/none")
    assert await got() == 0
