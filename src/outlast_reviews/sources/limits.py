"""How much a source may take before it is refused, and the one way to refuse it."""

from collections.abc import Callable
from dataclasses import dataclass

Progress = Callable[[int, int], None]
"""Told (bytes done, bytes in all), of the file as it was given, packed or not; must return quickly."""

MIB = 1024 * 1024

WHAT_TO_GIVE = (
    "Give a CSV, TSV, JSON, JSONL or XML file of reviews (gzip is fine), a saved review page, or a ZIP of these."
)


class NotReviews(ValueError):  # noqa: N818 - what is said about the content, not about the program
    """The content cannot be read as reviews; the message is a sentence for the person who gave it."""


class TooMuch(NotReviews):
    """It goes beyond a limit of all the reading together, so there is no use in reading on."""


@dataclass(frozen=True, slots=True)
class Limits:
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


def ignore_progress(_done: int, _total: int) -> None:
    """For those who do not watch."""
