"""The page shows the whole report, escaped, without styles or scripts of its own, in headings that step down."""

import dataclasses
import datetime as dt
import itertools
import json
import re
from html import unescape
from html.parser import HTMLParser
from importlib.resources import files

import pytest
from review_data import copies, invented

from outlast_reviews.pages import render_report
from outlast_reviews.pages.charts import interval_bar, star_rows
from outlast_reviews.pages.highlighting import highlighted
from outlast_reviews.report import review_report
from outlast_reviews.review import Review, ReviewSet, Skipped

ATTACK = (
    "\"'><script>alert(1)</script><img src=x onerror=alert(1)>{{7*7}}</title></svg><a href=javascript:alert(1)>"
)
NOW = dt.datetime(2025, 3, 4, 5, 6, tzinfo=dt.UTC)
VOID = {"meta", "link", "img", "br", "input", "hr"}


class Page(HTMLParser):
    """Elements of a page in order, refusing a tag that closes nothing."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.text = ""
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data

    def having(self, name: str) -> list[str]:
        return [value or "" for _, attributes in self.elements for key, value in attributes.items() if key == name]


def result_of(reviews, **more):
    received = ReviewSet(tuple(reviews), more.pop("format", "CSV"), **more)
    report = review_report(received, source=ATTACK, analysed_at=NOW)
    return json.loads(json.dumps({"report": report, "redirect_url": None}))


def campaign() -> list[Review]:
    burst = [
        Review(row=2_000 + n, rating=5.0, date=dt.date(2024, 6, 3 + n % 4), text=f"Nice {n}", reviewer=f"B{n}")
        for n in range(40)
    ]
    vine = Review(row=3_000, text="Lovely, in exchange for my honest review.", reviewer="V W", incentivised=True)
    return [*invented(300), *copies(9, first_row=1_000), *burst, vine]


def hostile() -> list[Review]:
    reviews = copies(30)
    return [
        Review(
            row=r.row,
            review_id=f"{ATTACK}{r.row}",
            rating=5.0,
            date=dt.date(2024, 1, r.row),
            title=ATTACK,
            text=f"{r.text} {ATTACK}",
            reviewer=f"{ATTACK} {r.row}",
            incentivised=True,
        )
        for r in reviews
    ]


PAGES = {
    "nothing": [],
    "few": invented(5),
    "honest": invented(300),
    "campaign": campaign(),
    "hostile": hostile(),
    "bare": [Review(row=n, text="a text of eight words or more is here", reviewer=f"{n}") for n in range(30)],
    "only stars": [Review(row=n, rating=4.5) for n in range(30)],
}


@pytest.fixture(params=PAGES)
def page(request) -> Page:
    return Page(render_report(result_of(PAGES[request.param], skipped=(Skipped(7, ATTACK),))))


@pytest.mark.slow
def test_headings_begin_with_the_verdict_and_step_down_one_by_one(page):
    levels = [int(tag[1]) for tag, _ in page.elements if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in itertools.pairwise(levels))


@pytest.mark.slow
def test_a_strict_policy_has_nothing_to_refuse(page):
    assert not {"script", "style", "link", "iframe", "img"} & {tag for tag, _ in page.elements}
    assert page.having("style") == []
    assert not [key for _, attributes in page.elements for key in attributes if key.startswith("on")]
    assert all(href.startswith(("#", "?")) for href in page.having("href"))


@pytest.mark.slow
def test_ids_are_unique_and_every_reference_leads_somewhere(page):
    ids = page.having("id")
    assert len(ids) == len(set(ids))
    assert {href.partition("#")[2] for href in page.having("href")} <= set(ids)
    assert {one for names in page.having("aria-labelledby") for one in names.split()} <= set(ids)


@pytest.mark.slow
def test_every_chart_has_a_title_a_description_and_a_table_beside_it(page):
    charts = [attributes for tag, attributes in page.elements if attributes.get("role") == "img"]
    assert sum(tag == "desc" for tag, _ in page.elements) == len(charts)
    # the scale of the gauge says all of it
    tables = [attributes for tag, attributes in page.elements if tag == "table"]
    shown = sum(table.get("class") != "ri-sides" for table in tables)
    assert shown == sum(c["class"] != "r-interval" for c in charts)


def test_no_field_of_a_review_becomes_markup():
    page = Page(
        render_report(result_of(hostile(), product_title=ATTACK, format=ATTACK, skipped=(Skipped(1, ATTACK),)))
    )
    assert not {"script", "img"} & {tag for tag, _ in page.elements}
    assert page.text.count("<script>alert(1)</script>") > 30
    assert "{{7*7}}" in page.text


@pytest.mark.slow
def test_the_parts_come_in_the_order_of_a_reader():
    nothing = dict.fromkeys(("share", "rating", "adjusted", "vanished", "added"))
    earlier = nothing | {
        "since": "2025-02-03T04:05:06Z",
        "grade": "U",
        "reviews": 9,
        "suspicious": 0,
        "method": "1",
    }
    html = render_report({**result_of(campaign()), "earlier": earlier})
    order = [
        *("title", "coverage", "checks", "what-if", "incentivised", "stars", "timeline", "comparisons"),
        *("flagged", "unsigned", "trustworthy", "changes", "method"),
    ]
    assert re.findall(r'<h[12] id="r-([\w-]+)"', html) == order
    bar = html[html.index('class="r-bar"') : html.index("<header")]
    named = ["title", "checks", "stars", "flagged", "trustworthy", "changes", "method"]
    assert re.findall(r'href="#r-([\w-]+)"', bar) == named
    assert "<mark>" in html
    assert 'class="r-band"' in html
    assert "not counted as suspicious" in render_report(result_of(campaign()), {"page": "all"})


def test_a_report_without_incentives_or_an_earlier_one_has_no_links_to_them():
    html = render_report(result_of(invented(30)))
    assert 'id="r-incentivised"' not in html
    assert "r-changes" not in html


@pytest.mark.slow
def test_of_what_was_found_each_check_says_how_much_it_weighs():
    given = [dataclasses.replace(r, verified=r.row % 9 != 0) for r in campaign()]
    page = render_report(result_of(given))
    said = dict(re.findall(r'<h3>([^<]+)</h3>\s*<p class="r-outcome">([^<]+)<', unescape(page)))
    assert said["Near-identical texts"] == "Found, strong"
    assert said["Bursts of five-star reviews"] == "Found, medium"
    assert said["Rewarded reviews"] == "Found, not suspicious"
    assert said["Unverified purchases"] == "Found, weak"
    assert said["Reviews that have disappeared"] == "Couldn't run"
    assert page.count('data-weight="quiet"') >= 2
    assert page.count('<path d="M11 2.5') == 2


@pytest.mark.slow
def test_a_report_from_before_strengths_were_told_says_what_was_found():
    result = result_of(campaign())
    for check in result["report"]["checks"]:
        del check["strength"]
    assert '<p class="r-outcome">Found</p>' in render_report(result)


@pytest.mark.parametrize("source", ["https://shop.example/p/1/", "reviews.csv", "sample:", "Ask me!"])
def test_nothing_follows_the_source_that_could_be_taken_for_a_part_of_it(source):
    result = result_of(invented(30))
    result["report"]["source"] = source
    assert re.search(rf"Source: {re.escape(source)}\s*<", render_report(result))


@pytest.mark.slow
def test_a_grade_of_u_shows_no_bar_and_says_why():
    page = Page(render_report(result_of(invented(5))))
    assert "Not enough evidence for a grade" in page.text
    assert "Only 5 reviews have text" in page.text
    assert "r-interval" not in page.having("class")
    assert "Not enough evidence to adjust it." in page.text
    assert "r-before" not in page.having("class")


def test_highlighted_parts_together_are_the_text():
    text = "one two three two one"
    parts = highlighted(text, ["two", "two three", "", "absent"])
    assert "".join(part for part, _ in parts) == text
    assert [part for part, on in parts if on] == ["two three two"]


@pytest.mark.parametrize(
    ("text", "quote", "lit"),
    [
        ("one of two ends here…", "two ends here and goes on", ["two ends here"]),
        ("…it goes on until here and not", "where it goes on until here", ["it goes on until here"]),
        ("one of two ends…", "two ends here", []),
        ("one of two ends here", "two ends here and goes on", []),
    ],
)
def test_what_an_excerpt_cuts_off_of_a_quote_is_highlighted_as_far_as_it_goes(text, quote, lit):
    parts = highlighted(text, [quote])
    assert "".join(part for part, _ in parts) == text
    assert [part for part, on in parts if on] == lit


@pytest.mark.slow
def test_the_bars_stay_inside_their_charts():
    report = result_of(campaign())["report"]
    interval = interval_bar(report)
    assert interval is not None
    assert 0 <= interval.x <= interval.middle <= interval.x + interval.width <= 100
    assert sum(zone.width for zone in interval.zones) == 100
    assert max(row.before_width for row in star_rows(report["stars"])) <= 60


def test_the_stylesheet_is_shipped_and_styles_only_the_report():
    css = files("outlast_reviews.pages").joinpath("assets/reviews.css").read_text("utf-8")
    css = re.sub(r"/\*.*?\*/", "", css, flags=re.DOTALL)
    selectors = re.findall(r"([^{};]+)\{", css)
    loose = [s.strip() for s in selectors if not s.strip().startswith((".r", ".c-", "bookmarklet-link", "@"))]
    assert loose == []
    assert "@import" not in css
    assert "url(" not in css


@pytest.mark.slow
def test_a_report_of_an_earlier_version_is_shown_with_the_colour_of_its_grade():
    result = result_of([*invented(300), *copies(9, first_row=900)])
    for name in ("badge", "tone", "projected", "typical", "checks_made", "checks_total"):
        del result["report"][name]
    assert result["report"]["strong_count"] == 9
    assert 'data-tone="warn"' in render_report(result)
    result["report"]["strong_count"] = 0
    assert 'data-tone="good"' in render_report(result)


def test_the_page_says_of_how_many_reviews_a_share_is_and_is_not_green_beside_a_strong_sign():
    result = result_of([*invented(60), *copies(9, first_row=900)])
    page = render_report(result)
    assert "of 69 reviews with text" in page
    assert 'data-tone="warn"' in page
    assert "9 reviews repeat each other under different names" in page
