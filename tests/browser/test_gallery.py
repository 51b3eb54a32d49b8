"""The gallery in `docs/`: every state of the element, for axe, the keyboard and any width, in every variant."""

import pytest
from axe_playwright_python.async_playwright import Axe
from mock_site import MockSite
from playwright.async_api import Page, expect

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.asyncio(loop_scope="session")]

WCAG = {
    "runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
}


async def open_gallery(site: MockSite, page: Page, variant: str = "") -> None:
    await page.emulate_media(reduced_motion="reduce")
    await page.goto(f"{site.url}/docs/gallery/index.html?{variant}")
    await page.wait_for_selector("[data-ready]", state="attached")


@pytest.mark.parametrize("variant", ["scheme=light", "scheme=dark", "lang=de", "lang=ar&dir=rtl", "own"])
async def test_axe_finds_no_fault_in_any_state_and_nothing_is_wider_than_a_phone(
    site: MockSite, page: Page, variant: str
):
    await open_gallery(site, page, variant)
    found = await Axe().run(page, options=WCAG)
    assert found.violations_count == 0, found.generate_report()
    checked = await page.evaluate("document.querySelectorAll('analysis-progress').length")
    assert checked >= 12
    await page.set_viewport_size({"width": 320, "height": 640})
    assert await page.evaluate("document.documentElement.scrollWidth") <= 320


async def test_german_pages_say_everything_in_german(site: MockSite, page: Page):
    await open_gallery(site, page, "lang=de")
    await expect(page.get_by_role("button", name="Analyse abbrechen").first).to_be_visible()
    english = await page.evaluate("""async () => {
        const { states, snapshot } = await (await fetch("states.json")).json();
        const found = [];
        for (const [name, changes] of Object.entries(states)) {
            const state = { ...snapshot, ...changes };
            if (state.phase === "resting") continue;
            const root = document.getElementById(name.replaceAll(" ", "-")).shadowRoot;
            const shown = (part) => root.querySelector(`[part=${part}]`).textContent;
            if (shown("phase") === state.phase_title) found.push(state.phase_title);
            const said = shown("sentence");
            if (state.notice && state.phase !== "failed" && said === state.notice) found.push(said);
        }
        return found;
    }""")
    assert english == []
    await expect(page.locator("#running [part=percent]")).to_have_text("31\u00a0%")
    await expect(page.locator("#running [part=left]")).to_have_text("noch etwa 20–40 s")
    await expect(page.locator("#a-phase-of-a-later-version [part=phase]")).to_have_text("Taking a break")


async def test_right_to_left_the_bar_and_the_steps_begin_at_the_right(site: MockSite, page: Page):
    await open_gallery(site, page, "lang=ar&dir=rtl&state=running")
    fill, bar = [await page.locator(f"[part={part}]").bounding_box() for part in ("fill", "bar")]
    assert fill is not None
    assert bar is not None
    assert abs(fill["x"] + fill["width"] - bar["x"] - bar["width"]) < 1
    assert fill["width"] < bar["width"] / 2
    await expect(page.get_by_role("button", name="إلغاء التحليل")).to_be_visible()


async def test_without_a_known_percentage_the_bar_claims_none(site: MockSite, page: Page):
    await open_gallery(site, page, "state=indeterminate")
    bar = page.get_by_role("progressbar", name="Progress of the analysis")
    assert await bar.get_attribute("aria-valuenow") is None
    await expect(page.locator("[part=percent]")).to_be_hidden()


async def test_the_keyboard_alone_reaches_every_button_and_shows_where_it_is(site: MockSite, page: Page):
    await open_gallery(site, page)
    buttons = await page.evaluate("""[...document.querySelectorAll("analysis-progress")].flatMap((element) =>
        [...element.shadowRoot.querySelectorAll("button, a[href]")].filter((one) => one.checkVisibility())
            .map((one) => `${element.id} ${one.textContent}`))""")
    reached = []
    await page.locator("nav a").last.focus()
    for _ in buttons:
        await page.keyboard.press("Tab")
        reached.append(
            await page.evaluate(
                "`${document.activeElement.id} ${document.activeElement.shadowRoot.activeElement.textContent}`"
            )
        )
        await expect(page.locator(":focus").last).to_have_css("outline-style", "solid")
    assert reached == buttons
    assert "failed Try again" in reached
