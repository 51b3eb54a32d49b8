"""What the page says: the same with and without JavaScript, and no more than needed to those who listen."""

import datetime as dt
import re
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from mock_site import MockSite
from mock_snapshots import SESSION, STATES, snapshot, step, steps
from playwright.async_api import Browser, Page, expect

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.asyncio(loop_scope="session")]

# What is shown and what assistive technology is told, one node a line, without what only the element has.
SHOWN = """(root) => {
    const lines = [];
    const own = "script, style, slot, svg, [part=notify-button], [part=announcer], [hidden]";
    const told = ["role", "aria-label", "aria-valuenow", "aria-current", "aria-hidden", "aria-disabled",
        "data-status", "data-tone", "data-phase"];
    const walk = (node) => {
        if (node.nodeType === Node.TEXT_NODE) {
            const text = node.data.replace(/\\s+/g, " ").trim();
            if (text) lines.push(text);
        } else if (node.nodeType === Node.ELEMENT_NODE && !node.matches(own)) {
            const attributes = told.filter((name) => node.hasAttribute(name));
            if (attributes.length && !node.matches("h2")) {
                lines.push(attributes.map((name) => `${name}="${node.getAttribute(name)}"`).join(" "));
            }
            for (const child of node.childNodes) walk(child);
        }
    };
    for (const child of root.childNodes) walk(child);
    return lines.join("\\n");
}"""

TIMES = [
    {"eta_low": low, "eta_high": high, "elapsed_ms": elapsed}
    for low, high, elapsed in [
        (0.0, 0.0, 0),
        (1.2, 9.9, 999),
        (2.0, 10.0, 59_999),
        (20.0, 40.0, 60_000),
        (30.0, 30.0, 3_599_999),
        (29.9, 89.9, 3_600_000),
        (30.0, 90.0, 360_000_000),
        (61.5, 299.9, 1),
        (200, 5399, 2),
        (3599, 5400, None),
        (9000.5, 20_000.1, 3),
    ]
]
DURATIONS = [0, 49, 50, 949, 950, 9949, 9950, 9999, 10_499, 59_499, 59_500, 3_599_499, 3_599_500, 86_400_000]
MORE = {
    "at most": {"progress_percentage": 99.9},
    "no steps": {"steps": [], "current_message": None},
    "not cancellable": {"cancellable": False},
    "stalled in the middle": {"stalled": True, "status": "pending", "phase": "retrying"},
    "failed without a reason": STATES["failed"] | {"error": None, "reference": None},
    "a phase and a tone of a later version": {
        "phase": "resting",
        "phase_title": "Taking a break",
        "notice": "It goes on at noon.",
        "tone": "calm",
    },
    "a step of a later version": {"steps": [step(1, "paused")]},
    "characters": {"current_message": '<b>&amp; "ça" \'</script>', "steps": [step(1, "active", title="<i>&")]},
    "durations": {"steps": [step(1, "done", name=str(ms), duration_ms=ms) for ms in DURATIONS]},
    **{f"time {n}": times for n, times in enumerate(TIMES)},
}


@pytest_asyncio.fixture(loop_scope="session")
async def plain_page(browser: Browser) -> AsyncIterator[Page]:
    """A page without JavaScript."""
    context = await browser.new_context(java_script_enabled=False)
    yield await context.new_page()
    await context.close()


async def test_the_element_draws_every_state_as_the_template_does(site: MockSite, page: Page):
    await page.goto(f"{site.url}/problem")
    for name, changes in (STATES | MORE).items():
        shown = snapshot(**changes)
        if name == "retrying":
            shown["next_retry_at"] = None  # a clock time without JavaScript, a countdown with it
        await page.evaluate(
            """async ([snapshot, html]) => {
                const { ProgressView } = await import("/static/progress-view.js");
                const { Wording } = await import("/static/wording.js");
                const element = document.createElement("div");
                const now = performance.now();
                performance.now = () => now; // no second may begin while it is drawn
                const view = new ProgressView(element);
                view.label(new Wording("en"), "2");
                view.render(snapshot, { now: Date.now(), page: null, here: true });
                const rendered = new DOMParser().parseFromString(html, "text/html");
                window.pair = [element.shadowRoot, rendered.querySelector("analysis-progress")];
            }""",
            [shown, site.pages.analysis(shown)],
        )
        element, template = [await page.evaluate(f"() => ({SHOWN})(window.pair[{n}])") for n in (0, 1)]
        assert element == template, name


async def test_without_javascript_the_page_is_whole_and_refreshes_itself(site: MockSite, plain_page: Page):
    await plain_page.goto(site.page)
    await expect(plain_page.get_by_role("progressbar", name="Progress of the analysis")).to_be_visible()
    await expect(plain_page.get_by_text("about 20–40 s left")).to_be_visible()
    await expect(plain_page.get_by_text("Gathering reviews")).to_be_visible()
    site.snapshot = snapshot(progress_percentage=88.0)
    await expect(plain_page.locator("[data-part=percent]")).to_have_text("88%")
    assert site.count("events") == site.count("poll") == 0


async def test_without_javascript_buttons_post_the_token_to_the_page(site: MockSite, plain_page: Page):
    await plain_page.goto(site.page)
    await plain_page.get_by_role("button", name="Cancel the analysis").click()
    asked = await site.until_asked(f"/analysis/{SESSION}/cancel")
    assert (asked.method, asked.body) == ("POST", f"csrf_token={site.token}".encode())
    site.snapshot = snapshot(**STATES["failed"])
    await plain_page.goto(site.page)
    await plain_page.get_by_role("button", name="Try again").click()
    assert (await site.until_asked(f"/analysis/{SESSION}/retry")).body == f"csrf_token={site.token}".encode()


async def test_only_steps_and_quarters_are_announced_and_not_more_often_than_every_five_seconds(
    site: MockSite, page: Page
):
    await page.clock.install()
    await _open_with_record(site, page)
    for percentage in (33.0, 49.9):
        await site.show(progress_percentage=percentage, current_message=f"At {percentage}")
        await expect(page.get_by_text(f"At {percentage}")).to_be_visible()
    assert await page.evaluate("window.said") == []
    await site.show(progress_percentage=51.0)
    status = page.locator("[part=announcer]")
    await expect(status).to_have_text("50% done.")
    await site.show(progress_percentage=60.0, steps=steps(3))
    await expect(page.locator("[part=percent]")).to_have_text("60%")
    await site.show(progress_percentage=76.0, steps=steps(4))
    await expect(page.locator("[part=percent]")).to_have_text("76%")
    assert await page.evaluate("window.said") == ["50% done."]
    await page.clock.run_for(5_000)
    await expect(status).to_have_text("Step 4 of 4: Writing the report. 75% done.")
    await site.show(**STATES["failed"])
    await expect(status).to_have_text("Failed. The file has no column that looks like a rating.")
    assert len(await page.evaluate("window.said")) == 3


async def test_the_clock_and_the_time_left_go_on_between_snapshots(site: MockSite, page: Page):
    await page.clock.install()
    site.snapshot = snapshot(eta_low=15.0, eta_high=30.0)
    await page.goto(site.page)
    await site.until(lambda: site.streams == 1)
    await page.clock.run_for(11_000)
    await expect(page.locator("[part=left]")).to_have_text("less than 20 s left")
    elapsed = await page.locator("[part=elapsed]").inner_text()
    assert "0:22" <= elapsed <= "0:29"
    await page.clock.run_for(22_000)
    await expect(page.locator("[part=left]")).to_be_hidden()


async def test_the_next_attempt_is_counted_down_by_the_clock_of_the_server(site: MockSite, page: Page):
    await page.clock.install(time="2031-01-01T00:00:00Z")  # the visitor's clock is years off
    site.snapshot = snapshot(**STATES["retrying"] | {"next_retry_at": _in_seconds(45)})
    await page.goto(site.page)
    notice = page.locator("[part=notice]")
    await expect(notice).to_contain_text("Attempt 1 of 3 failed")
    await site.until(lambda: site.streams == 1)
    await site.show()
    await expect(notice).to_contain_text("starts by itself in 4")
    await page.clock.run_for(20_000)
    await expect(notice).to_contain_text("starts by itself in 2")
    await site.show(next_retry_at=_in_seconds(-60))
    await expect(notice).to_contain_text("starts by itself; finished")


async def test_a_stalled_session_says_that_it_waits(site: MockSite, page: Page):
    site.snapshot = snapshot(**STATES["stalled"])
    await page.goto(site.page)
    sentence = "We're a bit behind; your analysis will start by itself."
    await expect(page.get_by_text(sentence)).to_be_visible()
    await site.until(lambda: site.streams == 1)
    await site.show(stalled=False)
    await expect(page.get_by_text(sentence)).to_be_hidden()
    await expect(page.get_by_text("Next in the queue.")).to_be_visible()


async def test_a_phase_of_a_later_version_shows_what_the_snapshot_says(site: MockSite, page: Page):
    await _open_with_record(site, page)
    await site.show(phase="resting", phase_title="Taking a break", notice="It goes on at noon.", tone="calm")
    await expect(page.get_by_role("heading", name="Taking a break")).to_be_visible()
    await expect(page.get_by_text("It goes on at noon.")).to_be_visible()
    await site.show(phase="gone", phase_title="Given up", notice="Nobody wants it.", status="failed")
    await expect(page.locator("[part=announcer]")).to_have_text("Given up. Nobody wants it.")
    await expect(page).to_have_title(re.compile("^Given up"))


async def test_an_end_of_a_later_version_is_an_end(site: MockSite, page: Page):
    await _open_with_record(site, page)
    await page.evaluate(
        "document.addEventListener('analysis:error', (event) => (window.ended = event.detail.status))"
    )
    expired = {"status": "expired", "phase": "expired", "phase_title": "Expired", "notice": "It took too long."}
    await site.show(**expired, tone="error", completed_at="2026-03-04T05:07:07.000000Z", cancellable=False)
    await expect(page.get_by_role("heading", name="Expired")).to_be_visible()
    await expect(page.locator("[part=announcer]")).to_have_text("Expired. It took too long.")
    assert await page.evaluate("window.ended") == "expired"
    await expect(page.get_by_role("button", name="Try again")).to_be_hidden()
    asked = len(site.asked)
    site.end_streams()
    await page.evaluate("fetch('/problem')")
    assert [one.kind for one in site.asked[asked:]] == ["/problem"]


async def _open_with_record(site: MockSite, page: Page) -> None:
    await page.goto(site.page)
    await site.until(lambda: site.streams == 1)
    await page.evaluate("""() => {
        const region = document.querySelector("analysis-progress").shadowRoot.querySelector("[role=status]");
        window.said = [];
        new MutationObserver(() => said.push(region.textContent)).observe(region, { childList: true });
    }""")


def _in_seconds(seconds: int) -> str:
    return (dt.datetime.now(dt.UTC) + dt.timedelta(seconds=seconds)).isoformat()
