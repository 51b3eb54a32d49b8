"""Hostile files, made on the fly; run as a program it reads one and prints its cost in CPU time and memory."""

import gzip
import io
import json
import struct
import sys
import time
import zipfile
import zlib
from pathlib import Path

from outlast_reviews.sources import NotReviews, read_reviews

MIB = 2**20


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


HEADER = b"rating,date,title,text\n"
CARD = b'<li data-hook="review" id="R123456789">'
LD = b'<script type="application/ld+json">'

BOMBS = {
    "a line of 100 MB": lambda: Endless(HEADER, b"a", 100 * MIB),
    "a line of 100 MB in JSONL": lambda: Endless(
        b'{"rating":5,"text":"x"}\n{"rating":5,"text":"', b"a", 100 * MIB
    ),
    "a value of 100 MB in JSON": lambda: Endless(b'[{"rating":5,"text":"', b"a", 100 * MIB),
    "200 MB of proper rows": lambda: Endless(HEADER, b"5,2018-01-01,good,good\n", 200 * MIB),
    "200 MB of long proper rows": lambda: Endless(
        HEADER, b"5,2018-01-01,good," + b"word " * 400 + b"\n", 200 * MIB
    ),
    "200 MB of long rows with emoji": lambda: Endless(
        HEADER, b"5,2018-01-01,good," + "wörd😀 ".encode() * 300 + b"\n", 200 * MIB
    ),
    "200 MB of unreadable rows": lambda: Endless(HEADER, b"zz,2018-01-01,good,good\n", 200 * MIB),
    "200 MB of JSON reviews": lambda: Endless(
        b'[{"rating":5,"text":"x"}', b',{"rating":5,"text":"good"}', 200 * MIB, b"]"
    ),
    "200 MB of JSON that is something else": lambda: Endless(b"[1", b',{"name":"x"}', 200 * MIB, b"]"),
    "200 MB of empty lines": lambda: Endless(HEADER, b"\n", 200 * MIB),
    "200 MB of lone quotation marks": lambda: Endless(HEADER, b'"', 200 * MIB),
    "200 MB of quoted line ends": lambda: Endless(HEADER, b'"\n",', 200 * MIB),
    "a million columns": lambda: Endless(b"rating,text", b",column", 7 * MIB, b"\n5,good\n"),
    "half a million columns in one line": lambda: Endless(b"rating,text", b",a", 900_000, b"\n5,good\n"),
    "a row of half a million fields": lambda: Endless(HEADER + b"5,2018-01-01,a,b\n", b",", 900_000, b"\n"),
    "gzip 1000:1": lambda: io.BytesIO(packed(HEADER, b"\n", 64 * MIB)),
    "gzip 1000:1 of rows": lambda: io.BytesIO(packed(HEADER, b"5,2018-01-01,good,good\n", 32 * MIB)),
    "gzip in gzip": lambda: io.BytesIO(gzip.compress(packed(HEADER, b"5,,,a\n", MIB))),
    "NULs": lambda: Endless(b"", b"\0", 200 * MIB),
    "NULs after proper rows": lambda: Endless(HEADER * 10_000, b"\0", 200 * MIB),
    "JSON nested 10 million deep": lambda: Endless(b"", b"[", 10 * MIB),
    "JSON objects nested a million deep": lambda: Endless(b"", b'{"a":', 5 * MIB),
    "JSONL nested deep": lambda: Endless(b'{"rating":5,"text":"a"}\n{"rating":', b"[", 900_000, b"\n"),
    "a JSON number of a million digits": lambda: Endless(b'[{"text":"a","rating":', b"9", 900_000, b"}]"),
    "a page of 100 MB": lambda: Endless(b"<html><body>", b"<p>hello</p>", 100 * MIB),
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
    "a ZIP 1000:1": lambda: io.BytesIO(zipped(HEADER, b"\n", 64 * MIB)),
    "a ZIP of rows 100:1": lambda: io.BytesIO(zipped(HEADER, b"5,2018-01-01,good,good\n", 64 * MIB)),
    "a ZIP of 300 small bombs": lambda: io.BytesIO(zipped(HEADER, b"\n", 4 * MIB - 999, 100)),
    "a ZIP of a million files": lambda: io.BytesIO(crowded(1_000_000)),
    "a ZIP in a ZIP": lambda: io.BytesIO(zipped(packed_zip(), b" ", 1)),
    "200 MB of XML reviews": lambda: Endless(
        b"<feed>", b"<review><rating>5</rating><text>good</text></review>", 200 * MIB, b"</feed>"
    ),
    "XML with an endless tag": lambda: Endless(b"<feed><review ", b"a", 200 * MIB),
    "XML with endless attributes": lambda: Endless(b"<feed><review ", b"a='1' ", 200 * MIB),
    "XML with an endless text": lambda: Endless(b"<feed><review><text>", b"words ", 200 * MIB),
    "XML with an endless comment": lambda: Endless(b"<feed><!--", b"words ", 200 * MIB),
    "XML nested deep": lambda: Endless(b"", b"<a>", 100 * MIB),
    "XML of something else": lambda: Endless(b"<feed>", b"<item>x</item>", 200 * MIB, b"</feed>"),
    "XML with a review of endless parts": lambda: Endless(b"<feed><review>", b"<a>x</a>", 200 * MIB),
    "XML with a review of empty parts": lambda: Endless(b"<feed><review>", b"<a/>", 200 * MIB),
    "XML with a billion laughs": lambda: io.BytesIO(
        b'<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;">]><feed><review><text>&b;</text></review></feed>'
    ),
    "spaces": lambda: Endless(b"", b" ", 200 * MIB),
    "commas": lambda: Endless(b"", b",", 200 * MIB),
}


def main(name: str) -> None:
    file = BOMBS[name]()
    size = file.size if isinstance(file, Endless) else len(file.getvalue())
    began = time.process_time()
    try:
        outcome = f"read {len(read_reviews(file, size).reviews)}"
    except NotReviews as error:
        outcome = str(error)
    seconds = time.process_time() - began
    # not getrusage(): its maximum is inherited from the process that forked this one
    status = Path("/proc/self/status").read_text()
    mib = int(status.partition("VmHWM:")[2].split()[0]) / 1024
    print(json.dumps({"outcome": outcome, "seconds": round(seconds, 2), "mib": round(mib)}))


if __name__ == "__main__":
    main(sys.argv[1])
