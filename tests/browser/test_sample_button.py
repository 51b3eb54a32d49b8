"""A newcomer's one click: the invented sample, with and without JavaScript."""

from pathlib import Path

import pytest
from playwright.async_api import Browser, expect
from test_whole import serve

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.asyncio(loop_scope="session")]


@pytest.mark.parametrize("scripts", [True, False], ids=["with JavaScript", "without JavaScript"])
async def test_one_click_shows_a_full_report(tmp_path: Path, browser: Browser, *, scripts: bool) -> None:
    served = await serve(tmp_path)
    context = await browser.new_context(java_script_enabled=scripts)
    try:
        page = await context.new_page()
        await page.goto(served.address)
        await page.get_by_role("button", name="See an example report").click()
        await expect(page.get_by_role("heading", level=1)).to_contain_text(
            "70 reviews repeat each other", timeout=30_000
        )
        assert "/analysis/" in page.url
        await expect(page.get_by_role("heading", name="70 near-identical reviews")).to_be_visible()
    finally:
        await context.close()
        await served.stop()
