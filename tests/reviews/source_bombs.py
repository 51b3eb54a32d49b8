"""Hostile files, made on the fly, and what it costs to look at one and to read it."""

import gzip
import io
import json
import os
import random
import struct
import zipfile
import zlib
from contextlib import suppress
from dataclasses import replace
from itertools import islice
from pathlib import Path

from reference_work import cost

from outlast_reviews.sources.errors import NotReviews
from outlast_reviews.sources.formats.read import HEAD, preview, read_reviews
from outlast_reviews.sources.limits import ReadLimits

MIB = 2**20
SCALE = int(os.environ.get("BOMB_SCALE", "10"))
"""What files and limits are divided by: at 1 they are those that people meet."""
SIZE = MIB // SCALE
_FULL = ReadLimits()
LIMITS = replace(
    _FULL,
    file=_FULL.file // SCALE,
    unpacked=_FULL.unpacked // SCALE,
    lines=_FULL.lines // SCALE,
    rows=_FULL.rows // SCALE,
    text=_FULL.text // SCALE,
    parts=_FULL.parts // SCALE,
    seconds=_FULL.seconds / SCALE,
)


class Endless(io.RawIOBase):
    """A beginning, then one pattern again and again up to a size, then an end; nothing of it is ever in memory."""

    def __init__(self, beginning: bytes, pattern: bytes, size: int, end: bytes = b"") -> None:
        self._left = self.size = size
        self._beginning, self._end = beginning, end
        self._block = pattern * max(1, 65_536 // len(pattern))

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        if self._beginning:
            beginning, self._beginning = self._beginning, b""
            return beginning
        if self._left > 0:
            self._left -= len(self._block)
            return self._block
        end, self._end = self._end, b""
        return end


class Numbered(Endless):
    """A beginning, a pattern with a number in it so many times, each with another number, and an end."""

    def __init__(self, beginning: str, pattern: str, count: int, end: str = "") -> None:
        size = len(pattern.format(count)) * count
        super().__init__(beginning.encode(), b" ", size, end.encode())
        self._pattern, self._numbers = pattern, iter(range(count))

    def read(self, size: int = -1) -> bytes:
        if self._beginning:
            return super().read(size)
        if block := "".join(map(self._pattern.format, islice(self._numbers, 1_000))):
            return block.encode()
        self._left = 0
        return super().read(size)


def packed(beginning: bytes, pattern: bytes, size: int) -> bytes:
    packer = zlib.compressobj(6, zlib.DEFLATED, zlib.MAX_WBITS | 16)
    block = pattern * (MIB // len(pattern))
    parts = [
        packer.compress(beginning),
        *(packer.compress(block) for _ in range(size // len(block))),
        packer.flush(),
    ]
    return b"".join(parts)


def zipped(beginning: bytes, pattern: bytes, size: int, files: int = 1) -> bytes:
    """An archive of files that are each a pattern again and again; only its packed form is in memory."""
    out = io.BytesIO()
    block = pattern * (MIB // len(pattern))
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for n in range(files):
            with archive.open(f"{n}.csv", "w", force_zip64=True) as member:
                member.write(beginning)
                for _ in range(size // len(block)):
                    member.write(block)
    return out.getvalue()


def packed_zip() -> bytes:
    return zipped(HEADER, b"5,2018-01-01,good,good\n", 0)


def crowded(files: int) -> bytes:
    """An archive of that many empty files, written by hand: the library would need the memory itself."""
    entry = struct.pack("<4s6H3I5H2I", b"PK\1\2", 20, 20, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0) + b"a"
    end = struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, files & 0xFFFF, files & 0xFFFF, len(entry) * files, 4, 0)
    return b"PK\3\4" + entry * files + end


def members(beginning: bytes, piece: bytes, count: int) -> bytes:
    """A ZIP archive of a gzip file that is put together from tiny ones: packed twice, two kilobytes."""
    return archived([gzip.compress(beginning) + gzip.compress(piece) * count])


def archived(files: list[bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for n, file in enumerate(files):
            archive.writestr(f"{n:03}.gz", file)
    return out.getvalue()


def unpacking_to_a_gigabyte() -> bytes:
    """Four gzip files in an archive, none of which unpacks to more than a hundred times its size."""
    line = b"5," + b"a" * 1_000_000 + b"\n"
    one = gzip.compress(HEADER + line * 3, 0) + packed(b"", line, 250 * SIZE)
    return archived([one] * 4 + [random.Random(1).randbytes(len(one) // 15)])


def nested_names(tag: str, length: int) -> bytes:
    names = [tag * length + str(n) for n in range(28)]
    inside = "".join(f"<b{n}>1</b{n}>" for n in range(500))
    opened, closed = "".join(f"<{n}>" for n in names), "".join(f"</{n}>" for n in reversed(names))
    return f"<feed><review>{opened}{inside}{closed}</review></feed>".encode()


def long_path(letter: str, length: int) -> bytes:
    """A thousand values, each under the same seven long keys."""
    keys = f'{{"{letter * (length // 7)}":' * 7
    return f"{keys}{json.dumps({n: n for n in range(2_000)})}{'}' * 7}".encode()


def different_keys(entries: int) -> bytes:
    """Reviews that have 990 keys in common and one of their own."""
    shared = "".join(f',"{n:x}":1' for n in range(990))
    return ("[" + ",".join(f'{{"rating":5,"text":"x","k{n}":1{shared}}}' for n in range(entries)) + "]").encode()


def names_of_their_own(element: str) -> str:
    """A review of twenty elements with names that only this one has."""
    return f"<review>{''.join(element.format(f'{letter}{{0}}') for letter in 'abcdefghijklmnopqrst')}</review>"


HEADER = b"rating,date,title,text\n"
CARD = b'<li data-hook="review" id="R123456789">'
LD = b'<script type="application/ld+json">'

BOMBS = {
    "a line without end": lambda: Endless(HEADER, b"a", 100 * SIZE),
    "a line without end in JSONL": lambda: Endless(
        b'{"rating":5,"text":"x"}\n{"rating":5,"text":"', b"a", 100 * SIZE
    ),
    "a value without end in JSON": lambda: Endless(b'[{"rating":5,"text":"', b"a", 100 * SIZE),
    "a long file of proper rows": lambda: Endless(HEADER, b"5,2018-01-01,good,good\n", 200 * SIZE),
    "a long file of long proper rows": lambda: Endless(
        HEADER, b"5,2018-01-01,good," + b"word " * 400 + b"\n", 200 * SIZE
    ),
    "a long file of long rows with emoji": lambda: Endless(
        HEADER, b"5,2018-01-01,good," + "wörd😀 ".encode() * 300 + b"\n", 200 * SIZE
    ),
    "a long file of unreadable rows": lambda: Endless(HEADER, b"zz,2018-01-01,good,good\n", 200 * SIZE),
    "a long file of JSON reviews": lambda: Endless(
        b'[{"rating":5,"text":"x"}', b',{"rating":5,"text":"good"}', 200 * SIZE, b"]"
    ),
    "a long file of JSON that is something else": lambda: Endless(b"[1", b',{"name":"x"}', 200 * SIZE, b"]"),
    "a long file of empty lines": lambda: Endless(HEADER, b"\n", 200 * SIZE),
    "a long file of lone quotation marks": lambda: Endless(HEADER, b'"', 200 * SIZE),
    "a long file of quoted line ends": lambda: Endless(HEADER, b'"\n",', 200 * SIZE),
    "a million columns": lambda: Endless(b"rating,text", b",column", 7 * MIB, b"\n5,good\n"),
    "half a million columns in one line": lambda: Endless(b"rating,text", b",a", 900_000, b"\n5,good\n"),
    "a row of half a million fields": lambda: Endless(HEADER + b"5,2018-01-01,a,b\n", b",", 900_000, b"\n"),
    "gzip 1000:1": lambda: io.BytesIO(packed(HEADER, b"\n", 64 * SIZE)),
    "gzip 1000:1 of rows": lambda: io.BytesIO(packed(HEADER, b"5,2018-01-01,good,good\n", 32 * SIZE)),
    "gzip in gzip": lambda: io.BytesIO(gzip.compress(packed(HEADER, b"5,,,a\n", MIB))),
    "NULs": lambda: Endless(b"", b"\0", 200 * SIZE),
    "NULs after proper rows": lambda: Endless(HEADER * 10_000, b"\0", 200 * SIZE),
    "JSON nested 10 million deep": lambda: Endless(b"", b"[", 10 * MIB),
    "JSON objects nested a million deep": lambda: Endless(b"", b'{"a":', 25 * SIZE),
    "JSONL nested deep": lambda: Endless(b'{"rating":5,"text":"a"}\n{"rating":', b"[", 900_000, b"\n"),
    "a JSON number of a million digits": lambda: Endless(b'[{"text":"a","rating":', b"9", 900_000, b"}]"),
    "a page without end": lambda: Endless(b"<html><body>", b"<p>hello</p>", 100 * SIZE),
    "a page nested two million deep": lambda: Endless(b"<html>" + CARD, b"<div>", 9 * MIB),
    "a page of deep cards": lambda: Endless(b"<html>", CARD + b"<div>" * 240 + b"<p>" * 20_000, 9 * MIB),
    "a page of endless attributes": lambda: Endless(b"<html>" + CARD + b"<p ", b"a ", 9 * MIB),
    "a page of many attributes": lambda: Endless(
        b"<html>", CARD + b"<p " + b" ".join(b"a%d" % n for n in range(1_300)) + b">", 9 * MIB
    ),
    "a page of tiny cards": lambda: Endless(b"<html>", CARD, 9 * MIB),
    "a page of lone brackets": lambda: Endless(b"<html>" + CARD, b"<", 9 * MIB),
    "a page of open scripts": lambda: Endless(b"<html>", LD, 9 * MIB),
    "a page of script beginnings": lambda: Endless(b"<html>", b"<script ", 9 * MIB),
    "a page with JSON-LD of lists": lambda: Endless(b"<html>" + LD + b"[", b"[],", 1_900_000, b"[]]</script>"),
    "a page with deep JSON-LD": lambda: Endless(b"<html>" + LD, b'{"a":', 1_900_000, b"</script>"),
    "a page of emoji": lambda: Endless(b"<html>", "😀 data-hook=".encode(), 9 * MIB),
    "a ZIP 1000:1": lambda: io.BytesIO(zipped(HEADER, b"\n", 64 * SIZE)),
    "a ZIP of rows 100:1": lambda: io.BytesIO(zipped(HEADER, b"5,2018-01-01,good,good\n", 64 * SIZE)),
    "a ZIP of 300 small bombs": lambda: io.BytesIO(zipped(HEADER, b"\n", 4 * MIB - 999, 300 // SCALE)),
    "a ZIP of a million files": lambda: io.BytesIO(crowded(1_000_000)),
    "a ZIP in a ZIP": lambda: io.BytesIO(zipped(packed_zip(), b" ", 1)),
    "a long file of XML reviews": lambda: Endless(
        b"<feed>", b"<review><rating>5</rating><text>good</text></review>", 200 * SIZE, b"</feed>"
    ),
    "XML with an endless tag": lambda: Endless(b"<feed><review ", b"a", 200 * SIZE),
    "XML with endless attributes": lambda: Endless(b"<feed><review ", b"a='1' ", 200 * SIZE),
    "XML with an endless text": lambda: Endless(b"<feed><review><text>", b"words ", 200 * SIZE),
    "XML with an endless comment": lambda: Endless(b"<feed><!--", b"words ", 200 * SIZE),
    "XML nested deep": lambda: Endless(b"", b"<a>", 100 * SIZE),
    "XML of something else": lambda: Endless(b"<feed>", b"<item>x</item>", 200 * SIZE, b"</feed>"),
    "XML with a review of endless parts": lambda: Endless(b"<feed><review>", b"<a>x</a>", 200 * SIZE),
    "XML with a review of empty parts": lambda: Endless(b"<feed><review>", b"<a/>", 200 * SIZE),
    "XML with a billion laughs": lambda: io.BytesIO(
        b'<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;">]><feed><review><text>&b;</text></review></feed>'
    ),
    "a ZIP of a gzip of 40,000 members": lambda: io.BytesIO(
        members(b'[{"rating":5,"text":"', b"a" * 24, 40_000 // SCALE)
    ),
    "a ZIP of a gzip of 40,000 members in XML": lambda: io.BytesIO(
        members(b'<feed><review a="', b"a" * 24, 40_000 // SCALE)
    ),
    "a ZIP of a gzip of 19,000 nested members": lambda: io.BytesIO(
        members(b'[{"rating":5,"text":[', b"{}," * 12, 19_000 // SCALE)
    ),
    "a ZIP of 499 gzips of line ends": lambda: io.BytesIO(
        archived([gzip.compress(b'{"rating":5,"text":"x"}\n' * 2 + b"\n" * 1_040_000)] * 499)
    ),
    "a ZIP that unpacks to a gigabyte": lambda: io.BytesIO(unpacking_to_a_gigabyte()),
    "a JSON path of 120,000 letters": lambda: io.BytesIO(long_path("a", 120_000)),
    "a JSON path of seven million letters": lambda: io.BytesIO(long_path("a", 7_000_000)),
    "a JSON path of emoji": lambda: io.BytesIO(long_path("😀", 1_000_000)),
    "a long JSON key over a thousand": lambda: io.BytesIO(
        json.dumps([{"a" * 240_000: dict.fromkeys(range(990), 1)}]).encode()
    ),
    "JSON of endless keys": lambda: Numbered('{"k":1', ',"k{0}":1', 3_000_000 // SCALE, "}"),
    "JSON of endless empty lists": lambda: Endless(b'{"a":[]', b',"a":[]', 50 * SIZE, b"}"),
    "JSON of endless lists": lambda: Numbered('{"k":1', ',"k{0}":[1]', 2_000_000 // SCALE, "}"),
    "JSON of endless lists of reviews": lambda: Numbered(
        '{"k":1', ',"review{0}":[{{"rating":5,"text":"x"}}]', 499_000 // SCALE, "}"
    ),
    "JSON lists of what is no review": lambda: Endless(
        b"[[]", b',{"x":[' + b",".join([b'{"":0}'] * 140_000) + b"]}", 20 * SIZE, b"]"
    ),
    "half a million JSON objects of a key each": lambda: Numbered("[1", ',{{"k{0}":1}}', 499_000 // SCALE, "]"),
    "JSON reviews with a key of their own": lambda: Numbered(
        '[{"rating":5,"text":"x"}', ',{{"rating":5,"text":"x","k{0}":1}}', 300_000 // SCALE, "]"
    ),
    "JSON dates of one hash": lambda: io.BytesIO(
        json.dumps(
            [{"rating": 5, "text": "x", "date": 5 + n * 1_000_003 * (2**61 - 1)} for n in range(40_000)]
        ).encode()
    ),
    "XML of long nested names": lambda: io.BytesIO(nested_names("a", 4_000)),
    "XML of endless names": lambda: Numbered("<feed>", names_of_their_own("<{0}>x</{0}>"), 100_000 // SCALE),
    "XML of endless attributes": lambda: Numbered("<feed>", names_of_their_own('<a {0}="x"/>'), 100_000 // SCALE),
    "a long file of XML reviews of something else": lambda: Endless(
        b"<feed>", b"<review>" + b"<a>1</a>" * 40 + b"</review>", 200 * SIZE, b"</feed>"
    ),
    "JSON reviews that differ in one of a thousand keys": lambda: io.BytesIO(different_keys(3_000)),
    "a page of marks without tags": lambda: Endless(b"<html>", b' data-hook="review"', 4 * MIB),
    "a page with JSON-LD of many objects": lambda: Endless(
        b"<html>", LD + b"[" + b",".join([b'{"":0}'] * 280_000) + b"]</script>", 9 * MIB
    ),
    "a table of long dates": lambda: Numbered("rating,text,date\n", f"5,a,{'x' * 12_500}{{0}}\n", 20_500 // SCALE),
    "a table full of stray marks": lambda: Endless(HEADER, b'5,"a,b,c\n', 25 * SIZE),
    "a table of marks that open in every line": lambda: Endless(HEADER, b'5,x"y,"z,c\n', 30 * SIZE),
    "a table of one mark before short lines": lambda: Endless(
        HEADER.replace(b",", b"\t") + b'5\t2018-01-01\t"a\n', b"a\n", 6 * SIZE
    ),
    "spaces": lambda: Endless(b"", b" ", 200 * SIZE),
    "commas": lambda: Endless(b"", b",", 200 * SIZE),
}


def measure(name: str) -> dict[str, float | str]:
    """The outcome, the cost in reference work, and MiB at most. For a new process, whose maximum is its own."""
    early = looked_at(BOMBS[name]())
    file = BOMBS[name]()
    size = file.size if isinstance(file, Endless) else len(file.getvalue())
    outcome = ""

    def use() -> None:
        nonlocal outcome
        try:
            outcome = f"read {len(read_reviews(file, size, limits=LIMITS).reviews)}"
        except NotReviews as error:
            outcome = str(error)

    return {"cost": cost(use), "mib": most_memory(), "outcome": outcome, **early}


def looked_at(file: Endless | io.BytesIO) -> dict[str, float]:
    """What it costs to look at the file before a start."""
    head = b""
    while len(head) <= HEAD and (block := file.read(HEAD)):
        head += block

    def use() -> None:
        with suppress(NotReviews):
            preview(head[:HEAD], min(len(head), HEAD + 1))

    before = most_memory()
    return {"early_cost": cost(use), "early_mib": most_memory() - before}


def most_memory() -> float:
    """MiB; not by getrusage(): its maximum is inherited from the process that forked this one."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024
