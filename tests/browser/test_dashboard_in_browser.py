"""The dashboard in a real browser: whatever visitors send, nothing runs there; it keeps itself up to date."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
import pytest_asyncio
from payloads import payloads
from playwright.async_api import Browser, Page, expect
from test_whole import Served, no_serious_fault, serve

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.asyncio(loop_scope="session")]

KEY = "the key of this dashboard"
TOGETHER = 9
"""Payloads in one session."""
SHOWN = 150
"""Characters of a text that its page shows at least."""
ECHO = """
import asyncio
from pathlib import Path
from outlast import Outlast, Permanent, report, step

outlast = Outlast(title="Echo")

@step("Saying")
async def say(text: str) -> str:
    report(0.5, message=text)
    return text

@outlast.analysis("echo", subject=lambda text, ends: text, steps=[say])
async def echo(text: str, ends: bool) -> str:
    await say(text)
    while not Path("go").exists():
        await asyncio.sleep(0.02)
    if not ends:
        raise Permanent(text)
    return text
"""


@pytest_asyncio.fixture(loop_scope="session")
async def served(tmp_path: Path) -> AsyncIterator[Served]:
    (tmp_path / "echo_site.py").write_text(ECHO)
    served = await serve(
        tmp_path,
        *("--app", "echo_site:outlast", "--concurrency", "500"),
        ANALYSIS_DASHBOARD_KEY=KEY,
        ANALYSIS_MAX_ACTIVE_PER_OWNER="1000",
        ANALYSIS_STARTS_PER_MINUTE="1000",
    )
    yield served
    await served.stop()


async def enter(page: Page, address: str) -> None:
    await page.goto(f"{address}/dashboard")
    await page.get_by_role("link", name="Enter with the key").click()
    await page.get_by_label("Key of the dashboard").fill(KEY)
    await page.get_by_role("button", name="Open the dashboard").click()
    await expect(page.get_by_role("heading", name="Dashboard")).to_be_visible()


async def start_all(address: str, texts: list[str]) -> list[str]:
    """The ids of their sessions, every second of which fails with its text."""
    async with httpx.AsyncClient(base_url=address, trust_env=False) as http:
        token = (await http.get("/api/analysis/token")).json()["token"]
        ids = []
        for n, text in enumerate(texts):
            body = {"analysis": "echo", "input": {"text": text, "ends": n % 2 == 0}}
            answer = await http.post("/api/analysis/start", json=body, headers={"X-CSRF-Token": token})
            ids.append(answer.raise_for_status().json()["session_id"])
        return ids


async def nothing_of_others(page: Page) -> None:
    never = "script, img, iframe, object, embed, base, meta, link, style, [onerror], [onload], [style]"
    assert await page.locator(f"main :is({never})").count() == 0


async def test_no_payload_that_visitors_send_runs_on_the_dashboard(served: Served, page: Page) -> None:
    ran: list[str] = []
    page.on("dialog", lambda dialog: ran.append(dialog.message))
    page.on("console", lambda said: ran.append(said.text) if "Content Security" in said.text else None)
    await enter(page, served.address)
    nasty = list(payloads())
    texts = [" ".join(nasty[n : n + TOGETHER]) for n in range(0, len(nasty), TOGETHER)]
    ids = await start_all(served.address, texts)
    await page.goto(f"{served.address}/dashboard/sessions?status=processing")  # with what the steps say
    await expect(page.locator(".d-sessions tbody tr").first).to_be_visible()
    await nothing_of_others(page)
    (served.folder / "go").touch()
    await page.goto(f"{served.address}/dashboard/failures")
    await expect(page.locator("#d-reasons tbody tr td").first).to_have_text(str(len(ids) // 2))
    markup = "%3Cscript%3Ealert(1)%3C/script%3E"
    for path in (
        *("sessions?status=completed", "sessions?status=failed", f"sessions?analysis={markup}"),
        *(
            f"sessions?q={markup}",
            f"audit?actor={markup}",
            f"failures?retried={markup}&refused={markup}",
            "queues",
        ),
    ):
        await page.goto(f"{served.address}/dashboard/{path}")
        await nothing_of_others(page)
    for session_id, text in zip(ids, texts, strict=True):
        await page.goto(f"{served.address}/dashboard/{session_id}", wait_until="domcontentloaded")
        await nothing_of_others(page)
        if text.isprintable():
            assert " ".join(text.split())[:SHOWN] in " ".join(
                (await page.locator(".d-facts").inner_text()).split()
            )
    await page.goto(f"{served.address}/dashboard/enter?key=%22%3E%3Cscript%3Ealert(1)%3C/script%3E")
    await nothing_of_others(page)
    assert ran == []


async def test_it_keeps_itself_up_to_date_until_it_is_paused(served: Served, page: Page) -> None:
    await enter(page, served.address)
    await page.get_by_text("As a table").click()
    await start_all(served.address, ["zero"])
    await expect(page.locator(".d-figures")).to_contain_text("Working\n1", use_inner_text=True)
    await expect(page.get_by_role("table").first).to_be_visible()  # what was opened stays open
    await page.goto(f"{served.address}/dashboard/sessions")
    sessions = page.locator(".d-sessions tbody tr")
    await expect(sessions).to_have_count(1)
    await start_all(served.address, ["one"])
    await expect(sessions).to_have_count(2)
    await page.get_by_role("button", name="Pause updates").click()
    await start_all(served.address, ["two"])
    async with page.expect_response("**/dashboard/sessions") as coming:  # none comes while it is paused
        await page.wait_for_timeout(4_000)
        await expect(sessions).to_have_count(2)
        await page.get_by_role("button", name="Pause updates").click()
    assert (await coming.value).ok
    await expect(sessions).to_have_count(3)


async def test_a_session_is_stopped_from_its_page(served: Served, page: Page) -> None:
    await enter(page, served.address)
    await start_all(served.address, ["one"])
    await page.goto(f"{served.address}/dashboard/sessions")
    await page.locator(".d-sessions tbody a").first.click()
    await page.get_by_role("button", name="Cancel").click()
    await expect(page.locator("#d-session .lead")).to_contain_text("cancelled")
    await page.get_by_role("button", name="Try again").click()
    await expect(page.locator("#d-session .lead")).to_contain_text("running")


async def test_it_has_no_serious_fault_on_any_screen_and_works_without_javascript(
    served: Served, page: Page, browser: Browser
) -> None:
    await enter(page, served.address)
    (one,) = await start_all(served.address, ["a subject of one word: " + "x" * 300])
    pages = [f"/dashboard/{page}" for page in ("sessions", "failures", "queues", "workers", "audit", "enter", one)]
    for path in ("/dashboard", *pages):
        for width, scheme in ((1_200, "light"), (400, "dark")):
            await page.set_viewport_size({"width": width, "height": 800})
            await page.emulate_media(color_scheme=scheme)
            await page.goto(served.address + path)
            await no_serious_fault(page)
            assert await page.evaluate("document.documentElement.scrollWidth") <= width
    context = await browser.new_context(java_script_enabled=False)
    plain = await context.new_page()
    await enter(plain, served.address)
    await expect(plain.get_by_role("button", name="Pause updates")).to_be_hidden()
    await plain.get_by_role("link", name="Queues").click()
    await plain.get_by_role("button", name="Pause the queue analysis").click()
    await expect(plain.locator("#d-queues tbody tr").first).to_contain_text("paused")
    await plain.get_by_role("link", name="Workers").click()
    await plain.get_by_role("button", name="Drain").first.click()
    await expect(plain.locator("#d-workers tbody tr").first).to_contain_text("drain")
    await plain.get_by_role("link", name="Audit log").click()
    await expect(plain.locator("#d-audit tbody tr").first).to_contain_text("workers drain")
    await plain.get_by_role("button", name="Leave").click()
    await expect(plain.get_by_label("Key of the dashboard")).to_be_visible()
    assert (await plain.goto(f"{served.address}/dashboard")).status == 403
    await context.close()
