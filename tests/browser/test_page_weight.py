"""What a visit costs in requests and bytes, on the first visit and on the next; and a mounted login."""

import asyncio
import os
import re
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, BrowserContext, Page, expect
from test_whole import Served, serve

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.asyncio(loop_scope="session")]

EXAMPLES = Path(__file__).parents[2] / "examples"
REVIEWS = "review_id,author,rating,date,title,text\n" + "".join(
    f"R{n},Reader {n},{n % 5 + 1},2024-0{n % 9 + 1}-1{n % 9},Title {n},"
    f"A pillow of kind {n} that word{n * 7} me{n * 13} after night{n * 3} number {n}\n"
    for n in range(300)
)


class Wire:
    """The requests of a page that reached the server, and their bytes."""

    def __init__(self) -> None:
        self.bytes: dict[str, int] = {}
        self._addresses: dict[str, str] = {}
        self._cached: set[str] = set()

    @classmethod
    async def of(cls, page: Page) -> "Wire":
        wire = cls()
        session = await page.context.new_cdp_session(page)
        session.on("Network.requestWillBeSent", wire._sent)
        session.on("Network.requestServedFromCache", lambda e: wire._cached.add(e["requestId"]))
        session.on("Network.responseReceived", wire._received)
        session.on("Network.loadingFinished", wire._finished)
        await session.send("Network.enable")
        return wire

    def clear(self) -> None:
        self.bytes.clear()

    def _sent(self, event: dict[str, Any]) -> None:
        self._addresses[event["requestId"]] = event["request"]["url"]

    def _received(self, event: dict[str, Any]) -> None:
        if event["response"].get("fromDiskCache") or event["response"].get("fromPrefetchCache"):
            self._cached.add(event["requestId"])

    def _finished(self, event: dict[str, Any]) -> None:
        address = self._addresses.get(event["requestId"], "data:")
        if event["requestId"] not in self._cached and not address.startswith("data:"):
            self.bytes[address] = int(event["encodedDataLength"])


@pytest_asyncio.fixture(loop_scope="session")
async def product(tmp_path: Path) -> AsyncIterator[Served]:
    served = await serve(tmp_path)
    yield served
    await served.stop()


async def test_the_form_and_a_report_are_small_and_nothing_is_loaded_twice(
    product: Served, page: Page, tmp_path: Path
) -> None:
    wire = await Wire.of(page)
    await page.goto(product.address, wait_until="networkidle")
    assert len(wire.bytes) <= 6, wire.bytes
    assert sum(wire.bytes.values()) <= 40_000, wire.bytes
    wire.clear()
    await page.goto(product.address, wait_until="networkidle")
    assert len(wire.bytes) == 1, wire.bytes  # the page itself

    file = tmp_path / "reviews.csv"
    file.write_text(REVIEWS)
    await page.locator("input[type=file]").set_input_files(file)
    await page.get_by_role("button", name="Analyse").click()
    await expect(page.get_by_role("heading", level=1)).to_contain_text("warning signs", ignore_case=True)
    address = page.url
    wire.clear()
    await page.goto(address, wait_until="networkidle")
    assert set(wire.bytes) == {address}, wire.bytes
    assert wire.bytes[address] <= 30_000, wire.bytes


@pytest_asyncio.fixture(loop_scope="session")
async def mounted(tmp_path: Path) -> AsyncIterator[str]:
    """The address of the FastAPI example, as its first line says to run it."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "uvicorn", "--app-dir", str(EXAMPLES), "mounted_fastapi:app", "--port", "0"),
        cwd=tmp_path,
        env={**os.environ, "ANALYSIS_DATA_DIR": str(tmp_path / "data"), "ANALYSIS_SHUTDOWN_GRACE": "0"},
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stderr is not None
    said = b""
    while (found := re.search(rb"running on (http://[0-9.:]+)", said)) is None:
        line = await process.stderr.readline()
        assert line, said.decode()
        said += line
    draining = asyncio.create_task(process.stderr.read())
    yield found[1].decode()
    process.terminate()
    await asyncio.gather(process.wait(), draining)


async def test_a_visitor_of_a_mounted_site_logs_in_and_keeps_what_they_have_started(
    mounted: str, page: Page, context: BrowserContext, browser: Browser
) -> None:
    await page.goto(f"{mounted}/slow/")
    await page.get_by_label("Text").fill("Zebra")
    await page.get_by_role("button", name="Analyse").click()
    await expect(page.get_by_text('"letters": 5')).to_be_visible()
    result = page.url
    assert result.startswith(f"{mounted}/slow/analysis/")
    await page.goto(f"{mounted}/login")
    await page.get_by_label("Name").fill("ada")
    await page.get_by_role("button", name="Log in").click()
    await page.wait_for_url("**/slow/")
    await page.goto(result)
    await expect(page.get_by_text('"letters": 5')).to_be_visible()
    paths = [c.get("path") for c in await context.cookies() if c.get("name", "").startswith("outlast_owner")]
    assert paths == ["/"]

    other = await browser.new_context()
    elsewhere = await other.new_page()
    answer = await elsewhere.goto(result)
    assert answer is not None
    assert answer.status == 404
    await elsewhere.goto(f"{mounted}/login")
    await elsewhere.get_by_label("Name").fill("ada")
    await elsewhere.get_by_role("button", name="Log in").click()
    await elsewhere.goto(result)
    await expect(elsewhere.get_by_text('"letters": 5')).to_be_visible()
    await other.close()
