"""What changed since last time: of public products with its date, of uploads only what differs."""

import asyncio
import datetime as dt
import json
from collections.abc import AsyncIterator
from dataclasses import asdict, replace
from pathlib import Path

import pytest
from judging_data import copies, invented

from outlast import Facts, Outlast, Settings
from outlast_reviews.history import Earlier, look_back
from outlast_reviews.pages import render_report
from outlast_reviews.report import Report, review_report
from outlast_reviews.review import Review, ReviewSet

MARCH = dt.datetime(2025, 3, 4, 5, 6, tzinfo=dt.UTC)
APRIL = MARCH.replace(month=4)
PUBLIC, UPLOAD = "amazon:us:B000000001", "upload:" + "a" * 64


@pytest.fixture
async def facts(tmp_path: Path) -> AsyncIterator[Facts]:
    outlast = Outlast(Settings(data_dir=tmp_path))
    async with outlast.lifespan():
        yield outlast.facts("earlier reports")


def report_of(reviews: list[Review], at: dt.datetime = MARCH) -> Report:
    return review_report(ReviewSet(tuple(reviews), "CSV"), source="s", analysed_at=at)


async def looked_back(facts: Facts, subject: str, report: Report) -> Earlier | None:
    return await asyncio.to_thread(look_back, facts, subject, report)


def page_of(report: Report, earlier: Earlier | None) -> str:
    told = json.loads(json.dumps({"report": report, "earlier": asdict(earlier) if earlier else None}))
    return render_report(told)


async def test_the_first_report_has_nothing_to_be_compared_with(facts):
    first = report_of(invented(40))
    earlier = await looked_back(facts, PUBLIC, first)
    assert earlier is None
    assert "What changed" not in page_of(first, earlier)


async def test_the_next_report_of_a_public_product_says_what_changed(facts):
    before = [*invented(60), *copies(9, first_row=1_000)]
    await looked_back(facts, PUBLIC, report_of(before))
    new = [
        replace(r, row=r.row + 500, review_id=f"new {r.row}", reviewer=f"New {r.row}") for r in invented(63)[60:]
    ]
    after = report_of([*before[5:], *new], APRIL)
    earlier = await looked_back(facts, PUBLIC, after)
    assert earlier is not None
    assert earlier.since == "2025-03-04T05:06:00Z"
    assert (earlier.reviews, earlier.suspicious) == (69, 9)
    assert (earlier.vanished, earlier.added) == (5, 3)
    html = page_of(after, earlier)
    assert '<time datetime="2025-03-04T05:06:00Z">4 March 2025</time>' in html
    assert "5 reviews of then are missing now, 3 are new" in " ".join(html.split())
    assert '<tr data-differs><th scope="row">Reviews</th><td>69</td><td>67</td></tr>' in html


async def test_each_report_is_compared_with_the_one_before_it(facts):
    for month, count in enumerate((40, 50, 60), start=1):
        earlier = await looked_back(facts, PUBLIC, report_of(invented(count), MARCH.replace(month=month)))
        assert (earlier.reviews if earlier else None) == {1: None, 2: 40, 3: 50}[month]


async def test_an_attempt_that_is_repeated_is_not_compared_with_itself(facts):
    await looked_back(facts, PUBLIC, report_of(invented(40)))
    report = report_of(invented(50), APRIL)
    first = await looked_back(facts, PUBLIC, report)
    assert first is not None
    assert await looked_back(facts, PUBLIC, report) == first


async def test_of_an_upload_nothing_is_told_while_nothing_differs(facts):
    await looked_back(facts, UPLOAD, report_of(invented(40)))
    assert await looked_back(facts, UPLOAD, report_of(invented(40), APRIL)) is None


async def test_of_an_upload_that_is_judged_otherwise_now_the_date_stays_secret(facts):
    await looked_back(facts, UPLOAD, report_of([*invented(60), *copies(9, first_row=1_000)]))
    after = report_of(invented(60), APRIL)
    earlier = await looked_back(facts, UPLOAD, after)
    assert earlier is not None
    assert earlier.since is None
    assert "another outcome" in page_of(after, earlier)
    assert "2025-03" not in page_of(after, earlier)


async def test_what_is_kept_of_an_upload_has_neither_its_hash_nor_a_word_of_it(facts, tmp_path):
    report = report_of([Review(row=1, review_id="theid", text="secretword " * 9, reviewer="Secretname Person")])
    await looked_back(facts, UPLOAD, report)
    stored = b"".join(path.read_bytes() for path in tmp_path.rglob("outlast.db*"))
    assert b"earlier reports" in stored
    for word in (b"secretword", b"Secretname", b"theid", b"a" * 64):
        assert word not in stored


async def test_subjects_of_any_length_are_told_apart(facts):
    long = "web:https://shop.example/" + "x" * 400
    await looked_back(facts, long, report_of(invented(40)))
    assert await looked_back(facts, long + "y", report_of(invented(50), APRIL)) is None
    assert await looked_back(facts, long, report_of(invented(50), APRIL)) is not None
