"""Reviews without stars: asked about first, then judged by their words."""

import json

import pytest
from source_reading import read
from test_source_zip import packed

from outlast_reviews.deduplicate import clean
from outlast_reviews.sources.errors import NotReviews
from outlast_reviews.sources.formats.columns import UnknownColumns

TEXTS = ["I like it", "So do I", "Not I"]
FORMATS = {
    "CSV": "Author,Review\n" + "".join(f"P{n},{text}\n" for n, text in enumerate(TEXTS)),
    "JSON": json.dumps([{"author": f"P{n}", "review": text} for n, text in enumerate(TEXTS)]),
    "JSONL": "".join(json.dumps({"author": f"P{n}", "review": t}) + "\n" for n, t in enumerate(TEXTS)),
    "XML": "<feed>"
    + "".join(f"<review><author>P{n}</author><text>{t}</text></review>" for n, t in enumerate(TEXTS))
    + "</feed>",
    "JSON of a page": json.dumps({"reviews": [{"author": f"P{n}", "text": t} for n, t in enumerate(TEXTS)]}),
}


@pytest.mark.parametrize("name", FORMATS)
def test_it_is_asked_about_and_read_once_somebody_says_so(name):
    with pytest.raises(UnknownColumns, match="rating"):
        read(FORMATS[name])
    found = read(FORMATS[name], mapping={"rating": "-"})
    assert [(r.rating, r.text, r.reviewer) for r in found.reviews] == [
        (None, text, f"P{n}") for n, text in enumerate(TEXTS)
    ]
    assert clean(found).coverage.ratings == 0


def test_without_words_there_is_nothing_to_judge():
    with pytest.raises(NotReviews, match="no column “-”, which was to be “text”"):
        read("rating,date\n5,2024-01-01\n", mapping={"text": "-"})


def test_files_beside_it_keep_their_stars():
    archive = packed({"a.csv": "rating,text\n5,with stars\n", "b.csv": "author,text\nAnn,without\n"})
    with pytest.raises(UnknownColumns):
        read(packed({"b.csv": "author,text\nAnn,without\n"}))
    found = read(archive, mapping={"rating": "-"})
    assert [(review.rating, review.text) for review in found.reviews] == [(5.0, "with stars"), (None, "without")]


def test_what_is_said_to_be_a_column_still_has_to_be_there():
    with pytest.raises(NotReviews, match="no column “words”"):
        read(FORMATS["CSV"], mapping={"rating": "-", "text": "words"})
