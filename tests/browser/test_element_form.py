"""The form: upload, start, mistakes beside their field, and progress from the start request itself."""

from pathlib import Path

import pytest
from mock_pages import FIELDS
from mock_site import Answer, MockSite, event
from mock_snapshots import COMPLETED, SESSION, snapshot
from playwright.async_api import Browser, Page, expect

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.asyncio(loop_scope="session")]

START = "/api/analysis/start"
UPLOAD = "/api/analysis/upload"
REVIEWS = {"name": "reviews.csv", "mimeType": "text/csv", "buffer": b"rating,text\n5,Good\n"}


async def open_form(site: MockSite, page: Page) -> None:
    await page.goto(site.url)
    await expect(page.get_by_text("or drop one here")).to_be_visible()  # the script is at work


async def analyse(page: Page) -> None:
    await page.get_by_role("button", name="Analyse").click()


async def test_a_file_is_sent_and_then_named_in_the_start(site: MockSite, page: Page):
    await open_form(site, page)
    await page.get_by_label("A file").set_input_files(REVIEWS)
    await page.get_by_label("Flag weak evidence too").check()
    await analyse(page)
    await page.wait_for_url(site.page)
    upload, start = await site.until_asked(UPLOAD), await site.until_asked(START)
    assert REVIEWS["buffer"] in upload.body
    assert b'name="file"; filename="reviews.csv"' in upload.body
    assert upload.headers["x-csrf-token"] == start.headers["x-csrf-token"] == site.token
    assert start.json() == {"analysis": "product", "input": {"source": "upload:abc", "limit": 300, "strict": True}}
    assert start.headers["accept"] == "text/event-stream, application/json"


async def test_an_address_is_started_without_an_upload(site: MockSite, page: Page):
    await open_form(site, page)
    await page.get_by_label("Paste a link").fill(" https://shop.example/p/1 ")
    await page.get_by_label("At most").fill("")
    await analyse(page)
    await page.wait_for_url(site.page)
    start = await site.until_asked(START)
    assert start.json()["input"] == {"source": "https://shop.example/p/1", "strict": False}
    assert site.count(UPLOAD) == 0


async def test_a_double_click_starts_once(site: MockSite, page: Page):
    await open_form(site, page)
    await page.get_by_label("Paste a link").fill("https://shop.example/p/1")
    await page.evaluate("for (let n = 0; n < 3; n++) document.querySelector('[type=submit]').click()")
    await page.wait_for_url(site.page)
    assert site.count(START) == 1


async def test_a_stale_token_is_fetched_anew_for_the_upload(site: MockSite, page: Page):
    await open_form(site, page)
    site.token = "another"
    await page.get_by_label("A file").set_input_files(REVIEWS)
    await analyse(page)
    await page.wait_for_url(site.page)
    assert site.count("/api/analysis/token") == 1
    assert (await site.until_asked(UPLOAD, 2)).headers["x-csrf-token"] == "fresh-token"
    assert (await site.until_asked(START)).headers["x-csrf-token"] == "fresh-token"


async def test_an_upload_that_is_refused_is_told_beside_the_file(site: MockSite, page: Page):
    site.refused = {UPLOAD: Answer(422, {"success": False, "error": "This file holds no reviews."})}
    await open_form(site, page)
    file = page.get_by_label("A file")
    await file.set_input_files(REVIEWS)
    await analyse(page)
    await expect(page.locator("#product-source-error")).to_have_text("This file holds no reviews.")
    await expect(file).to_be_focused()
    await expect(file).to_have_attribute("aria-invalid", "true")
    await expect(file).to_have_accessible_description("This file holds no reviews.")
    assert await file.evaluate("input => input.files[0].name") == "reviews.csv"
    assert site.count(START) == 0
    site.refused = {}
    await analyse(page)
    await page.wait_for_url(site.page)


async def test_mistakes_are_told_beside_their_fields_and_what_was_sent_is_not_sent_again(
    site: MockSite, page: Page
):
    errors = [
        {"pointer": "/input/limit", "detail": "Must be at least 1."},
        {"pointer": "/input/limit", "detail": "Must be whole."},
        {"pointer": "/input", "detail": "Something else is wrong."},
    ]
    site.refused = {START: Answer(422, {"success": False, "error": "The input is not right.", "errors": errors})}
    await open_form(site, page)
    await page.get_by_label("A file").set_input_files(REVIEWS)
    limit = page.get_by_label("At most")
    await limit.fill("-4.5")
    await analyse(page)
    await expect(page.locator("#product-limit-error")).to_have_text("Must be at least 1. Must be whole.")
    await expect(limit).to_be_focused()
    await expect(limit).to_have_value("-4.5")
    await expect(page.get_by_role("alert")).to_have_text("Something else is wrong.")
    site.refused = {}
    await limit.fill("4")
    await analyse(page)
    await page.wait_for_url(site.page)
    assert site.count(UPLOAD) == 1


async def test_a_refusal_without_a_field_is_told_for_the_whole_form(site: MockSite, page: Page):
    site.refused = {
        START: Answer(429, {"success": False, "error": "Too many at once. Wait a minute."}, retry_after="60")
    }
    await open_form(site, page)
    await page.get_by_label("Paste a link").fill("https://shop.example/p/1")
    await analyse(page)
    await expect(page.get_by_role("alert")).to_have_text("Too many at once. Wait a minute.")
    await expect(page.get_by_role("alert")).to_be_focused()
    await expect(page.get_by_label("Paste a link")).to_have_value("https://shop.example/p/1")


async def test_a_site_that_does_not_answer_is_told_and_nothing_is_lost(site: MockSite, page: Page):
    await open_form(site, page)
    await page.route(f"**{START}", lambda route: route.abort())
    await page.get_by_label("Paste a link").fill("https://shop.example/p/1")
    await analyse(page)
    await expect(page.get_by_role("alert")).to_contain_text("could not be reached")
    await expect(page.get_by_role("button", name="Analyse")).not_to_have_attribute("aria-disabled", "true")


async def test_neither_file_nor_address_is_told_before_anything_is_sent(site: MockSite, page: Page):
    await open_form(site, page)
    await analyse(page)
    await expect(page.locator("#product-source-error")).to_have_text("Choose a file, or paste a link.")
    await expect(page.get_by_label("Paste a link")).to_be_focused()
    assert site.count(START) == 0


async def test_a_file_that_is_too_large_is_told_before_it_is_sent(site: MockSite, page: Page, tmp_path: Path):
    large = tmp_path / "large.csv"
    large.write_bytes(b"x" * (1024 * 1024 + 1))
    await open_form(site, page)
    await page.get_by_label("A file").set_input_files(large)
    await analyse(page)
    await expect(page.locator("#product-source-error")).to_have_text("large.csv is larger than 1 MB.")
    assert site.count(UPLOAD) == 0


async def test_a_dropped_file_is_taken_and_can_be_taken_back(site: MockSite, page: Page):
    await open_form(site, page)
    await page.evaluate("""() => {
        const dropped = new DataTransfer();
        dropped.items.add(new File(["rating,text"], "dropped.csv"));
        const fire = (type) => document.querySelector("h1").dispatchEvent(
            new DragEvent(type, { dataTransfer: dropped, bubbles: true, cancelable: true }));
        fire("dragover");
        window.kept = !fire("drop");  // prevented: the browser does not open the file
    }""")
    assert await page.evaluate("window.kept")
    assert await page.get_by_label("A file").evaluate("input => input.files[0].name") == "dropped.csv"
    await expect(page.get_by_label("Paste a link")).to_be_disabled()
    await page.get_by_role("button", name="Remove dropped.csv").click()
    await expect(page.get_by_label("A file")).to_have_value("")
    await expect(page.get_by_label("A file")).to_be_focused()
    await expect(page.get_by_label("Paste a link")).to_be_enabled()


async def test_in_sync_mode_the_start_request_itself_shows_progress_and_result(site: MockSite, page: Page):
    site.sync = True
    await open_form(site, page)
    await page.evaluate("window.same = true")
    await page.get_by_label("Paste a link").fill("https://shop.example/p/1")
    await analyse(page)
    await expect(page.get_by_role("heading", level=1, name="Analysis of product reviews")).to_be_focused()
    await expect(page.locator("[part=percent]")).to_have_text("31%")
    assert page.url == site.page
    await site.show(progress_percentage=66.0)
    await expect(page.locator("[part=percent]")).to_have_text("66%")
    await page.evaluate("window.dispatchEvent(new Event('online'))")  # no reason to give up the work's own request
    assert site.streams == 1
    await site.show(**COMPLETED)
    await expect(page.locator("#report")).to_be_visible()
    await expect(page).to_have_title("Report on reviews.csv · Outlast Reviews")
    assert await page.evaluate("window.same")
    assert site.count("events") == site.count("wait") == site.count("poll") == 0
    await page.go_back()
    await expect(page.get_by_role("button", name="Analyse")).to_be_visible()


async def test_in_sync_mode_a_broken_start_request_is_followed_by_the_feed(site: MockSite, page: Page):
    site.sync = True
    await open_form(site, page)
    await page.get_by_label("Paste a link").fill("https://shop.example/p/1")
    await analyse(page)
    await expect(page.locator("[part=percent]")).to_have_text("31%")
    site.end_streams()
    await site.until(lambda: site.count("events") + site.count("wait") > 0)
    await site.show(progress_percentage=70.0)
    await expect(page.locator("[part=percent]")).to_have_text("70%")


async def test_in_sync_mode_an_end_at_once_is_shown(site: MockSite, page: Page):
    site.sync = True
    site.snapshot = snapshot(**COMPLETED)
    await open_form(site, page)
    await page.get_by_label("Paste a link").fill("https://shop.example/p/1")
    await analyse(page)
    await expect(page.locator("#report")).to_be_visible()
    assert page.url == site.page


async def test_in_sync_mode_a_stream_without_a_word_brings_the_form_back(site: MockSite, page: Page):
    site.refused = {START: Answer(200, event("bye", {}), content_type="text/event-stream")}
    await open_form(site, page)
    await page.get_by_label("Paste a link").fill("https://shop.example/p/1")
    await analyse(page)
    await expect(page.get_by_role("alert")).to_have_text("The site broke off. Please try again.")
    await expect(page.get_by_label("Paste a link")).to_have_value("https://shop.example/p/1")


async def test_without_javascript_the_form_posts_itself_and_shows_mistakes(site: MockSite, browser: Browser):
    context = await browser.new_context(java_script_enabled=False)
    page = await context.new_page()
    site.form = {
        "fields": [FIELDS[0] | {"value": "https://amazon.example", "error": "Nothing can read this address."}],
        "form_error": "The input is not right.",
    }
    await page.goto(site.url)
    address = page.get_by_label("Paste a link")
    await expect(address).to_have_value("https://amazon.example")
    await expect(address).to_be_focused()
    await expect(address).to_have_accessible_description(
        f"{FIELDS[0]['description']} Nothing can read this address."
    )
    await expect(page.get_by_role("alert")).to_have_text("The input is not right.")
    await page.get_by_label("A file").set_input_files(REVIEWS)
    await analyse(page)
    await page.wait_for_url(site.page)
    [posted] = [asked for asked in site.asked if asked.method == "POST"]
    assert posted.path == "/"
    for part in (
        b'name="csrf_token"',
        site.token.encode(),
        b'name="analysis"',
        b'name="source_file"',
        REVIEWS["buffer"],
    ):
        assert part in posted.body
    await context.close()


async def test_a_start_leads_to_the_page_of_the_session_under_any_root_path(site: MockSite, page: Page):
    await open_form(site, page)
    site.snapshot = snapshot(
        links=snapshot()["links"] | {"page": f"https://public.example/analysis/{SESSION}?x=1"}
    )
    await page.get_by_label("Paste a link").fill("https://shop.example/p/1")
    await analyse(page)
    await page.wait_for_url(f"{site.page}?x=1")  # the path alone counts: a proxy may know the site by another name
