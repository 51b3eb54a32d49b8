"""The end of a session: the result in place, elsewhere on the site, or what went wrong."""

import re

import pytest
from markupsafe import Markup
from mock_site import Answer, MockSite, event
from mock_snapshots import COMPLETED, SESSION, STATES, snapshot
from playwright.async_api import Browser, Page, expect

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.asyncio(loop_scope="session")]


async def open_at(site: MockSite, page: Page) -> None:
    await page.goto(site.page)
    await site.until(lambda: site.streams == 1)


async def test_the_result_takes_the_place_of_the_progress_without_a_new_page(site: MockSite, page: Page):
    await open_at(site, page)
    await page.evaluate("window.same = true")
    await site.show(**COMPLETED)
    await expect(page.get_by_role("heading", level=1, name="Report on reviews.csv")).to_be_focused()
    await expect(page.locator("#report")).to_have_text("Nothing unusual was found.")
    await expect(page.locator("analysis-progress")).to_have_count(0)
    await expect(page).to_have_title("Report on reviews.csv · Outlast Reviews")
    await expect(page.get_by_role("status")).to_have_text("The analysis is done.")
    assert await page.evaluate("window.same")
    assert page.url == site.page
    await site.until(lambda: site.streams == 0)


async def test_a_style_sheet_of_the_result_alone_is_there_before_the_result(site: MockSite, page: Page):
    await open_at(site, page)
    site.pages.stylesheets = ["/static/outlast.css?report"]
    await site.show(**COMPLETED)
    await expect(page.locator("#report")).to_be_visible()
    assert await page.evaluate("!!document.querySelector('link[href$=\"?report\"]').sheet")


async def test_a_result_page_that_cannot_be_fetched_is_loaded_by_the_browser(site: MockSite, page: Page):
    await open_at(site, page)
    tries = []

    async def fail_once(route):
        tries.append(route.request.resource_type)
        await (route.abort() if len(tries) == 1 else route.continue_())

    await page.route(f"**/analysis/{SESSION}", fail_once)
    await site.show(**COMPLETED)
    await expect(page.locator("#report")).to_be_visible()
    assert tries == ["fetch", "document"]


async def test_a_redirect_within_the_site_is_followed(site: MockSite, page: Page):
    await open_at(site, page)
    await site.show(**COMPLETED | {"redirect_url": "/elsewhere"})
    await expect(page.get_by_role("heading", name="Elsewhere")).to_be_visible()


@pytest.mark.parametrize("address", ["https://evil.example/", "//evil.example/x", "javascript:alert(1)"])
async def test_a_redirect_to_anywhere_else_is_not(site: MockSite, page: Page, address: str):
    await open_at(site, page)
    await site.show(**COMPLETED | {"redirect_url": address})
    await expect(page.locator("#report")).to_be_visible()
    assert page.url == site.page


async def test_a_failure_is_told_in_place_with_its_reference_and_a_way_on(site: MockSite, page: Page):
    await open_at(site, page)
    await site.show(**STATES["failed"])
    await expect(page.get_by_text("The file has no column that looks like a rating.", exact=True)).to_be_visible()
    await expect(page.get_by_text("Reference r-7f3a9c")).to_be_visible()
    await expect(page.get_by_role("button", name="Try again")).to_be_visible()
    await expect(page.get_by_role("button", name="Cancel the analysis")).to_be_hidden()
    await expect(page).to_have_title(re.compile("^Failed · "))


async def test_a_session_that_ended_while_the_page_loaded_is_shown_at_once(site: MockSite, page: Page):
    site.refused = {
        "events": Answer(200, event("done", snapshot(version=11, **COMPLETED)), content_type="text/event-stream")
    }
    served = []

    async def in_flight_first(route):
        if not served:
            served.append(1)
            await route.fulfill(body=site.pages.analysis(snapshot()), content_type="text/html")
        else:
            await route.continue_()

    await page.route(f"**/analysis/{SESSION}", in_flight_first)
    site.snapshot = snapshot(version=11, **COMPLETED)
    await page.goto(site.page)
    await expect(page.locator("#report")).to_be_visible()


async def open_host(site: MockSite, page: Page, attributes: str = "", inside: str = "") -> None:
    site.host = {"attributes": attributes, "inside": inside}
    await page.goto(f"{site.url}/host")
    await site.until(lambda: site.streams == 1)


async def test_an_element_on_a_page_of_a_host_stays_there_and_offers_the_result(site: MockSite, page: Page):
    await open_host(site, page)
    await expect(page.get_by_role("heading", name="Working")).to_be_visible()
    await expect(page.get_by_text("You can leave this page; your analysis goes on.")).to_be_visible()
    await expect(page).to_have_title("Host")
    await site.show(**COMPLETED)
    await expect(page.get_by_role("heading", name="Done")).to_be_visible()
    await expect(page.get_by_role("link", name="Show the result")).to_have_attribute("href", site.page)
    assert page.url == f"{site.url}/host"


async def test_an_element_that_is_told_to_go_goes_to_the_result(site: MockSite, page: Page):
    await open_host(site, page, 'at-end="go"')
    await site.show(**COMPLETED)
    await page.wait_for_url(site.page)
    await expect(page.locator("#report")).to_be_visible()


async def test_a_page_may_take_the_end_itself(site: MockSite, page: Page):
    await open_host(site, page, 'at-end="event"')
    await page.evaluate("""document.addEventListener("analysis:done", (event) => {
        document.querySelector("h1").textContent = event.detail.result.report.grade;
    })""")
    await site.show(**COMPLETED)
    await expect(page.get_by_role("heading", level=1)).to_have_text("B")
    await expect(page.get_by_role("link", name="Show the result")).to_be_hidden()
    assert page.url == f"{site.url}/host"


async def test_an_element_that_goes_stays_if_the_page_prevents_it(site: MockSite, page: Page):
    await open_host(site, page, 'at-end="go"')
    await page.evaluate("document.addEventListener('analysis:done', (event) => event.preventDefault())")
    await site.show(**COMPLETED)
    await expect(page.get_by_role("heading", name="Done")).to_be_visible()
    assert page.url == f"{site.url}/host"


async def test_each_end_has_its_event_and_its_slot(site: MockSite, page: Page):
    slots = '<p slot="error">Write to us.</p><p slot="result">Your table is ready.</p>'
    await open_host(site, page, inside=slots)
    await page.evaluate("""() => {
        window.heard = [];
        for (const name of ["progress", "done", "error", "cancelled"]) {
            document.addEventListener(`analysis:${name}`, ({ detail }) => {
                if (detail.status !== "processing") heard.push([name, detail.status]);
            });
        }
    }""")
    await expect(page.get_by_text("Write to us.")).to_be_hidden()
    await site.show(**STATES["failed"])
    await expect(page.get_by_text("Write to us.")).to_be_visible()
    await expect(page.locator("[part=notice]")).to_be_hidden()
    for state, changes in (("cancelled", STATES["cancelled"]), ("completed", COMPLETED)):
        site.snapshot = snapshot(version=site.snapshot["version"] + 1)
        await page.evaluate("document.querySelector('analysis-progress').refresh()")
        await expect(page.get_by_role("heading", name="Working")).to_be_visible()
        await site.until(lambda: site.streams == 1)
        await site.show(**changes)
        await page.wait_for_function(
            "status => heard.at(-1)?.[1] === status && heard.at(-1)[0] !== 'progress'", arg=state
        )
    await expect(page.get_by_text("Your table is ready.")).to_be_visible()
    await expect(page.get_by_text("Write to us.")).to_be_hidden()
    assert [name for name, _ in await page.evaluate("heard") if name != "progress"] == [
        "error",
        "cancelled",
        "done",
    ]


async def test_a_result_without_a_page_of_its_own_is_shown_as_json(site: MockSite):
    site.pages.result = None
    html = site.pages.analysis(snapshot(**COMPLETED))
    assert "&#34;grade&#34;: &#34;B&#34;" in html or '"grade": "B"' in html
    assert "Café &lt;b&gt;&amp;&lt;/b&gt; &#39;tea&#39;" in html
    assert "analysis-progress" not in html


async def test_a_result_page_has_one_first_heading_its_own_or_the_title(site: MockSite):
    assert site.pages.analysis(snapshot(**COMPLETED)).count("<h1") == 1
    site.pages.result = Markup("<h1>Mine</h1>")
    assert site.pages.analysis(snapshot(**COMPLETED)).count("<h1") == 1


@pytest.mark.parametrize("code", ["permanent", "retry_after"])
async def test_where_another_input_may_help_the_element_and_the_page_offer_to_correct_it(
    site: MockSite, page: Page, browser: Browser, code: str
):
    wrong = STATES["failed"] | {"error_code": code, "correction": "Correct the address"}
    await open_at(site, page)
    await site.show(**wrong)
    plain = await browser.new_context(java_script_enabled=False)
    still = await plain.new_page()
    await still.goto(site.page)
    for shown in (page, still):
        link = shown.get_by_role("link", name="Correct the address")
        await expect(link).to_have_attribute("href", re.compile(rf"/analysis/{SESSION}/correct$"))
        await expect(shown.get_by_role("progressbar")).to_be_hidden()
        await expect(shown.locator("[part=percent], [data-part=percent]").first).to_be_hidden()
        await expect(shown.get_by_role("listitem")).to_have_count(2)  # without the steps to come
        again = shown.get_by_role("button", name="Try again")
        loud, quiet = (link, again) if code == "permanent" else (again, link)
        await expect(quiet).to_have_class(re.compile("quiet"))
        await expect(loud).not_to_have_class(re.compile("quiet"))
    await plain.close()
