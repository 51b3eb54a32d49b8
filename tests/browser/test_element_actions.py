"""Cancel and retry: with the token, once, in place, and without losing the focus."""

import pytest
from mock_site import Answer, MockSite
from mock_snapshots import SESSION, STATES, snapshot
from playwright.async_api import Page, expect

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.asyncio(loop_scope="session")]

CANCEL = f"/api/analysis/cancel/{SESSION}"
RETRY = f"/api/analysis/retry/{SESSION}"


async def open_as(site: MockSite, page: Page, state: str) -> None:
    site.snapshot = snapshot(**STATES[state])
    await page.goto(site.page)
    if not site.snapshot["completed_at"]:
        await site.until(lambda: site.streams == 1)


async def test_cancel_posts_once_with_the_token_and_says_that_it_is_on_its_way(site: MockSite, page: Page):
    await open_as(site, page, "running")
    button = page.get_by_role("button", name="Cancel the analysis")
    await button.evaluate("button => { button.click(); button.click(); }")
    asked = await site.until_asked(CANCEL)
    assert (asked.method, asked.headers["x-csrf-token"]) == ("POST", site.token)
    await expect(page.get_by_role("button", name="Cancelling…")).to_be_visible()
    await site.show(**STATES["cancelling"])
    await expect(page.get_by_role("heading", name="Cancelling")).to_be_visible()
    await expect(page.get_by_text("You can close this page")).to_be_hidden()
    await expect(page.get_by_text("Stopping the work.")).to_be_visible()
    await site.show(**STATES["cancelled"])
    await expect(page.get_by_role("heading", name="Cancelled")).to_be_visible()
    await expect(page.get_by_role("button", name="Try again")).to_be_visible()
    assert site.count(CANCEL) == 1


async def test_a_token_gone_stale_in_a_cached_page_is_fetched_once_and_used(site: MockSite, page: Page):
    await open_as(site, page, "running")
    site.token = "another"
    await page.get_by_role("button", name="Cancel the analysis").click()
    assert (await site.until_asked(CANCEL, 2)).headers["x-csrf-token"] == "fresh-token"
    assert site.count("/api/analysis/token") == 1
    assert await page.locator('meta[name="csrf-token"]').get_attribute("content") == "fresh-token"


async def test_a_cancel_that_is_refused_says_why_and_can_be_tried_again(site: MockSite, page: Page):
    await open_as(site, page, "running")
    site.refused = {CANCEL: Answer(503, {"error": "The site is just restarting."})}
    await page.get_by_role("button", name="Cancel the analysis").click()
    await expect(page.locator("[part=connection]")).to_have_text("The site is just restarting.")
    button = page.get_by_role("button", name="Cancel the analysis")
    await expect(button).not_to_have_attribute("aria-disabled", "true")
    await expect(button).to_be_focused()
    site.refused = {}
    await button.click()
    await site.until_asked(CANCEL, 2)


async def test_the_answer_to_a_cancel_is_shown_without_waiting_for_the_stream(site: MockSite, page: Page):
    site.silent = True
    await open_as(site, page, "running")
    site.snapshot = snapshot(version=11, **STATES["cancelled"])
    await page.get_by_role("button", name="Cancel the analysis").click()
    await expect(page.get_by_role("heading", name="Cancelled")).to_be_visible()
    await site.until(lambda: site.streams == 0)


async def test_the_focused_cancel_button_stays_the_same_through_all_snapshots(site: MockSite, page: Page):
    await open_as(site, page, "queued")
    button = page.get_by_role("button", name="Cancel the analysis")
    await button.focus()
    await page.evaluate("window.button = document.activeElement")
    for state in ("running", "retrying", "resumed", "stalled"):
        await site.show(**snapshot(**STATES[state]) | {"version": site.snapshot["version"] + 1})
        await page.wait_for_function(
            "version => document.querySelector('analysis-progress').snapshot.version === version",
            arg=site.snapshot["version"],
        )
        assert await page.evaluate("document.activeElement === window.button && button.isConnected")


async def test_when_the_focused_button_goes_away_the_focus_goes_to_what_happened(site: MockSite, page: Page):
    await open_as(site, page, "running")
    await page.get_by_role("button", name="Cancel the analysis").focus()
    await site.show(**STATES["failed"])
    await expect(page.get_by_role("heading", name="Failed")).to_be_focused()


async def test_retry_posts_with_the_token_and_the_same_page_goes_on(site: MockSite, page: Page):
    await open_as(site, page, "failed")
    await expect(page.get_by_text("The file has no column that looks like a rating.")).to_be_visible()
    assert site.count("events") == 0, "a page that is at its end asks for nothing"
    site.snapshot = snapshot(version=11, **STATES["queued"])
    await page.get_by_role("button", name="Try again").click()
    asked = await site.until_asked(RETRY)
    assert (asked.method, asked.headers["x-csrf-token"]) == ("POST", site.token)
    await expect(page.get_by_role("heading", name="Waiting in the queue")).to_be_focused()
    await expect(page.locator("[part=notice]")).to_have_text("Place 3 in the queue.")
    await site.until(lambda: site.streams == 1)
    await site.show(**snapshot() | {"version": 12, "progress_percentage": 64.0})
    await expect(page.locator("[part=percent]")).to_have_text("64%")


async def test_a_retry_in_another_tab_is_seen_when_this_one_is_looked_at(site: MockSite, page: Page):
    await open_as(site, page, "failed")
    site.snapshot = snapshot(version=11)
    await page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    await expect(page.get_by_role("heading", name="Working")).to_be_visible()
    await expect(page.get_by_role("button", name="Try again")).to_be_hidden()


async def test_without_the_site_a_cancel_says_so_and_keeps_the_button(site: MockSite, page: Page):
    await open_as(site, page, "running")
    await page.route(f"**{CANCEL}", lambda route: route.abort())
    await page.get_by_role("button", name="Cancel the analysis").click()
    await expect(page.locator("[part=connection]")).to_contain_text("could not be reached")
    await expect(page.get_by_role("button", name="Cancel the analysis")).to_be_enabled()
