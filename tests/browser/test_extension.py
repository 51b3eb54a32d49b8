"""The extension collects as the bookmarklet does, and goes on by itself on the shop's next page."""

import json
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from invented_shop import ASIN, Shop, serving_shop
from playwright.async_api import BrowserContext, Worker, async_playwright, expect
from test_whole import serve

from conftest import QUIET

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.asyncio(loop_scope="session")]

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "extension"


def with_browser() -> str:
    """A whole Chromium: the headless shell has no extensions."""
    for name in ("chromium", "chromium-browser"):
        if path := shutil.which(name):
            return path
    pytest.skip("no chromium or chromium-browser on this machine, and others load no extension from a folder")


@pytest_asyncio.fixture(loop_scope="session")
async def extended(tmp_path: Path) -> AsyncIterator[tuple[BrowserContext, Worker, Shop]]:
    """A browser with the extension, which may use one shop as after a click on its button."""
    folder = tmp_path / "extension"
    shutil.copytree(FOLDER, folder)
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["host_permissions"] = ["https://www.amazon.de/*"]
    (folder / "manifest.json").write_text(json.dumps(manifest))
    (tmp_path / "shop").mkdir()
    with serving_shop(tmp_path / "shop") as (shop, port):
        async with async_playwright() as playwright:
            context = await playwright.chromium.launch_persistent_context(
                tmp_path / "profile",
                executable_path=with_browser(),
                headless=True,
                ignore_default_args=["--disable-extensions"],
                ignore_https_errors=True,
                args=[
                    *QUIET,
                    "--headless=new",
                    f"--disable-extensions-except={folder}",
                    f"--load-extension={folder}",
                    f"--host-resolver-rules=MAP *:443 127.0.0.1:{port}",
                ],
            )
            context.set_default_timeout(15_000)
            worker = next(iter(context.service_workers), None) or await context.wait_for_event("serviceworker")
            yield context, worker, shop
            await context.close()


CLICK = """async () => {
  const [tab] = await chrome.tabs.query({ active: true, lastFocusedWindow: true });
  chrome.action.onClicked.dispatch(tab);
}"""


async def test_the_extension_collects_page_after_page_and_hands_over(
    extended: tuple[BrowserContext, Worker, Shop], tmp_path: Path
) -> None:
    context, worker, _ = extended
    (tmp_path / "site").mkdir()
    site = await serve(tmp_path / "site")
    try:
        options = await context.new_page()
        await options.goto(f"{worker.url.rpartition('/')[0]}/options.html")
        address = options.get_by_label("Address of the page")
        await address.fill("http://shop.example/")
        await options.get_by_role("button", name="Save").click()
        await expect(options.get_by_text("The address must begin with https://.")).to_be_visible()
        await address.fill(site.address)
        await options.get_by_role("button", name="Save").click()
        await expect(options.get_by_text("Saved.")).to_be_visible()
        page = await context.new_page()
        await page.goto(f"https://www.amazon.de/product-reviews/{ASIN}")
        await worker.evaluate(CLICK)
        panel = page.locator("outlast-collector")
        await expect(panel.get_by_text("10 of 412 collected")).to_be_visible()
        await page.get_by_role("link", name="Next page").click()
        await page.wait_for_url("**pageNumber=2")
        await expect(panel.get_by_text("20 of 412 collected")).to_be_visible()
        async with context.expect_page() as opened:
            await panel.get_by_role("button", name="Hand over").click()
        taken = await opened.value
        await expect(taken.get_by_text("handed over by www.amazon.de")).to_be_visible()
        await panel.get_by_role("button", name="Close").click()
        await page.get_by_role("link", name="Next page").click()
        await page.wait_for_url("**pageNumber=3")
        await page.wait_for_load_state()
        await expect(panel).to_have_count(0)
    finally:
        await site.stop()
