"""What is not reviews is refused with a sentence that says what it is and what to do."""

import gzip
import io
import os
import random
import zipfile

import pytest
from source_reading import read, refusal

from outlast_reviews.sources.errors import NotReviews
from outlast_reviews.sources.formats.read import read_reviews
from outlast_reviews.sources.limits import ReadLimits


def archive(*names: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as file:
        for name in names:
            file.writestr(name, "x")
    return out.getvalue()


SOMETHING_ELSE = {
    "nothing": (b"", "empty"),
    "packed nothing": (gzip.compress(b""), "empty"),
    "JPEG": (b"\xff\xd8\xff\xe0\x00\x10JFIF" + bytes(range(256)), "a photo (JPEG)"),
    "PNG": (b"\x89PNG\r\n\x1a\n" + bytes(99), "a picture (PNG)"),
    "WebP": (b"RIFF\x00\x00\x00\x00WEBP", "a picture"),
    "HEIC": (b"\x00\x00\x00\x18ftypheic" + bytes(20), "a picture"),
    "PDF": (b"%PDF-1.7\n1 0 obj", "a PDF document"),
    "packed PDF": (gzip.compress(b"%PDF-1.7\n"), "a PDF document"),
    "SQLite": (b"SQLite format 3\0" + bytes(80), "SQLite"),
    "Parquet": (b"PAR1\x15\x04", "Parquet"),
    "Safari": (b"bplist00" + bytes(80), "Safari"),
    "tar": (b"reviews.csv".ljust(257, b"\0") + b"ustar\x0000" + bytes(248), "a tar archive"),
    "ZIP of nothing": (archive("reviews.csv"), "no reviews in the ZIP archive"),
    "Excel": (archive("[Content_Types].xml", "xl/workbook.xml"), "Excel"),
    "Word": (archive("[Content_Types].xml", "word/document.xml"), "Word"),
    "OpenDocument": (archive("mimetype", "content.xml", "META-INF/manifest.xml"), "OpenDocument"),
    "all bytes": (bytes(range(256)) * 20, "binary data"),
    "noise": (b"x" + random.Random(1).randbytes(4096), "binary data"),
    "UTF-16 LE without its mark": ("rating,text\n5,good\n".encode("utf-16-le"), "UTF-16"),
    "UTF-16 BE without its mark": ("rating,text\n5,good\n".encode("utf-16-be"), "UTF-16"),
    "UTF-16 with half a pair": (b"\xff\xfer\x00\x00\xd8a\x00", "Unicode"),
    "a word": (b"hello", "not a table"),
    "NULs at once": (b"rating,text\n5,goo\0\0\0d\n", "binary data"),
    "NULs later": (b"rating,text\n" + b"5,good\n" * 20_000 + b"5,goo\0d\n" * 101, "NUL"),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", SOMETHING_ELSE)
def test_something_else_is_named(name):
    content, words = SOMETHING_ELSE[name]
    assert words in refusal(content)


def test_half_a_gzip_is_told_from_a_damaged_one():
    whole = gzip.compress(b"rating,text\n" + os.urandom(60_000).hex().encode())
    assert "breaks off" in refusal(whole[: len(whole) // 2])
    assert "breaks off" in refusal(whole[:-4])
    damaged = bytearray(whole)
    damaged[len(whole) // 2] ^= 0xFF
    assert "damaged" in refusal(bytes(damaged))
    assert "damaged" in refusal(b"\x1f\x8b" + b"rubbish" * 9)


def test_every_length_of_a_cut_gzip_is_refused():
    whole = gzip.compress(b"rating,text\n5,good\n")
    for length in range(2, len(whole)):
        refusal(whole[:length])
    assert len(read(whole).reviews) == 1


def test_gzip_in_gzip_is_told():
    assert "inside a gzip" in refusal(gzip.compress(gzip.compress(b"rating,text\n5,a\n")))


def test_a_few_broken_letters_in_unicode_are_marked_and_many_are_refused():
    good = "5,schön\n".encode()
    assert read(b"rating,text\n" + good * 50 + b"4,sch\xf6n\n").reviews[-1].text == "sch\ufffdn"
    assert "UTF-8" in refusal(b"rating,text\n" + good + b"4,sch\xf6n\n" * 50)


def test_a_file_that_says_it_is_too_large_is_not_even_opened():
    class Unread(io.RawIOBase):
        def read(self, size: int = -1) -> bytes:
            raise AssertionError

    with pytest.raises(NotReviews, match="300 MiB"):
        read_reviews(Unread(), 300 * 2**20)


@pytest.mark.slow
def test_a_file_that_is_larger_than_it_said_is_stopped():
    data = b"rating,text\n" + b"5,a\n" * 99_999
    with pytest.raises(NotReviews, match="more than"):
        read_reviews(io.BytesIO(data), 10, limits=ReadLimits(file=300_000))
