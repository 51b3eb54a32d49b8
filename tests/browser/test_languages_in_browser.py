"""The review site in a visitor's language: the element on the progress page, and the report on a phone."""

from pathlib import Path

import pytest
from playwright.async_api import Browser, expect
from test_whole import Served, serve

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.asyncio(loop_scope="session")]

EXAMPLE = {"de": "Beispielbericht ansehen", "es": "Ver un informe de ejemplo", "fr": "Voir un exemple de rapport"}
CANCEL = {"de": "Analyse abbrechen", "es": "Cancelar el análisis", "fr": "Annuler l’analyse"}
HEADLINE = {
    "de": "70 Bewertungen wiederholen einander unter verschiedenen Namen",
    "es": "70 opiniones se repiten entre sí con nombres distintos",
    "fr": "70 avis se répètent sous des noms différents",
}
PHONE = {"width": 390, "height": 844}


async def started(browser: Browser, site: Served, language: str):
    context = await browser.new_context(locale=language, viewport=PHONE)
    page = await context.new_page()
    await page.goto(site.address)
    await page.get_by_role("button", name=EXAMPLE[language]).click()
    return page


async def test_the_element_of_the_site_speaks_the_language_of_its_page(tmp_path: Path, browser: Browser) -> None:
    waiting = await serve(tmp_path, "--workers", "0")
    try:
        for language, cancel in CANCEL.items():
            page = await started(browser, waiting, language)
            element = page.locator("analysis-progress")
            await expect(element.get_by_role("button", name=cancel)).to_be_visible()
            assert "Cancel the analysis" not in await element.evaluate("e => e.shadowRoot.textContent")
            await page.context.close()
    finally:
        await waiting.stop()


async def test_a_report_fits_a_phone_in_every_language(tmp_path: Path, browser: Browser) -> None:
    site = await serve(tmp_path)
    try:
        for language, headline in HEADLINE.items():
            page = await started(browser, site, language)
            await expect(page.get_by_role("heading", level=1)).to_have_text(headline, timeout=30_000)
            assert await page.evaluate("document.documentElement.lang") == language
            assert await page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
            label = await page.locator(".r-burst").bounding_box()
            assert label is not None
            assert 0 <= label["x"] <= label["x"] + label["width"] <= PHONE["width"]
            await page.context.close()
    finally:
        await site.stop()
