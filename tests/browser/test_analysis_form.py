"""The start helper: a form of a host that starts an analysis and hands over to the element."""

import pytest
from mock_site import Answer, MockSite
from mock_snapshots import STATES
from playwright.async_api import Page, expect

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.asyncio(loop_scope="session")]

START = "/api/analysis/start"


async def test_a_form_starts_and_hands_over_without_a_refusal_first(site: MockSite, page: Page):
    complaints: list[str] = []
    page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
    await page.goto(f"{site.url}/host-form")
    await page.get_by_label("Text").fill(" abc ")
    await page.get_by_label("At most").fill("3")
    await page.get_by_label("Strict").check()
    await page.get_by_label("Kinds").select_option(["a", "c"])
    table = {"name": "t.csv", "mimeType": "text/csv", "buffer": b"a"}
    await page.get_by_label("Table").set_input_files(table)
    await page.get_by_role("button", name="Count").click()
    await expect(page.get_by_role("heading", name="Working")).to_be_focused()
    await expect(page.get_by_role("button", name="Count")).to_be_hidden()
    start = await site.until_asked(START)
    given = {"text": "abc", "limit": 3, "strict": True, "kinds": ["a", "c"], "table": "upload:abc"}
    assert start.json() == {"analysis": "letters", "input": given}
    assert complaints == []
    assert site.count("/api/analysis/token") == 1
    await site.until(lambda: site.streams == 1)
    await site.show(**STATES["failed"])
    await expect(page.get_by_role("button", name="Try again")).to_be_visible()
    await expect(page.get_by_role("button", name="Count")).to_be_visible()


async def test_mistakes_are_told_beside_their_fields_and_go_with_the_next_try(site: MockSite, page: Page):
    errors = [
        {"pointer": "/input/text", "detail": "Too short."},
        {"pointer": "/input/limit", "detail": "Must be at least 1."},
        {"pointer": "/input", "detail": "Something else is wrong."},
    ]
    site.refused = {START: Answer(422, {"success": False, "error": "The input is not right.", "errors": errors})}
    await page.goto(f"{site.url}/host-form")
    text = page.get_by_label("Text")
    await text.fill("x")
    await page.get_by_role("button", name="Count").click()
    await expect(text).to_have_accessible_description("Any text. Too short.")
    await expect(text).to_be_focused()
    await expect(text).to_have_attribute("aria-invalid", "true")
    await expect(page.locator("[data-error-for=limit]")).to_have_text("Must be at least 1.")
    await expect(page.get_by_role("alert")).to_have_text("Something else is wrong.")
    site.refused = {START: Answer(429, {"success": False, "error": "Too fast."}, retry_after="9")}
    await page.get_by_role("button", name="Count").click()
    await expect(page.get_by_role("alert")).to_have_text("Too fast.")
    await expect(text).to_have_accessible_description("Any text.")
    await expect(page.locator("[data-error-for=limit]")).to_be_hidden()
