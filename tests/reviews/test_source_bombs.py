"""Hostile files end early, in bounded memory, and no pattern blows up."""

import gzip
import importlib
import io
import json
import pkgutil
import re
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest
import source_bombs
from source_reading import read_json

import outlast_reviews.sources
from outlast_reviews import product
from outlast_reviews.hygiene import clean
from outlast_reviews.sources.read import look_early

READ = {
    "a row of half a million fields",
    "JSONL nested deep",
    "a table of long dates",
    "JSON dates of one hash",
    "JSON reviews with a key of their own",
    "JSON reviews that differ in one of a thousand keys",
}
"""These hold good rows, and they are read."""


@pytest.mark.slow
@pytest.mark.parametrize("name", source_bombs.BOMBS)
def test_a_hostile_file_costs_little_and_is_refused_in_words(name):
    done = subprocess.run(
        [sys.executable, source_bombs.__file__, name], capture_output=True, text=True, timeout=120, check=True
    )
    cost = json.loads(done.stdout)
    assert cost["mib"] <= 256
    assert cost["seconds"] <= 5
    assert cost["early_mib"] <= 100
    assert cost["early_seconds"] <= 1
    assert cost["outcome"].startswith("read ") if name in READ else cost["outcome"].endswith(".")


def patterns() -> dict[str, re.Pattern]:
    modules = [
        importlib.import_module(f"outlast_reviews.sources.{found.name}")
        for found in pkgutil.iter_modules(outlast_reviews.sources.__path__)
    ]
    return {
        f"{module.__name__}.{name}": value
        for module in (*modules, product)
        for name, value in vars(module).items()
        if isinstance(value, re.Pattern)
    }


ATTACKS = [
    "a",
    " ",
    "1",
    "<",
    "<a",
    "<br",
    "<title",
    "type=",
    "-",
    "1.",
    "&#x",
    "data-hook=",
    " data-hook = ",
    "R",
    "/dp/",
]
ATTACKS += [
    "★",
    "/gp/product/aaaaaaaaa",
    "amzn1.account.",
    "charset=",
    "2018-1",
    "é",
    "\\",
    '"',
    "verify ",
    "<script",
]


@pytest.mark.parametrize("name", patterns())
def test_every_pattern_is_quick_on_100_kb(name):
    pattern = patterns()[name]
    for attack in ATTACKS:
        text = (attack * (100_000 // len(attack) + 1))[:100_000]
        subject = text.encode() if isinstance(pattern.pattern, bytes) else text
        assert any(_seconds(pattern, subject) <= 0.05 for _ in range(3)), attack


def _seconds(pattern: re.Pattern, subject) -> float:
    began = time.process_time()
    for _ in pattern.finditer(subject):
        pass
    return time.process_time() - began


def test_every_source_file_is_looked_at():
    assert len(patterns()) >= 15
    assert {name.rsplit(".", 2)[1] for name in patterns()} >= {
        "dates",
        "stars",
        "amazon_page",
        "lookalikes",
        "product",
    }
    assert Path(source_bombs.__file__).exists()


@pytest.mark.parametrize("marks", ["\u0301\u0323", "&#769;&#803;"])
def test_a_tower_of_marks_on_one_letter_costs_no_more_than_its_length(marks):
    tower = "a" + marks * 60_000
    start = time.process_time()
    found = read_json([{"rating": 5, "text": tower}, {"rating": 4, "text": "ä é ñ"}])
    assert found.reviews[0].text == "a" + "\u0301\u0323" * 15
    clean(found)
    assert time.process_time() - start < 5


def test_a_text_that_is_a_book_is_no_review():
    found = read_json([{"rating": 5, "text": "word " * 30_000}, {"rating": 4, "text": "fine"}])
    assert [review.text for review in found.reviews] == ["fine"]
    assert "far more than a review" in found.skipped[0].reason


def test_what_takes_long_is_not_read_before_a_start_is_answered():
    rows = "rating,text\n" + "5,a\n" * 400_000
    with zipfile.ZipFile(packed := io.BytesIO(), "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.csv", rows)
    for small in (packed.getvalue(), gzip.compress(rows.encode())):
        start = time.process_time()
        look_early(small, len(small))
        assert time.process_time() - start < 1
