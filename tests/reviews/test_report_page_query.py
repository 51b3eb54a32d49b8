"""Long reports come by pages, by check and without incentivised reviews; every choice is an address."""

import datetime as dt
import json
import re
from html import unescape
from urllib.parse import parse_qsl

import pytest
from reference_work import cost, least
from review_data import copies, invented

from outlast_reviews.pages import render_report
from outlast_reviews.pages.query import CLEAR_PER_PAGE, PER_PAGE, ReportQuery, paginate
from outlast_reviews.report import review_report
from outlast_reviews.review import Review, ReviewSet

NOW = dt.datetime(2025, 3, 4, 5, 6, tzinfo=dt.UTC)


def result_of(reviews):
    report = review_report(ReviewSet(tuple(reviews), "CSV"), source="a file", analysed_at=NOW)
    return json.loads(json.dumps({"report": report, "redirect_url": None}))


@pytest.fixture(scope="module")
def mixed():
    paid = [
        Review(row=5_000 + n, rating=5.0, text=f"{r.text} In exchange for my honest review.", reviewer=f"V{n} W")
        for n, r in enumerate(invented(150)[120:])
    ]
    return result_of([*invented(120), *copies(300, first_row=1_000), *paid])


def pages_of(result) -> int:
    """A copy takes a fifth of the room of another review."""
    copied = sum(review["cluster"] is not None for review in result["report"]["flagged"])
    return -(-(len(result["report"]["flagged"]) - copied + copied // 5) // PER_PAGE)


def rows(html: str) -> list[int]:
    return [int(row) for row in re.findall(r'id="review-(\d+)"', html)]


@pytest.mark.slow
def test_the_pages_together_show_every_flagged_review_once(mixed):
    flagged = mixed["report"]["flagged"]
    pages = pages_of(mixed)
    assert pages > 1
    shown = [row for page in range(1, pages + 1) for row in rows(render_report(mixed, {"page": str(page)}))]
    assert sorted(shown) == sorted(review["row"] for review in flagged)
    assert rows(render_report(mixed, {"page": "all"})) == shown


def test_a_group_goes_on_where_its_page_ended(mixed):
    assert "continued" not in render_report(mixed)
    assert "300 near-identical reviews, continued" in render_report(mixed, {"page": "2"})


@pytest.mark.slow
def test_of_one_check_all_its_reviews_and_no_others_are_shown(mixed):
    for check in mixed["report"]["checks"]:
        if check["count"]:
            html = render_report(mixed, {"check": check["name"], "page": "all"})
            having = {
                f["row"]
                for f in mixed["report"]["flagged"]
                if any(r["check"] == check["name"] for r in f["reasons"])
            }
            assert set(rows(html)) == having
            assert len(having) == check["count"]
            assert f'href="?check={check["name"]}#r-flagged">See' in html


@pytest.mark.slow
def test_reviews_without_signs_are_all_there_by_pages(mixed):
    total = mixed["report"]["without_signs_count"]
    assert len(mixed["report"]["without_signs"]) == total > CLEAR_PER_PAGE
    html = render_report(mixed, {"clear": "2"})
    assert f"{CLEAR_PER_PAGE + 1} to {min(total, 2 * CLEAR_PER_PAGE)} of {total}" in html
    assert '<details class="r-more" open>' in html
    everything = render_report(mixed, {"clear": "all"})
    assert all(review["excerpt"][:30] in everything for review in mixed["report"]["without_signs"])


@pytest.mark.slow
def test_without_incentivised_reviews_neither_list_nor_stars_have_them(mixed):
    report = mixed["report"]
    with_, without = (
        render_report(mixed, {"page": "all"}),
        render_report(mixed, {"page": "all", "incentivised": "without"}),
    )
    assert len(rows(with_)) - len(rows(without)) == report["incentivised_count"] > 20
    given = {row["stars"]: row["before"] - row["incentivised"] for row in report["stars"]}
    assert f'<th scope="row">5</th><td>{given[5]}</td>' in without
    assert (
        f"{report['rating_without_incentivised']:.2f} stars instead of {report['original_rating']:.2f}" in without
    )


def test_choices_are_kept_in_the_addresses_of_others():
    choice = ReportQuery(check="burst", page=3, without_incentivised=True)
    assert choice.to("r-flagged", page=4) == "?check=burst&page=4&incentivised=without#r-flagged"
    assert ReportQuery().to("r-flagged") == "?#r-flagged"


@pytest.mark.slow
@pytest.mark.parametrize(
    "query",
    [
        {"page": "0"},
        {"page": "-1"},
        {"page": "99999999999999999999"},
        {"page": "١"},
        {"page": "<script>"},
        {"check": '"><script>alert(1)</script>'},
        {"check": "nothing"},
        {"incentivised": "x"},
        {"clear": "\x00"},
    ],
)
def test_a_choice_that_makes_no_sense_chooses_nothing(mixed, query):
    html = render_report(mixed, query)
    assert "<script" not in html
    assert rows(html) == rows(render_report(mixed))


@pytest.mark.slow
def test_a_page_beyond_the_last_is_the_last(mixed):
    assert rows(render_report(mixed, {"page": "9999"})) == rows(render_report(mixed, {"page": "3"}))


def test_a_pager_offers_the_ends_and_the_neighbours():
    where, shown = paginate(range(1_000), 10, 50)
    assert where.around == (1, 2, None, 9, 10, 11, None, 20)
    assert (where.first, where.last, shown[0]) == (451, 500, 450)
    assert paginate([], 5, 50)[0].pages == 1


def test_a_check_that_the_page_does_not_know_is_shown_by_its_title(mixed):
    result = json.loads(json.dumps(mixed))
    result["report"]["checks"].append(
        {"name": "moon", "title": "Phase of the moon", "outcome": "odd", "sentence": "Full.", "count": 1}
    )
    reason = {
        "check": "moon",
        "strength": "weak",
        "sentence": "EndRecord at full moon.",
        "quote": None,
        "quotes": [],
    }
    result["report"]["flagged"].append({**result["report"]["flagged"][0], "row": 9_999, "reasons": [reason]})
    html = render_report(result, {"check": "moon"})
    assert rows(html) == [9_999]
    assert "Phase of the moon" in html
    assert "Full." in html


@pytest.mark.slow
def test_a_report_of_five_thousand_reviews_is_a_small_page_drawn_quickly():
    # copies share words with their own group alone
    flagged = [
        Review(
            row=r.row + 100 * g,
            rating=5.0,
            date=r.date,
            text=f"{g} {r.text}".replace(" ", f" {g % 7}", 3),
            reviewer=f"P {g} {r.row}",
        )
        for g in range(20)
        for r in copies(100, first_row=10_000 * (g + 1), changed=1)
    ]
    result = result_of([*invented(3_000, days=700), *flagged])
    assert result["report"]["flagged_count"] >= 2_000
    render_report(result)
    assert max(len(render_report(result, {"page": str(number + 1)}).encode()) for number in range(5)) < 300_000
    assert least(lambda: cost(lambda: render_report(result, {"page": "2"})), 1.5) <= 1.5


LINK = re.compile(r'<a href="([^"]+)">See (?:the |)([\d,]+|review)')


@pytest.mark.slow
@pytest.mark.parametrize("query", [{}, {"incentivised": "without"}])
def test_every_link_to_the_reviews_of_a_check_leads_to_as_many_as_it_says(mixed, query):
    links = LINK.findall(render_report(mixed, query))
    assert len(links) >= 2
    for address, count in links:
        chosen = dict(parse_qsl(unescape(address).lstrip("?").partition("#")[0]))
        shown = rows(render_report(mixed, {**chosen, "page": "all"}))
        assert len(shown) == (1 if count == "review" else int(count.replace(",", "")))


@pytest.mark.slow
def test_of_too_many_reviews_with_signs_each_check_keeps_some(monkeypatch):
    monkeypatch.setattr("outlast_reviews.listing.MOST_FLAGGED", 60)
    monkeypatch.setattr("outlast_reviews.listing.RESERVED_PER_CHECK", 10)
    paid = [
        Review(row=5_000 + n, rating=5.0, text=f"{r.text} In exchange for my honest review.", reviewer=f"V{n} W")
        for n, r in enumerate(invented(150)[120:])
    ]
    result = result_of([*invented(120), *copies(70, first_row=1_000), *paid])
    (incentive,) = [c for c in result["report"]["checks"] if c["name"] == "incentive"]
    assert len(result["report"]["flagged"]) == 60
    assert f"See 10 of the {incentive['count']} reviews" in render_report(result)
    assert len(rows(render_report(result, {"check": "incentive", "page": "all"}))) == 10
