"""Several tabs, sleep and the back button: every tab shows the truth, by as few connections as possible."""

import re

import pytest
from mock_site import MockSite
from mock_snapshots import COMPLETED, snapshot
from playwright.async_api import BrowserContext, Page, expect

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.asyncio(loop_scope="session")]


async def test_eight_tabs_share_one_stream_and_another_takes_it_over(
    site: MockSite, page: Page, context: BrowserContext
):
    pages = [page, *[await context.new_page() for _ in range(7)]]
    for number, tab in enumerate(pages):
        await tab.goto(f"{site.url}/host")
        await expect(tab.locator("[part=percent]"), f"tab {number + 1}").to_have_text("31%")
    await site.until(lambda: site.streams == 1)
    await site.show(progress_percentage=50.0)
    for tab in pages:
        await expect(tab.locator("[part=percent]")).to_have_text("50%")
    await page.close()
    await site.until(lambda: site.streams == 1 and site.count("events") > 1)
    await site.show(progress_percentage=70.0)
    for tab in pages[1:]:
        await expect(tab.locator("[part=percent]")).to_have_text("70%")
    await site.show(**COMPLETED)
    for tab in pages[1:]:
        await expect(tab.get_by_role("heading", name="Done")).to_be_visible()
    await site.until(lambda: site.streams == 0)


async def test_a_tab_that_holds_the_connection_and_is_frozen_is_replaced(
    site: MockSite, page: Page, context: BrowserContext
):
    await page.goto(f"{site.url}/host")
    await site.until(lambda: site.streams == 1)
    debugger = await context.new_cdp_session(page)
    await debugger.send("Debugger.enable")
    await debugger.send("Debugger.pause")
    other = await context.new_page()
    await other.goto(f"{site.url}/host")
    await site.until(lambda: site.streams == 2)
    await site.show(progress_percentage=50.0)
    await expect(other.locator("[part=percent]")).to_have_text("50%")
    await debugger.detach()
    await site.until(lambda: site.streams == 1)
    await expect(page.locator("[part=percent]")).to_have_text("50%")


async def test_four_sessions_stream_and_further_ones_poll_until_one_ends(site: MockSite, page: Page):
    await page.goto(f"{site.url}/problem")
    streaming = await page.evaluate("""async () => {
        const { Tabs } = await import("/static/tabs.js");
        const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
        const tabs = [];
        for (let n = 0; n < 6; n++) {
            const listener = { snapshot() {}, latest: () => null, yield() {}, freed() {} };
            const tab = new Tabs(`session ${n}`, listener);
            tab.open();
            await tab.isHeld(-1);
            tabs.push(tab);
            tab.streams = tab.hold(true);
            await pause(5);
        }
        const before = tabs.map((tab) => tab.streams);
        tabs[0].close();
        await pause(50);
        return [before, tabs[4].hold(true)];
    }""")
    assert streaming == [[True, True, True, True, False, False], True]


async def test_after_a_sleep_the_current_state_is_fetched_at_once(site: MockSite, page: Page):
    await page.clock.install()
    await page.goto(site.page)
    await site.until(lambda: site.streams == 1)
    site.silent = True  # what was sent during the sleep is lost
    await site.show(**COMPLETED)
    site.silent = False
    await page.clock.fast_forward("01:00:00")
    await expect(page.locator("#report")).to_be_visible()
    await expect(page.locator("analysis-progress")).to_have_count(0)


async def test_a_page_from_the_back_forward_cache_goes_on(site: MockSite, page: Page):
    await page.goto(f"{site.url}/host")
    await site.until(lambda: site.streams == 1)
    await page.evaluate("window.dispatchEvent(new PageTransitionEvent('pagehide', { persisted: true }))")
    await site.until(lambda: site.streams == 0)
    site.snapshot = snapshot(version=20, **COMPLETED)
    await page.evaluate("window.dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }))")
    await expect(page.get_by_role("heading", name="Done")).to_be_visible()


async def test_the_tab_tells_of_the_end_while_nobody_looks(site: MockSite, page: Page):
    await page.goto(site.page)
    await site.until(lambda: site.streams == 1)
    await page.evaluate("""() => {
        window.told = [];
        window.Notification = class {
            static permission = "granted";
            static requestPermission = async () => "granted";
            constructor(title, options) { told.push([title, options.body]); }
        };
        document.querySelector("analysis-progress").setAttribute("notify", "please");
    }""")
    await page.get_by_role("button", name="Tell me when it is done").click()
    await expect(page.get_by_role("button", name="We will tell you")).to_have_attribute("aria-pressed", "true")
    await page.evaluate("Object.defineProperty(document, 'hidden', { value: true, configurable: true })")
    await site.show(**COMPLETED)
    await expect(page.locator("#report")).to_be_visible()
    assert await page.evaluate("told") == [["Analysis of reviews.csv · Outlast Reviews", "The analysis is done."]]
    assert "/static/icon-done." in await page.locator("link[rel=icon]").get_attribute("href")
    await page.evaluate("""() => {
        Object.defineProperty(document, "hidden", { value: false, configurable: true });
        document.dispatchEvent(new Event("visibilitychange"));
    }""")
    await expect(page.locator("link[rel=icon]")).to_have_attribute("href", re.compile(r"^/static/icon\..*svg$"))
