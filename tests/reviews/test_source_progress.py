"""Reading says how far it is all the time, whatever the format: counted by the bytes between two words."""

import gzip
import io
import json
from itertools import pairwise

import pytest
from source_reading import read
from test_source_zip import packed

from outlast_reviews.sources.formats.read import read_reviews

MIB = 2**20
ROWS = 40_000

TABLE = "rating,date,text\n" + "".join(f"{n % 5 + 1},2018-04-01,Text number {n} of many\n" for n in range(ROWS))
REVIEWS = [{"rating": 5, "text": f"Text number {n} of many"} for n in range(ROWS)]
FORMATS = {
    "CSV": TABLE.encode(),
    "gzip": gzip.compress(TABLE.encode(), 1),
    "ZIP": packed({"a.csv": TABLE, "b.csv": TABLE.replace("Text", "Other")}),
    "JSON": json.dumps(REVIEWS).encode(),
    "JSONL": "".join(json.dumps(review) + "\n" for review in REVIEWS).encode(),
    "XML": (
        "<feed>"
        + "".join(f"<review><rating>5</rating><text>Text {n}</text></review>" for n in range(ROWS))
        + "</feed>"
    ).encode(),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", FORMATS)
def test_progress_is_told_every_half_megabyte_and_ends_at_the_end(name):
    seen: list[tuple[int, int]] = []
    found = read(FORMATS[name], progress=lambda done, total: seen.append((done, total)))
    assert len(found.reviews) >= ROWS
    done = [0, *(part for part, _ in seen)]
    assert done == sorted(done)
    assert seen[-1][0] == seen[-1][1]
    # 10 MB a second is the slowest of them: half a megabyte is far below half a second
    assert max(after - before for before, after in pairwise(done)) <= MIB // 2


@pytest.mark.slow
def test_reading_streams_and_never_goes_back():
    class Once(io.BytesIO):
        def seekable(self) -> bool:
            return False

        def seek(self, *_where: int) -> int:
            raise AssertionError

    for name in ("CSV", "gzip", "JSON", "JSONL", "XML"):
        data = FORMATS[name]
        assert len(read_reviews(Once(data), len(data)).reviews) == ROWS
