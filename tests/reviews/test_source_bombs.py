"""Hostile files end early and in bounded memory."""

import gzip
import io
import multiprocessing
import zipfile
from collections.abc import Generator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace

import pytest
import source_bombs
from reference_work import cost, least
from source_reading import read_json

from outlast_reviews.deduplicate import clean
from outlast_reviews.sources.errors import NotReviews
from outlast_reviews.sources.formats import read
from outlast_reviews.sources.formats.read import preview, read_reviews
from outlast_reviews.sources.limits import ReadLimits

READ = {
    "a row of half a million fields",
    "JSONL nested deep",
    "a table of long dates",
    "JSON dates of one hash",
    "JSON reviews with a key of their own",
    "JSON reviews that differ in one of a thousand keys",
}
"""These hold good rows, and they are read."""


@pytest.fixture(scope="module")
def processes() -> Generator[ProcessPoolExecutor]:
    """One after the other, each forked for one task from one that has everything imported."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["source_bombs"])
    with ProcessPoolExecutor(1, context, max_tasks_per_child=1) as pool:
        yield pool


@pytest.mark.slow
@pytest.mark.parametrize("name", source_bombs.BOMBS)
def test_a_hostile_file_costs_little_and_is_refused_in_words(processes, name):
    def measured() -> float:
        """Once more in a new process: the share of what is allowed that the file took."""
        costs.append(processes.submit(source_bombs.measure, name).result(timeout=120))
        return max(costs[-1]["cost"] / (60 if source_bombs.SCALE == 1 else 40), costs[-1]["early_cost"] / 12)

    costs: list[dict] = []
    assert least(measured, 1) <= 1, costs
    assert costs[0]["mib"] <= 256
    assert costs[0]["early_mib"] <= 100
    outcome = costs[0]["outcome"]
    assert outcome.startswith("read ") if name in READ else outcome.endswith(".")


@pytest.mark.slow
@pytest.mark.parametrize("marks", ["\u0301\u0323", "&#769;&#803;"])
def test_a_tower_of_marks_on_one_letter_costs_no_more_than_its_length(marks):
    tower = "a" + marks * 60_000

    def use() -> None:
        found = read_json([{"rating": 5, "text": tower}, {"rating": 4, "text": "ä é ñ"}])
        assert found.reviews[0].text == "a" + "\u0301\u0323" * 15
        clean(found)

    assert least(lambda: cost(use), 60) <= 60


def test_a_text_that_is_a_book_is_no_review():
    found = read_json([{"rating": 5, "text": "word " * 30_000}, {"rating": 4, "text": "fine"}])
    assert [review.text for review in found.reviews] == ["fine"]
    assert "far more than a review" in found.skipped[0].reason


@pytest.mark.slow
def test_a_look_that_takes_too_long_ends_quietly_and_leaves_the_refusal_to_the_worker(monkeypatch):
    unreadable = b"rating,text\n" + b"7000,a\n3,a\n" * 20_000
    assert "it is not clear which scale" in words_of(unreadable, ReadLimits())
    monkeypatch.setattr(read, "_EARLY", replace(read._EARLY, rows=50_000, seconds=-1))
    assert not preview(unreadable, len(unreadable)).reviews
    assert "far longer" in words_of(unreadable, ReadLimits(seconds=-1))


def test_what_the_files_of_an_archive_take_is_counted_together():
    table = gzip.compress(b"rating,text\n" + b"5,a\n" * 10)
    archive = source_bombs.archived([table] * 3)
    assert len(read_reviews(io.BytesIO(archive), len(archive)).reviews) == 30
    assert "more than 30 lines" in words_of(archive, ReadLimits(lines=30))
    assert "more than 2 pieces" in words_of(archive, ReadLimits(parts=2))
    assert "What is packed here unpacks to more" in words_of(archive, ReadLimits(unpacked=3 * len(table)))


def words_of(raw: bytes, limits: ReadLimits) -> str:
    with pytest.raises(NotReviews) as caught:
        read_reviews(io.BytesIO(raw), len(raw), limits=limits)
    return str(caught.value)


@pytest.mark.slow
def test_what_takes_long_is_not_read_before_a_start_is_answered():
    rows = "rating,text\n" + "5,a\n" * 400_000
    with zipfile.ZipFile(packed := io.BytesIO(), "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.csv", rows)
    for small in (packed.getvalue(), gzip.compress(rows.encode())):
        assert least(lambda: cost(lambda: preview(small, len(small))), 12) <= 12  # noqa: B023 - used at once
