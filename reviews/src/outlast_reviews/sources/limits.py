"""Limits of reading a source, and the accounting that enforces them."""

import time
from dataclasses import dataclass

from outlast import message
from outlast_reviews.sources.errors import TooMuch

"""Called with (bytes done, total bytes) of the file as uploaded; must return quickly."""

MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class ReadLimits:
    """Sizes are bytes before and characters after decoding; a file beyond any of them is refused."""

    file: int = 256 * MIB
    unpacked: int = 256 * MIB
    ratio: int = 100
    """Unpacked to packed. Reviews pack 3 to 30 times; a bomb 1,000 times."""
    line: int = MIB
    """Also of one review within a JSON document, and of one CSV row over several lines."""
    fields: int = 1_000
    lines: int = 2_000_000
    rows: int = 500_000
    text: int = 64 * MIB
    """All titles and texts together, as they stay in memory."""
    page: int = 10 * MIB
    members: int = 500
    """Files in a ZIP archive."""
    parts: int = 20_000
    """Members of gzip files: bgzip makes one of every 64 KiB."""
    seconds: float = 60.0
    """Of the processor: a net under all other bounds, far beyond what the largest file of reviews takes."""


class Usage:
    """Resources used by one source, all its files together; raises `TooMuch` beyond the limits.

    Use it in the thread that made it.
    """

    def __init__(self, limits: ReadLimits) -> None:
        self._limits = limits
        self._until = time.thread_time() + limits.seconds
        self._unpacked = self._parts = self._lines = 0

    def unpacked(self, count: int) -> None:
        """So many bytes more."""
        self._unpacked += count
        if self._unpacked > self._limits.unpacked:
            raise TooMuch(
                message(
                    "What is packed here unpacks to more than {most} MiB, far more than reviews would. Give the"
                    " unpacked file of one product.",
                    most=self._limits.unpacked // MIB,
                )
            )

    def part(self) -> None:
        """One member of a gzip file more."""
        self._parts += 1
        if self._parts > self._limits.parts:
            raise TooMuch(
                message(
                    "The gzip file is put together from more than {most:,} pieces. Unpack it and give the result.",
                    most=self._limits.parts,
                )
            )

    def lines(self, count: int) -> None:
        """So many lines more."""
        self._lines += count
        if self._lines > self._limits.lines:
            raise TooMuch(
                message(
                    "The file has more than {most:,} lines, more than one analysis can take. Give the reviews of"
                    " one product alone.",
                    most=self._limits.lines,
                )
            )

    def time(self) -> None:
        """Whatever this thread has worked since the beginning."""
        if time.thread_time() > self._until:
            raise TooMuch(
                message(
                    "To read this takes far longer than reviews do. Export the reviews of one product alone, as"
                    " CSV, and give that file."
                )
            )
