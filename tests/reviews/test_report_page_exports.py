"""Exports hold what the report lists, and neither a spreadsheet nor a browser runs anything in them."""

import csv
import datetime as dt
import io
import json
from html.parser import HTMLParser

import pytest
from review_data import copies, invented

from outlast_reviews.exports import COLUMNS, as_json, cell, flagged_csv, reviews_csv
from outlast_reviews.report import review_report
from outlast_reviews.review import Review, ReviewSet

NOW = dt.datetime(2025, 3, 4, 5, 6, tzinfo=dt.UTC)
FORMULAS = [
    "=1+1",
    "+1",
    "-1+2",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    " =1",
    "＝1",
    '=HYPERLINK("http://evil")',
    "=cmd|' /C calc'!A0",
]


def result_of(*reviews: Review):
    report = review_report(ReviewSet(reviews, "CSV"), source="a file", analysed_at=NOW)
    return json.loads(json.dumps({"report": report, "redirect_url": None}))


def table(text: str) -> list[dict[str, str]]:
    assert text.startswith("\ufeff")
    return list(csv.DictReader(io.StringIO(text[1:], newline="")))


def test_the_tables_hold_every_review_with_its_reasons():
    result = result_of(*invented(30), *copies(9, first_row=1_000))
    report = result["report"]
    flagged, every = table(flagged_csv(result)), table(reviews_csv(result))
    assert tuple(flagged[0]) == COLUMNS
    assert [row["row"] for row in flagged] == [str(f["row"]) for f in report["flagged"]]
    assert len(every) == report["unique_reviews"]
    assert every[: len(flagged)] == flagged
    first = report["flagged"][0]
    assert flagged[0]["checks"] == ", ".join(reason["check"] for reason in first["reasons"])
    assert flagged[0]["reasons"].startswith(first["reasons"][0]["sentence"])
    assert flagged[0]["counted"] == "yes"
    assert every[-1]["signs"] == "0"


@pytest.mark.parametrize("formula", FORMULAS)
def test_no_cell_is_a_formula(formula):
    review = Review(row=1, review_id=formula, title=formula, text=formula, reviewer=formula, rating=1.0)
    (row,) = table(reviews_csv(result_of(review)))
    for name in ("review_id", "title", "excerpt", "reviewer"):
        assert not row[name].lstrip().startswith(tuple("=+-@＝＋－＠")), row[name]
    assert cell(formula).startswith("'")


class Tags(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.seen: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.seen.append(tag)

    def handle_comment(self, data):
        self.seen.append("comment")

    def handle_decl(self, decl):
        self.seen.append("declaration")

    def handle_pi(self, data):
        self.seen.append("instruction")


def test_no_export_is_markup_when_a_browser_takes_it_for_a_page():
    nasty = "<script>alert(1)</script><img src=x onerror=alert(1)><!-- --><?x?><svg/onload=alert(1)></title>"
    result = result_of(
        *[Review(row=n, review_id=nasty, title=nasty, text=nasty, reviewer=nasty) for n in range(3)]
    )
    for export in (as_json, flagged_csv, reviews_csv):
        assert Tags(export(result)).seen == []


def test_the_json_is_the_result():
    result = result_of(Review(row=1, text="<b>Ü & \u2028 ü</b>", rating=1.0))
    assert json.loads(as_json(result)) == result


def test_plain_words_and_numbers_stay_as_they_are():
    assert [cell(v) for v in ("a < b", "x=1", 4.5, 5.0, -1, None, True)] == [
        "a < b",
        "x=1",
        "4.5",
        "5",
        "-1",
        "",
        "yes",
    ]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_no_cell_is_a_formula_whatever_a_spreadsheet_takes_for_its_delimiter(delimiter):
    nasty = "Good;=1+1;\t=2\n=3 | @x\n-4; +5"
    result = result_of(Review(row=1, review_id=nasty, title=nasty, text=nasty, reviewer=nasty, rating=1.0))
    for row in csv.reader(io.StringIO(reviews_csv(result)), delimiter=delimiter):
        assert not [field for field in row if field.lstrip('" ').startswith(tuple("=+-@"))]
