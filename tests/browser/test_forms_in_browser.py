"""Every kind of field in a real browser, with and without JavaScript: the analysis receives what was entered."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, Locator, Page, expect
from test_whole import Served, serve

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.asyncio(loop_scope="session")]

SITE = """
import datetime as dt
from decimal import Decimal
from enum import Enum
from typing import Annotated, Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, Field
from pydantic_core import to_jsonable_python

from outlast import Outlast, Upload

outlast = Outlast(title="Every kind of field")

class Size(Enum):
    SMALL = "small"
    LARGE = "large"

class Order(BaseModel):
    count: Annotated[int, Field(ge=1, description="At least one.")]
    size: Size = Size.SMALL
    gift: bool = False
    notes: list[str] = []
    picture: Upload | None = None

class Address(BaseModel):
    street: str
    number: int | None = None

@outlast.analysis("every")
async def every(
    numbers: Annotated[list[int], Field(title="Numbers", min_length=1)],
    colour: Literal["red", "blue", 3],
    day: dt.date,
    at: AwareDatetime,
    price: Decimal,
    orders: list[Order] = [],
    address: Address | None = None,
    delivery: Address | None = None,
    pair: tuple[int, str] = (1, "a"),
    agreed: bool | None = None,
    clock: dt.time = dt.time(9),
    key: UUID | None = None,
    share: Annotated[float | None, Field(ge=0, le=1)] = 0.5,
    files: list[Upload] = [],
) -> dict[str, object]:
    return to_jsonable_python(dict(locals()), fallback=str)

@outlast.analysis("programs")
async def programs(counts: dict[str, int]) -> int:
    return sum(counts.values())
"""
KEY = "7d444840-9dc0-11d1-b245-5ffdce74fad2"
RECEIVED = {
    "numbers": [9007199254740993, -4],
    "colour": 3,
    "day": "2026-01-31",
    "at": "2026-02-01T09:30:00Z",
    "price": "12345678901234567.89",
    "orders": [
        {"count": 2, "size": "large", "gift": True, "notes": ["soon", "please"]},
        {"count": 3, "size": "small", "gift": False, "notes": []},
    ],
    "address": {"street": "High Street", "number": None},
    "delivery": None,
    "pair": [7, "b"],
    "agreed": False,
    "clock": "10:15:00",
    "key": KEY,
    "share": None,
}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def every(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Served]:
    folder: Path = tmp_path_factory.mktemp("every")
    (folder / "every_site.py").write_text(SITE)
    served = await serve(folder, "--app", "every_site:outlast")
    yield served
    await served.stop()


async def add(page: Page, label: str, field: str) -> None:
    """Press the button that adds an item, and wait until it has the focus."""
    await page.get_by_role("button", name=f"Add to {label}", exact=True).click()
    await expect(at(page, field)).to_be_focused()


def at(page: Page, name: str) -> Locator:
    return page.locator(f'form [name="{name}"]:not([type=hidden])')


async def fill(page: Page) -> None:
    await at(page, "numbers.0").fill("9007199254740993")
    await add(page, "Numbers", "numbers.1")
    await add(page, "Numbers", "numbers.2")
    await at(page, "numbers.2").fill("-4")
    await at(page, "colour").select_option("3")
    await at(page, "day").fill("2026-01-31")
    await at(page, "at").fill("2026-02-01T09:30")
    await at(page, "price").fill("12345678901234567.89")
    for place in range(3):
        await add(page, "Orders", f"orders.{place}.count")
    await at(page, "orders.1.count").fill("99")
    await at(page, "orders.2.count").fill("3")
    await page.get_by_role("button", name="Remove Orders 2").click()
    await expect(at(page, "orders.2.count")).to_have_count(0)
    await at(page, "orders.0.count").fill("2")
    await at(page, "orders.0.size").select_option("large")
    await at(page, "orders.0.gift").check()
    await at(page, "orders.0.notes.0").fill("soon")
    await page.get_by_role("group", name="Orders 1").get_by_role("button", name="Add to Notes").click()
    await expect(at(page, "orders.0.notes.1")).to_be_focused()
    await at(page, "orders.0.notes.1").fill("please")
    await page.get_by_role("group", name="Address").get_by_label("Fill in").check()
    await at(page, "address.street").fill("High Street")
    await at(page, "pair.0").fill("7")
    await at(page, "pair.1").fill("b")
    await at(page, "agreed").select_option("No")
    await at(page, "clock").fill("10:15")
    await at(page, "key").fill(KEY)
    await at(page, "share").fill("")


async def open_form(browser: Browser, every: Served, *, javascript: bool) -> Page:
    context = await browser.new_context(java_script_enabled=javascript)
    context.set_default_timeout(15_000)
    page = await context.new_page()
    await page.goto(every.address)
    return page


async def received(page: Page) -> dict[str, Any]:
    await page.get_by_role("button", name="Analyse").first.click()
    await page.wait_for_url("**/analysis/*")
    session = page.url.rpartition("/")[2]
    progress = page.url.replace(f"/analysis/{session}", f"/api/analysis/progress/{session}")
    snapshot: dict[str, Any] = {"completed_at": None}
    async with asyncio.timeout(60):
        while snapshot["completed_at"] is None:
            snapshot = await (await page.request.get(f"{progress}?wait=20")).json()
    assert snapshot["status"] == "completed", snapshot["error"]
    return snapshot["result"]


@pytest.mark.parametrize("javascript", [True, False])
async def test_the_analysis_receives_what_was_entered(browser: Browser, every: Served, *, javascript: bool):
    page = await open_form(browser, every, javascript=javascript)
    await fill(page)
    picture = {"name": "a.png", "mimeType": "image/png", "buffer": b"a picture"}
    await at(page, "orders.0.picture").set_input_files(picture)
    await add(page, "Numbers", "numbers.3")  # the picture stays
    await at(page, "files").set_input_files([{**picture, "name": n, "buffer": n.encode()} for n in "ab"])
    got = await received(page)
    sources = [order.pop("picture") for order in got["orders"]]
    assert [bool(source) for source in sources] == [True, False]
    assert len(got.pop("files")) == 2
    assert got == RECEIVED
    await page.context.close()


@pytest.mark.parametrize("javascript", [True, False])
async def test_errors_stand_beside_their_fields(browser: Browser, every: Served, *, javascript: bool):
    page = await open_form(browser, every, javascript=javascript)
    await fill(page)
    count = at(page, "orders.1.count")
    await page.locator("form").evaluate_all("forms => forms.forEach((form) => (form.noValidate = true))")
    await count.fill("0")
    await at(page, "key").fill("no key")
    await page.get_by_role("button", name="Analyse").first.click()
    await expect(count).to_have_accessible_description("At least one. Input should be greater than or equal to 1.")
    await expect(count).to_be_focused()
    await expect(at(page, "key")).to_have_attribute("aria-invalid", "true")
    await expect(page.get_by_label("Numbers 1", exact=True)).to_have_value("9007199254740993")
    await expect(page.get_by_role("alert")).to_have_count(0)
    await page.context.close()


async def test_every_field_is_for_everybody(page: Page, every: Served):
    await page.set_viewport_size({"width": 320, "height": 640})
    await page.goto(every.address)
    await fill(page)
    await expect(page.get_by_text("Programs start this analysis")).to_be_visible()
    for scheme in ("light", "dark"):
        await page.emulate_media(color_scheme=scheme, reduced_motion="reduce")  # pyright: ignore[reportArgumentType] - one of two
        found = await Axe().run(page)
        assert found.violations_count == 0, found.generate_report()
    assert await page.evaluate("document.documentElement.scrollWidth") <= 320


async def test_the_keyboard_alone_fills_a_list(page: Page, every: Served):
    await page.goto(every.address)
    await page.get_by_label("Numbers 1", exact=True).focus()
    for key in ("1", "Tab", "Tab", "Enter"):
        await page.keyboard.press(key)
    await expect(page.get_by_label("Numbers 2", exact=True)).to_be_focused()
    await page.keyboard.press("2")
    await page.keyboard.press("Enter")  # submits: the browser asks for what is missing
    await expect(at(page, "colour")).to_be_focused()
