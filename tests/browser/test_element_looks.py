"""What everybody can use: no serious fault for axe, any width, any colours, no motion that was not asked for."""

import pytest
from axe_playwright_python.async_playwright import Axe
from mock_pages import FIELDS, REPORT, WEB
from mock_site import MockSite
from mock_snapshots import COMPLETED, STATES, snapshot
from playwright.async_api import Browser, Page, expect

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.asyncio(loop_scope="session")]

PAGES = ["form", "form with mistakes", "problem", "completed", "as json", *STATES]


async def open_page(site: MockSite, page: Page, name: str) -> None:
    match name:
        case "form":
            await page.goto(site.url)
            await expect(page.get_by_text("or drop one here")).to_be_visible()
        case "form with mistakes":
            site.form = {
                "fields": [f | {"error": "This is not right."} for f in FIELDS],
                "form_error": "Not right.",
            }
            await page.goto(site.url)
        case "problem":
            await page.goto(f"{site.url}/problem")
        case "completed" | "as json":
            site.snapshot = snapshot(**COMPLETED)
            site.pages.result = REPORT if name == "completed" else None
            await page.goto(site.page)
        case _:
            site.snapshot = snapshot(**STATES[name])
            await page.goto(site.page)
            await page.wait_for_function("() => document.querySelector('analysis-progress').snapshot")


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_axe_finds_no_fault_on_any_page(site: MockSite, page: Page, scheme: str):
    await page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    for name in PAGES:
        await open_page(site, page, name)
        found = await Axe().run(page)
        assert found.violations_count == 0, f"{name}: {found.generate_report()}"


async def test_no_page_scrolls_sideways_on_a_phone(site: MockSite, page: Page):
    await page.set_viewport_size({"width": 320, "height": 640})
    for name in PAGES:
        await open_page(site, page, name)
        if name == "form":
            long = {"name": f"{'reviews_of_one_pillow_' * 4}.csv", "mimeType": "text/csv", "buffer": b"rating"}
            await page.get_by_label("A file").set_input_files(long)
            await expect(page.get_by_role("button", name="Remove reviews_of")).to_be_visible()
        width = await page.evaluate("document.documentElement.scrollWidth")
        assert width <= 320, name


async def test_the_element_takes_the_page_over_without_moving_anything(
    site: MockSite, page: Page, browser: Browser
):
    parts = ["phase", "percent", "bar", "message", "elapsed", "notice", "sentence", "reference", "steps"]
    context = await browser.new_context(java_script_enabled=False)
    plain = await context.new_page()
    for width in (390, 1280):
        for name in ("queued", "running", "resumed", "failed"):
            for each in (page, plain):
                await each.set_viewport_size({"width": width, "height": 900})
            await open_page(site, page, name)
            await plain.goto(site.page)
            before = [await plain.locator(f"[data-part={part}]").bounding_box() for part in parts]
            after = [await page.locator(f"[part={part}]").bounding_box() for part in parts]
            assert dict(zip(parts, after, strict=True)) == dict(zip(parts, before, strict=True)), (name, width)
    await context.close()


async def test_with_reduced_motion_nothing_moves_by_itself(site: MockSite, page: Page):
    await page.emulate_media(reduced_motion="reduce")
    await open_page(site, page, "running")
    await expect(page.locator("[part=fill]")).to_have_css("transition-duration", "0s")
    moving = "() => document.querySelector('analysis-progress').shadowRoot.getAnimations().length"
    assert await page.evaluate(moving) == 0
    await page.emulate_media(reduced_motion="no-preference")
    assert await page.evaluate(moving) > 0


async def test_in_forced_colours_the_bar_still_shows(site: MockSite, browser: Browser):
    context = await browser.new_context(forced_colors="active")
    page = await context.new_page()
    await open_page(site, page, "running")
    fill, track = [
        await page.locator(f"[part={part}]").evaluate("node => getComputedStyle(node).backgroundColor")
        for part in ("fill", "bar")
    ]
    assert fill != track
    await context.close()


async def test_the_keyboard_reaches_everything_and_shows_where_it_is(site: MockSite, page: Page):
    await open_page(site, page, "running")
    reached = []
    for _ in range(4):
        await page.keyboard.press("Tab")
        focused = page.locator(":focus").last  # a focused element of a shadow root follows its host
        reached.append(await focused.inner_text())
        await expect(focused).to_have_css("outline-style", "solid")
    assert [text.strip() for text in reached] == [
        "Skip to the content",
        "Outlast Reviews",
        "Cancel the analysis",
        "Start another",
    ]


async def test_the_style_sheet_stays_small():
    assert len((WEB / "static" / "outlast.css").read_bytes()) < 15_000
