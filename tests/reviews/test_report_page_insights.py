"""The parts beside the verdict on the page: every choice is an address, and the sentences fit the figures."""

import datetime as dt
import json
import re
from dataclasses import replace
from html import unescape
from itertools import combinations
from urllib.parse import parse_qsl, urlsplit

import pytest
from review_data import copies, invented, review_set

from outlast_reviews.checks.facts import ReviewFacts, Sighting, reviewer_mark
from outlast_reviews.pages import render_report
from outlast_reviews.pages.query import ReportQuery
from outlast_reviews.report import review_report
from outlast_reviews.review import Review

NOW = dt.datetime(2025, 3, 4, 5, 6, tzinfo=dt.UTC)
HOSTILE = "\"'><script>alert(1)</script>{{7*7}}"


@pytest.fixture(scope="module")
def result():
    """Copies, rewarded and unverified reviews, a group that met elsewhere, and a shop that counts more."""
    honest = [replace(review, reviewer=f"Anna Number{review.row}x") for review in invented(160)]
    paid = [
        replace(r, row=r.row + 2_000, text=f"{r.text} In exchange for my review.") for r in invented(9, seed=3)
    ]
    reviews = [*honest, *copies(40, first_row=1_000), *paid]
    seen = [
        Sighting(reviewer_mark(honest[n]) or "", product, dt.date(2024, 5, 1 + n), 5.0)
        for n in range(6)
        for product in ("a", "b", HOSTILE)
    ]
    received = replace(review_set(reviews), stated_total=900, product_rating=4.0)
    facts = ReviewFacts(product="own", seen=seen, others=9)
    return json.loads(json.dumps({"report": review_report(received, source="s", analysed_at=NOW, facts=facts)}))


def part(html: str, name: str) -> str:
    """The section with this heading, as text."""
    section = re.search(rf'<section[^>]*aria-labelledby="r-{name}".*?</section>', html, re.DOTALL)
    return section[0] if section else ""


def plain(html: str) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", html)).split())


def switch_addresses(html: str) -> list[dict[str, str]]:
    links = re.findall(r'href="(\?[^"]*)#?[^"]*#r-what-if"|href="(\?[^"#]*)#r-what-if"', html)
    return [dict(parse_qsl(urlsplit(unescape(one or other)).query)) for one, other in links]


def test_each_switch_leads_to_the_page_without_its_check_and_back(result):
    names = [c["name"] for c in result["report"]["insights"]["checks"] if c["can_be_left_out"]]
    assert len(names) >= 2
    html = render_report(result)
    assert [address["without"] for address in switch_addresses(html)] == names
    assert "ri-result" not in html
    one = render_report(result, {"without": names[0]})
    assert switch_addresses(one)[0].get("without") is None
    assert switch_addresses(one)[1]["without"] == f"{names[0]},{names[1]}"
    assert plain(part(one, "what-if")).count("Put back") == 1


def test_every_combination_is_shown_as_the_report_has_it(result):
    facts = result["report"]["insights"]
    names = [check["name"] for check in facts["checks"] if check["can_be_left_out"]]
    for count in range(1, len(names) + 1):
        for left_out in combinations(names, count):
            scenario = next(one for one in facts["scenarios"] if one["left_out"] == list(left_out))
            shown = part(render_report(result, {"without": ",".join(reversed(left_out))}), "what-if")
            assert f"{scenario['grade']}</dd>" in shown
            assert scenario["adjusted_rating"] is None or f"{scenario['adjusted_rating']:.2f}</dd>" in shown
            assert result["report"]["grade"] == facts["scenarios"][0]["grade"]


@pytest.mark.parametrize("asked", ["", ",", "nothing", "unverified", HOSTILE, "near_copies" * 50])
def test_what_is_no_switch_is_ignored(result, asked):
    assert render_report(result, {"without": asked}) == render_report(result)


def test_the_choice_is_kept_by_every_other_link(result):
    query = ReportQuery.of({"without": "near_copies", "page": "2"}, result["report"])
    assert "without=near_copies" in query.to("r-flagged", page=1)
    links = re.findall(r'href="(\?[^"]*)"', render_report(result, {"without": "near_copies"}))
    kept = [link for link in links if "without=near_copies" in link]
    assert len(links) - len(kept) == 2, "all but the two that put it back"


def test_the_grade_at_the_top_is_never_that_of_a_choice(result):
    names = ",".join(c["name"] for c in result["report"]["insights"]["checks"])
    header = re.compile(r"<header class=\"r-card.*?</header>", re.DOTALL)
    assert header.findall(render_report(result, {"without": names})) == header.findall(render_report(result))


def test_what_is_missing_is_said_with_its_range(result):
    missing = result["report"]["insights"]["missing"]
    said = plain(part(render_report(result), "missing"))
    assert f"We read {missing['read']} of the shop's 900 reviews" in said
    assert f"from {missing['rating_low']:.2f} to {missing['rating_high']:.2f} stars" in said
    assert f"grade would be {missing['grade_best']} if none" in said


@pytest.mark.parametrize(("more", "it"), [(1, "it"), (40, "them")])
def test_one_missing_review_is_said_to_be_one(more, it):
    reviews = invented(60)
    received = replace(review_set(reviews), stated_total=60 + more)
    html = render_report({"report": review_report(received, source="s", analysed_at=NOW)})
    said = plain(part(html, "missing"))
    plural = ["They", "none of them", "missing ones", "missing reviews"]
    singular = ["missing one", "missing review"]
    words = [word for word in (singular if more == 1 else plural) if re.search(rf"\b{word}\b", said)]
    assert len(words) >= 2
    assert [word for word in (plural if more == 1 else singular) if re.search(rf"\b{word}\b", said)] == []


def test_ratings_that_the_shop_counts_are_not_called_missing_reviews():
    """Many have no text, so they say nothing of the grade."""
    received = replace(review_set(invented(60)), stated_ratings=1_127, product_rating=4.1)
    report = review_report(received, source="s", analysed_at=NOW)
    missing = report["insights"]["missing"]
    assert missing is not None
    assert missing["grade_best"] is missing["grade_worst"] is None
    said = plain(part(render_report({"report": report}), "missing"))
    assert "The shop counts 1,127 ratings; we read 60 reviews. Some of them may have no text." in said
    assert "missing" not in said
    assert "grade" not in said
    assert f"could be anything from {missing['rating_low']:.2f} to" in said


def test_the_most_trustworthy_are_as_near_as_the_flagged(result):
    html = render_report(result)
    assert 'href="#r-trustworthy"' in html
    facts = result["report"]["insights"]["trustworthy"]
    section = part(html, "trustworthy")
    assert section.count('class="r-review"') == len(facts["reviews"])
    assert plain(section).startswith(f"The most trustworthy reviews {facts['count']} reviews have no warning sign")
    possible = len(facts["possible"])
    assert f"and meet {'all ' if facts['reasons'] == possible else ''}{facts['reasons']} of these" in plain(
        section
    )


def test_groups_are_a_picture_and_a_table_of_the_same_dots(result):
    section = part(render_report(result), "reviewers")
    (group,) = result["report"]["insights"]["reviewers"]["groups"]
    known = [day for row in group["rows"] for day in row if day]
    assert section.count("<circle") == len(known)
    assert group["people"] == len(group["names"]) == 6
    assert "One group of reviewers wrote about the same other products" in plain(section)
    assert "We measured this on invented crowds" in plain(section)
    assert "script" not in section


def test_a_report_of_an_earlier_version_has_none_of_these_parts(result):
    report = {key: value for key, value in result["report"].items() if key != "insights"}
    html = render_report({"report": report}, {"without": "near_copies"})
    for name in ("missing", "what-if", "comparisons", "reviewers", "trustworthy"):
        assert part(html, name) == ""


def test_a_report_of_nothing_has_none_of_these_parts():
    for reviews in ([], [Review(row=1)]):
        report = json.loads(json.dumps(review_report(review_set(reviews), source="s", analysed_at=NOW)))
        html = render_report({"report": report})
        for name in ("missing", "what-if", "comparisons", "reviewers", "trustworthy"):
            assert part(html, name) == ""
