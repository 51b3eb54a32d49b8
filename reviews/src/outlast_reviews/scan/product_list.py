"""Reads the list of products to scan: a text file with one file or address a line, or a table with names."""

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from outlast_reviews.sanitising import truncated

MOST_BYTES = 1_000_000
MOST_PRODUCTS = 10_000
_LONGEST_NAME = 200
_DELIMITERS = ",;\t"
_HEADERS = {
    **dict.fromkeys(("source", "file", "address", "url", "link"), "source"),
    **dict.fromkeys(("name", "title"), "name"),
    "product": "product",
}


class ListError(Exception):
    """The list cannot be used; the text says why and what to do."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One product of the list."""

    name: str
    """Unique in the list, and what the last scan is remembered by: the given name, else the source and product."""
    source: str
    """A file or an address, as written."""
    product: str | None
    """Which product of a source that holds several."""


def read_list(path: Path) -> Sequence[Entry]:
    """Raises `ListError`."""
    try:
        with path.open("rb") as file:
            raw = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise ListError(f"{path}: The list cannot be read: {error.strerror}.") from None
    if len(raw) > MOST_BYTES:
        raise ListError(f"{path}: The list has more than {MOST_BYTES:,} bytes. Is this a file of reviews?")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ListError(
            f"{path}: The list is not text in UTF-8. Save it as “CSV UTF-8” or as plain text."
        ) from None
    entries: dict[str, tuple[int, Entry]] = {}
    for line, cells in _rows(text, is_table=path.suffix.lower() in {".csv", ".tsv"}):
        entry = _entry(cells, f"{path}: Line {line}")
        if entry.name in entries:
            raise ListError(
                f"{path}: Lines {entries[entry.name][0]} and {line} are both “{entry.name}”. Give each product a "
                "name of its own."
            )
        entries[entry.name] = line, entry
    if not entries:
        raise ListError(f"{path}: The list is empty. Write one file or address on each line.")
    if len(entries) > MOST_PRODUCTS:
        raise ListError(f"{path}: The list has more than {MOST_PRODUCTS:,} products. Split it.")
    return [entry for _, entry in entries.values()]


def _rows(text: str, *, is_table: bool) -> Iterator[tuple[int, dict[str, str]]]:
    """Each line's number and cells by name. A table needs a header, or the ending .csv or .tsv."""
    lines = list(enumerate(text.splitlines(), start=1))
    lines = [(number, line) for number, line in lines if line.strip() and not line.lstrip().startswith("#")]
    if not lines:
        return
    first = lines[0][1]
    delimiter = max(_DELIMITERS, key=first.count)
    header = [_HEADERS.get(cell.strip().lower(), "") for cell in _split(first, delimiter)]
    if "source" in header:
        is_table, lines = True, lines[1:]
    else:
        header = ["source", "name", "product"]
    for number, line in lines:
        cells = _split(line, delimiter) if is_table else [line]
        yield number, {name: cell.strip() for name, cell in zip(header, cells, strict=False) if name}


def _split(line: str, delimiter: str) -> list[str]:
    return next(csv.reader([line], delimiter=delimiter))


def _entry(cells: dict[str, str], where: str) -> Entry:
    source, product = cells.get("source", ""), cells.get("product") or None
    if not source:
        raise ListError(f"{where} names no file and no address.")
    if "\0" in source:
        raise ListError(f"{where} is not text.")
    name = cells.get("name") or (f"{source} · {product}" if product else source)
    return Entry(truncated(name, _LONGEST_NAME), source, product)
