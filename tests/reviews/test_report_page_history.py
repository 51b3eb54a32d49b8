"""What changed since last time: of public products since anybody's report, of files since one's own."""

import asyncio
import datetime as dt
import io
import itertools
import json
from collections.abc import AsyncIterator
from dataclasses import asdict, replace
from pathlib import Path

import pytest
from review_data import copies, invented

from outlast import Facts, Outlast, Settings
from outlast_reviews import analysis
from outlast_reviews.analysis import register
from outlast_reviews.history import EarlierReport, compare_and_store
from outlast_reviews.pages import render_report
from outlast_reviews.report import Report, review_report
from outlast_reviews.review import Review, ReviewSet
from sqlite_template import with_store

MARCH = dt.datetime(2025, 3, 4, 5, 6, tzinfo=dt.UTC)
APRIL = MARCH.replace(month=4)
PUBLIC, UPLOAD = "amazon:us:B000000001", "upload:" + "a" * 64


@pytest.fixture
async def facts(tmp_path: Path) -> AsyncIterator[Facts]:
    outlast = Outlast(Settings(data_dir=with_store(tmp_path)))
    async with outlast.lifespan():
        yield outlast.facts("earlier reports")


def report_of(reviews: list[Review], at: dt.datetime = MARCH) -> Report:
    return review_report(ReviewSet(tuple(reviews), "CSV"), source="s", analysed_at=at)


async def looked_back(facts: Facts, subject: str, report: Report) -> EarlierReport | None:
    return await asyncio.to_thread(compare_and_store, facts, subject, report)


def page_of(report: Report, earlier: EarlierReport | None) -> str:
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
    assert '<time datetime="2025-03-04T05:06:00Z">4 March 2025, 05:06 UTC</time>' in html
    assert ": 3 reviews added, 5 removed." in " ".join(html.split())
    assert '<tr data-differs><th scope="row">Reviews</th><td>69</td><td>67</td></tr>' in html


@pytest.mark.slow
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


@pytest.mark.slow
async def test_where_no_figure_has_changed_the_page_says_so(facts):
    await looked_back(facts, PUBLIC, report_of(invented(40)))
    after = report_of(invented(40), APRIL)
    html = page_of(after, await looked_back(facts, PUBLIC, after))
    assert "All figures are the same." in html
    assert "data-differs" not in html


async def test_what_is_kept_of_an_upload_has_not_a_word_of_it(facts, tmp_path):
    report = report_of([Review(row=1, review_id="theid", text="secretword " * 9, reviewer="Secretname Person")])
    await looked_back(facts, UPLOAD, report)
    stored = b"".join(path.read_bytes() for path in tmp_path.rglob("outlast.db*"))
    assert b"earlier reports" in stored
    for word in (b"secretword", b"Secretname", b"theid"):
        assert word not in stored


@pytest.mark.slow
async def test_an_owner_sees_what_changed_since_their_last_report_of_a_product_and_nobody_else_does(
    tmp_path, monkeypatch
):
    """Of an upload, in a file with other bytes too."""
    minutes = itertools.count()
    monkeypatch.setattr(analysis, "_now", lambda: MARCH + dt.timedelta(minutes=next(minutes)))
    outlast = Outlast(Settings(data_dir=with_store(tmp_path)))
    register(outlast)
    about = "It is about the lamp, as you may know."
    lamp = [replace(r, text=f"{r.text} {about}") for r in [*invented(60), *copies(9, first_row=1_000)]]
    async with outlast.lifespan(workers=1):
        assert await earlier_of(outlast, lamp, "ann") is None
        assert await earlier_of(outlast, lamp[:-9], "ben") is None
        grown = await earlier_of(outlast, lamp[:-9], "ann")
        assert (grown["reviews"], grown["vanished"], grown["added"]) == (69, 9, 0)
        assert (await earlier_of(outlast, lamp[:-9], "ann"))["reviews"] == 60
        assert (
            await earlier_of(outlast, [replace(r, text=f"{r.text} Or about the tea.") for r in lamp], "ann")
            is None
        )


async def earlier_of(outlast: Outlast, reviews: list[Review], owner: str) -> dict | None:
    rows = [
        {"id": r.review_id, "reviewer": r.reviewer, "rating": r.rating, "date": str(r.date), "text": r.text}
        for r in reviews
    ]
    upload = await outlast.upload(io.BytesIO(json.dumps(rows).encode()), "a.json", owner=owner)
    started = await outlast.start("product", owner=owner, source=upload)
    async with asyncio.timeout(60):
        async for view in outlast.watch(started.session.id):
            assert view.session.error is None
    stored = await outlast.result(started.session.id)
    assert stored is not None
    return json.loads(stored.result)["earlier"]
