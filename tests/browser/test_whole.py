"""The whole system through a real browser: a real server, real workers, real pages, nothing scripted."""

import asyncio
import os
import re
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, BrowserContext, Page, expect

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.asyncio(loop_scope="session")]

SLOW_SITE = """
import asyncio
from pathlib import Path
from outlast import Outlast, report, step

outlast = Outlast(title="Slow site")

@step("Reading the pages")
async def read(pages: int) -> int:
    for n in range(1, pages + 1):
        while not (Path("go") / str(n)).exists():
            await asyncio.sleep(0.02)
        report(n, pages, f"Read {n} of {pages} pages")
    return pages

@step("Judging")
async def judge(pages: int) -> dict[str, int]:
    return {"pages": pages}

@outlast.analysis("site", title="Look at a site", steps=[read, judge])
async def look(pages: int = 4) -> dict[str, int]:
    return await judge(await read(pages))
"""
"""Each page is read when the test lets it: the test holds the work, not a clock."""

REVIEWS = "review_id,author,rating,date,title,text\n" + "".join(
    f"R{n},Reader {n},{n % 5 + 1},2024-0{n % 9 + 1}-1{n % 9},Title {n},"
    f"A pillow of kind {n} that word{n * 7} me{n * 13} after night{n * 3} number {n}\n"
    for n in range(60)
)


class Served:
    """One `outlast serve` in a folder of its own."""

    def __init__(self, folder: Path, process: asyncio.subprocess.Process, address: str) -> None:
        self.folder = folder
        self.address = address
        self._process = process

    def let(self, *pages: int) -> None:
        (self.folder / "go").mkdir(exist_ok=True)
        for n in pages:
            (self.folder / "go" / str(n)).touch()

    async def stop(self) -> None:
        if self._process.returncode is None:
            self._process.send_signal(signal.SIGTERM)
            self._process.send_signal(signal.SIGTERM)
        await self._process.wait()


async def serve(folder: Path, *arguments: str, **settings: str) -> Served:
    (folder / "slow_site.py").write_text(SLOW_SITE)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "outlast", "serve", "--port", "0", "--workers", "1", *arguments),
        cwd=folder,
        env={**os.environ, "ANALYSIS_DATA_DIR": str(folder / "data"), "ANALYSIS_SHUTDOWN_GRACE": "0", **settings},
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stderr is not None
    said = b""
    while line := await process.stderr.readline():
        said += line
        if found := re.search(rb"http://\S+", line):
            drain = asyncio.create_task(process.stderr.read())
            served = Served(folder, process, found[0].decode())
            served.drain = drain  # type: ignore[attr-defined] - kept so that the task is not collected
            return served
    raise AssertionError(said.decode())


@pytest_asyncio.fixture(loop_scope="session")
async def slow_site(tmp_path: Path) -> AsyncIterator[Served]:
    served = await serve(tmp_path, "--app", "slow_site:outlast")
    yield served
    await served.stop()


@pytest_asyncio.fixture(loop_scope="session")
async def product(tmp_path: Path) -> AsyncIterator[Served]:
    served = await serve(tmp_path)
    yield served
    await served.stop()


async def percentage(page: Page) -> float:
    bar = page.get_by_role("progressbar", name="Progress of the analysis")
    return float(await bar.get_attribute("aria-valuenow") or "nan")


async def no_serious_fault(page: Page) -> None:
    found = await Axe().run(page)
    serious = [v["id"] for v in found.response["violations"] if v["impact"] in {"serious", "critical"}]
    assert not serious, found.generate_report()


async def test_a_session_is_watched_through_reload_and_a_cut_connection_to_its_result(
    slow_site: Served, page: Page, context: BrowserContext
) -> None:
    await page.goto(slow_site.address)
    await no_serious_fault(page)
    await page.get_by_role("button", name="Analyse").click()
    await page.wait_for_url("**/analysis/*")
    slow_site.let(1, 2)
    await expect(page.get_by_text("Read 2 of 4 pages")).to_be_visible()
    halfway = await percentage(page)
    assert 0 < halfway < 100
    await no_serious_fault(page)
    await page.reload()
    await expect(page.get_by_text("Read 2 of 4 pages")).to_be_visible()
    assert await percentage(page) >= halfway
    await context.set_offline(True)
    slow_site.let(3)
    await context.set_offline(False)
    await expect(page.get_by_text("Read 3 of 4 pages")).to_be_visible()
    assert await percentage(page) >= halfway
    slow_site.let(4)
    await expect(page.get_by_text('"pages": 4')).to_be_visible()
    await no_serious_fault(page)


async def test_cancel_stops_the_work_and_trying_again_goes_on(slow_site: Served, page: Page) -> None:
    await page.goto(slow_site.address)
    await page.get_by_role("button", name="Analyse").click()
    await page.get_by_role("button", name="Cancel the analysis").click()
    again = page.get_by_role("button", name="Try again")
    await expect(again).to_be_visible()
    await no_serious_fault(page)
    slow_site.let(1, 2, 3, 4)
    await again.click()
    await expect(page.get_by_text('"pages": 4')).to_be_visible()


async def test_without_javascript_forms_and_refresh_do_it_all(slow_site: Served, browser: Browser) -> None:
    context = await browser.new_context(java_script_enabled=False)
    page = await context.new_page()
    await page.goto(slow_site.address)
    await page.get_by_role("button", name="Analyse").click()
    assert "/analysis/" in page.url
    await page.get_by_role("button", name="Cancel the analysis").click()
    await expect(page.get_by_role("button", name="Try again")).to_be_visible()
    slow_site.let(1, 2, 3, 4)
    await page.get_by_role("button", name="Try again").click()
    await expect(page.get_by_text('"pages": 4')).to_be_visible()
    await context.close()


async def test_sync_mode_shows_real_progress_on_the_same_page(tmp_path: Path, page: Page) -> None:
    served = await serve(tmp_path, "--app", "slow_site:outlast", ANALYSIS_ASYNC_ENABLED="false")
    try:
        await page.goto(served.address)
        await page.get_by_role("button", name="Analyse").click()
        await page.wait_for_url("**/analysis/*")
        served.let(1, 2)
        await expect(page.get_by_text("Read 2 of 4 pages")).to_be_visible()
        assert 0 < await percentage(page) < 100
        served.let(3, 4)
        await expect(page.get_by_text('"pages": 4')).to_be_visible()
    finally:
        await served.stop()


async def test_a_file_of_reviews_becomes_a_report(product: Served, page: Page, tmp_path: Path) -> None:
    file = tmp_path / "reviews.csv"
    file.write_text(REVIEWS)
    await page.goto(product.address)
    await page.locator("input[type=file]").set_input_files(file)
    await page.get_by_role("button", name="Analyse").click()
    await expect(page.get_by_role("heading", level=1)).to_contain_text("warning signs", ignore_case=True)
    await no_serious_fault(page)
    await page.set_viewport_size({"width": 400, "height": 800})
    await page.emulate_media(color_scheme="dark")
    await no_serious_fault(page)
    assert await page.evaluate("document.documentElement.scrollWidth") <= 400


async def test_an_address_that_nothing_can_read_is_refused_in_plain_words(product: Served, page: Page) -> None:
    await page.goto(product.address)
    await page.get_by_label("Paste a link").fill("https://www.amazon.com/dp/B000000000")
    await page.get_by_role("button", name="Analyse").click()
    await expect(page.get_by_text("upload them here")).to_be_visible()
    await expect(page.get_by_label("Paste a link")).to_have_value("https://www.amazon.com/dp/B000000000")


async def test_unknown_columns_are_asked_for_and_the_file_is_not_sent_again(
    product: Served, page: Page, tmp_path: Path
) -> None:
    file = tmp_path / "bewertungen.csv"
    file.write_text(REVIEWS.replace("rating", "Punkte", 1).replace("title,text", "Kopf,Meinung", 1))
    await page.goto(product.address)
    await page.locator("input[type=file]").set_input_files(file)
    await page.get_by_role("button", name="Analyse").click()
    await page.get_by_label("Stars", exact=True).select_option("Punkte")
    await page.get_by_label("Review text").select_option("Meinung")
    await no_serious_fault(page)
    await page.get_by_role("button", name="Analyse").click()
    await expect(page.get_by_role("heading", level=1)).to_contain_text("warning signs", ignore_case=True)


async def test_several_files_at_once_become_one_report(product: Served, page: Page, tmp_path: Path) -> None:
    header, *rows = REVIEWS.splitlines()
    for name, part in (("a.csv", rows[:30]), ("b.csv", rows[30:])):
        (tmp_path / name).write_text("\n".join([header, *part]))
    await page.goto(product.address)
    await page.locator("input[type=file]").set_input_files([tmp_path / "a.csv", tmp_path / "b.csv"])
    await page.get_by_role("button", name="Analyse").click()
    await expect(page.get_by_text("60 reviews (2 files: CSV)")).to_be_visible()
