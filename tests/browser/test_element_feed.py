"""How the element hears of progress: events, long polls, polls, and the way back up."""

import json
import re

import pytest
from mock_site import Answer, MockSite, event
from mock_snapshots import snapshot
from playwright.async_api import BrowserContext, Page, expect

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.asyncio(loop_scope="session")]

LOST = "Connection lost. Trying again; your analysis goes on."
BUSY = Answer(503, {"error": "Busy."})


async def open_at(site: MockSite, page: Page, road: str = "events") -> None:
    """Opens the page and waits for the first look at the session by that road."""
    await page.goto(site.page)
    await site.until_asked(road)


async def test_each_event_is_shown_as_it_comes(site: MockSite, page: Page):
    await open_at(site, page)
    await site.show(progress_percentage=48.7, current_message="Read 290 of 300 reviews")
    await expect(page.locator("[part=percent]")).to_have_text("48%")
    await expect(page.get_by_role("progressbar")).to_have_attribute("aria-valuenow", "48")
    await expect(page.get_by_text("Read 290 of 300 reviews")).to_be_visible()
    await expect(page).to_have_title(re.compile(r"^48% · Analysis of reviews\.csv"))
    assert site.count("events") == 1
    assert site.count("poll") == site.count("wait") == 0


async def test_events_are_understood_however_they_are_cut_into_chunks(site: MockSite, page: Page):
    await open_at(site, page)
    next_one = json.dumps(snapshot(version=11, current_message="Grüße\u2028✓"), ensure_ascii=False, indent=1)
    data = "".join(f"data: {line}\r\n" for line in next_one.split("\n"))
    for byte in f": a comment\r\nid: 11\r\nevent:progress\r\n{data}\r\n".encode():
        site.say(bytes([byte]))
    await expect(page.locator("[part=message]")).to_contain_text("Grüße")


async def test_a_snapshot_older_than_the_shown_is_ignored(site: MockSite, page: Page):
    await open_at(site, page)
    await site.show(progress_percentage=60.0)
    await expect(page.locator("[part=percent]")).to_have_text("60%")
    site.say(event("progress", snapshot(version=9, progress_percentage=99.0, current_message="Old news")))
    site.say(event("progress", snapshot(version=12, progress_percentage=61.0)))
    await expect(page.locator("[part=percent]")).to_have_text("61%")
    await expect(page.get_by_text("Old news")).to_have_count(0)


async def test_the_bar_eases_but_never_shows_more_than_the_snapshot_nor_goes_back(site: MockSite, page: Page):
    await open_at(site, page)
    await expect(page.locator("[part=percent]")).to_have_text("31%")
    await page.evaluate("""() => {
        const root = document.querySelector("analysis-progress").shadowRoot;
        const [bar, fill] = ["bar", "fill"].map((part) => root.querySelector(`[part=${part}]`));
        window.widths = [];
        const look = () => {
            widths.push(fill.getBoundingClientRect().width / bar.getBoundingClientRect().width * 100);
            requestAnimationFrame(look);
        };
        look();
    }""")
    await site.show(progress_percentage=80.0)
    await page.wait_for_function("() => widths.at(-1) > 79.5")
    await site.show(progress_percentage=20.0)  # no server should; the bar stays all the same
    await site.show(progress_percentage=20.0, current_message="Back?")
    await expect(page.get_by_text("Back?")).to_be_visible()
    widths = await page.evaluate("widths")
    assert widths == sorted(widths)
    assert max(widths) <= 80.1
    assert len({round(width) for width in widths}) > 5


async def test_without_events_it_polls_long_and_without_that_it_polls(site: MockSite, page: Page):
    site.refused = {"events": BUSY, "wait": BUSY}
    await open_at(site, page, "poll")
    assert [asked.kind for asked in site.asked if asked.kind in {"events", "wait", "poll"}] == [
        "events",
        "wait",
        "poll",
    ]
    assert (await site.until_asked("wait")).query == {"wait": ["25"]}
    await site.show(progress_percentage=50.0)
    await expect(page.locator("[part=percent]")).to_have_text("50%")
    await expect(page.get_by_text(LOST)).to_be_hidden()


async def test_long_polls_carry_the_tag_and_show_each_change(site: MockSite, page: Page):
    site.refused = {"events": BUSY}
    await open_at(site, page, "wait")
    assert (await site.until_asked("wait", 2)).headers["if-none-match"] == 'W/"10"'
    await site.show(progress_percentage=50.0)
    await expect(page.locator("[part=percent]")).to_have_text("50%")
    assert (await site.until_asked("wait", 3)).headers["if-none-match"] == 'W/"11"'
    assert site.count("poll") == 0


@pytest.mark.parametrize("signal", ["online", "visibilitychange"])
async def test_a_page_that_wakes_up_goes_back_to_events(site: MockSite, page: Page, signal: str):
    site.refused = {"events": BUSY, "wait": BUSY}
    await open_at(site, page, "poll")
    site.refused = {}
    target = "window" if signal == "online" else "document"
    await page.evaluate(f"{target}.dispatchEvent(new Event('{signal}'))")
    await site.until_asked("events", 2)
    await site.until(lambda: site.streams == 1)


async def test_polls_give_way_to_events_after_a_minute(site: MockSite, page: Page):
    await page.clock.install()
    site.refused = {"events": BUSY, "wait": BUSY}
    await page.goto(site.page)
    await site.until_asked("events")
    await _pass_time(site, page, "poll")
    site.refused = {}
    await _pass_time(site, page, "events", 2, seconds=5)
    await site.until(lambda: site.streams == 1)


async def test_a_stream_that_falls_silent_is_given_up_after_forty_seconds(site: MockSite, page: Page):
    await page.clock.install()
    await open_at(site, page)
    await site.until(lambda: site.streams == 1)
    await page.clock.run_for(35_000)
    assert site.count("wait") == 0
    await page.clock.run_for(6_000)
    await site.until_asked("wait")


async def test_a_stream_that_a_proxy_holds_is_given_up_after_four_seconds_and_told(site: MockSite, page: Page):
    await page.clock.install()
    site.silent = True
    await open_at(site, page)
    await site.until(lambda: site.streams == 1)
    await page.clock.run_for(3_000)
    assert site.count("wait") == 0
    await site.show(progress_percentage=64.0)
    await page.clock.run_for(2_000)
    assert (await site.until_asked("wait")).headers["x-outlast-held"] == "events"
    await expect(page.locator("[part=percent]")).to_have_text("64%")
    assert "x-outlast-held" not in (await site.until_asked("wait", 2)).headers
    await expect(page.get_by_text(LOST)).to_be_hidden()


async def test_comments_keep_a_stream_alive(site: MockSite, page: Page):
    await page.clock.install()
    await open_at(site, page)
    await site.until(lambda: site.streams == 1)
    for version in (11, 12, 13):
        await page.clock.run_for(30_000)
        site.say(b": still here\n\n")
        site.say(event("progress", snapshot(version=version, progress_percentage=float(version))))
        await expect(page.get_by_role("progressbar")).to_have_attribute("aria-valuenow", "31")
        await page.wait_for_function(
            f"() => document.querySelector('analysis-progress').snapshot.version === {version}"
        )
    assert site.count("events") == 1


async def test_a_stream_that_is_cut_is_followed_by_a_long_poll(site: MockSite, page: Page):
    await open_at(site, page)
    await site.until(lambda: site.streams == 1)
    site.end_streams()
    await site.until_asked("wait")
    await expect(page.get_by_text(LOST)).to_be_hidden()


async def test_after_a_bye_it_listens_again_and_names_the_version_it_has(site: MockSite, page: Page):
    await open_at(site, page)
    await site.until(lambda: site.streams == 1)
    site.say(b"event: bye\ndata: {}\n\n")
    again = await site.until_asked("events", 2)
    assert again.headers["last-event-id"] == "10"
    assert site.count("wait") == site.count("poll") == 0
    await expect(page.get_by_text(LOST)).to_be_hidden()


async def test_a_lost_connection_is_told_and_found_again(site: MockSite, page: Page, context: BrowserContext):
    await open_at(site, page)
    await site.until(lambda: site.streams == 1)
    await context.set_offline(True)
    site.end_streams()
    await expect(page.get_by_text(LOST)).to_be_visible()
    await site.show(progress_percentage=77.0)
    await context.set_offline(False)
    await expect(page.locator("[part=percent]")).to_have_text("77%")
    await expect(page.get_by_text(LOST)).to_be_hidden()
    await site.until(lambda: site.streams == 1)


async def test_it_never_waits_longer_than_four_seconds_to_try_again(site: MockSite, page: Page):
    await page.clock.install()
    site.refused = {"events": BUSY, "wait": BUSY, "poll": BUSY}
    await page.goto(site.page)
    await site.until_asked("events")
    await _pass_time(site, page, "poll", 5)
    for _ in range(3):
        before = site.count("poll") + site.count("events") + site.count("wait")
        await page.clock.run_for(4_000)
        await site.until(lambda n=before: site.count("poll") + site.count("events") + site.count("wait") > n)


async def test_polls_keep_to_the_pace_that_the_server_asks_for(site: MockSite, page: Page):
    await page.clock.install()
    site.refused = {
        "events": BUSY,
        "wait": BUSY,
        "poll": Answer(429, {"error": "Slower."}, retry_after="30"),
    }
    await page.goto(site.page)
    await site.until_asked("events")
    await _pass_time(site, page, "poll")
    await page.clock.run_for(25_000)
    assert site.count("poll") == 1
    await page.clock.run_for(6_000)
    await site.until_asked("poll", 2)
    await expect(page.get_by_text(LOST)).to_be_hidden()


async def test_a_hidden_tab_gives_its_stream_back_and_takes_it_again_when_seen(site: MockSite, page: Page):
    await page.clock.install()
    await open_at(site, page)
    await site.until(lambda: site.streams == 1)
    await _hide(page, hidden=True)
    await page.clock.run_for(31_000)
    await site.until(lambda: site.streams == 0)
    await site.until_asked("poll")
    await _hide(page, hidden=False)
    await site.until(lambda: site.streams == 1)


async def test_an_unknown_session_ends_with_a_sentence_and_no_more_requests(site: MockSite, page: Page):
    site.refused = {"events": Answer(404, {"error": "No."})}
    await page.clock.install()
    await open_at(site, page)
    await expect(page.locator("[part=connection]")).to_contain_text("We can't find this analysis")
    asked = len(site.asked)
    await page.clock.run_for(120_000)
    assert len(site.asked) == asked


async def test_no_content_on_events_means_one_look_at_the_end(site: MockSite, page: Page):
    await open_at(site, page)
    await site.until(lambda: site.streams == 1)
    site.refused = {"events": Answer(204)}
    site.say(b"event: bye\ndata: {}\n\n")
    site.snapshot = snapshot(version=11, status="failed", phase="failed", error="Nothing in it.")
    await expect(page.locator("[part=notice]")).to_have_text("Nothing in it.")
    assert site.count("poll") == 1


async def _pass_time(site: MockSite, page: Page, kind: str, times: int = 1, *, seconds: int = 2) -> None:
    """Lets the page's clock run until it has asked; each look waits for the page's own requests."""
    for _ in range(40):
        if site.count(kind) >= times:
            return
        await page.clock.run_for(seconds * 1000)
        await page.evaluate("fetch('/problem')")  # what the page asked for in that time has been answered
    pytest.fail(f"no {kind} within {40 * seconds} s")


async def _hide(page: Page, *, hidden: bool) -> None:
    await page.evaluate(
        """(hidden) => {
            Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
            document.dispatchEvent(new Event("visibilitychange"));
        }""",
        hidden,
    )
