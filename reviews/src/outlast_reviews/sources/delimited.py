"""Reads CSV and TSV, with delimiter and quoting detected from the content."""

import csv
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from itertools import islice

from outlast_reviews.review import ReviewSet
from outlast_reviews.sources.columns import (
    NO_MAPPING,
    Columns,
    Part,
    columns_of,
    named,
    refuse_columns,
    refuse_missing,
)
from outlast_reviews.sources.content import Content
from outlast_reviews.sources.dates import read_date
from outlast_reviews.sources.limits import NotReviews, ReadLimits
from outlast_reviews.sources.records import TableRecords, TableShape, form, unquoted
from outlast_reviews.sources.rows import TableRows
from outlast_reviews.sources.stars import UnreadableStars, read_stars

_DELIMITERS = ",\t;|"
_EXCEL_HINT = re.compile(r"sep=.?\s*\Z", re.IGNORECASE)
_ESCAPED = re.compile(r"""[^\\,;\t|"]\\"[^,;\t|\r\n]""")
_DOUBLED = re.compile(r"""[^,;\t|\r\n"]""[^,;\t|\r\n"]""")
_LOOK_AT = 200
_STARS = frozenset({"0", "0.0"})
_LONGEST_STARS = 5
"""As in "4/5"; a longer name that reads as stars, such as "Question 1", may well be one."""


class Delimited:
    """Any table whose first line names its columns; asked last, because almost every text looks like one."""

    def recognises(self, content: Content) -> bool:
        return not content.is_page and any(delimiter in _first_line(content.opening) for delimiter in _DELIMITERS)

    def read(self, content: Content) -> ReviewSet:
        shape = shape_of(content.opening, content.limits, content.mapping)
        rows = TableRows(content.limits)
        records = iter(TableRecords(content.lines(), shape, rows, content.limits))
        header = _header(records)
        if _is_review(header, shape.columns):
            _add(rows, shape, header, content.limits)
        for values in records:
            _add(rows, shape, values, content.limits)
        found = rows.finish(shape.format + content.encoding_note)
        return replace(found, left_out=(*found.left_out, *_unused(shape)))


def shape_of(opening: str, limits: ReadLimits, mapping: Mapping[Part, str] = NO_MAPPING) -> TableShape:
    """Raises `UnknownColumns` when the first line has none for stars or none for words."""
    line = _first_line(opening)
    shapes = [_shape(line, delimiter, opening, mapping) for delimiter in _DELIMITERS]
    best = max(shapes, key=lambda shape: (shape.columns.known, len(shape.names)))
    if len(best.names) > limits.fields:
        raise NotReviews(
            f"The table has {len(best.names):,} columns; at most {limits.fields:,} can be read. "
            "Export only the columns of the reviews."
        )
    refuse_missing(mapping, best.names)
    if not best.columns.hold_reviews:
        what = "The table"
        if any(_is_value(name) for name in best.names) and not all(map(str.isdecimal, best.names)):
            what = "The first line seems to be a review already, and not to name the columns: the table"
        refuse_columns(what, best.names, best.columns, _first_rows(opening, best, 3))
    return _measured(best, _first_rows(opening, best, _LOOK_AT))


def _unused(shape: TableShape) -> Iterator[str]:
    """The columns that nothing was read from, where one of them may be a part that is missed."""
    columns = shape.columns
    missed = {
        "date": columns.date is None,
        "reviewer": columns.reviewer_id is None and columns.reviewer_name is None,
    }
    unused = [name for at, name in enumerate(shape.names) if name and at not in columns.positions]
    if unused and any(missed.values()):
        names = " or ".join(f"“{name}”" for name, missing in missed.items() if missing)
        yield f"columns of unknown meaning (call one {names} to have it read so): {named(unused)}"


def _is_review(header: list[str], columns: Columns) -> bool:
    """Whether the first line, which a person took for the names of the columns, is a review like the others."""
    if columns.rating is None or columns.text is None or max(columns.rating, columns.text) >= len(header):
        return False
    words = header[columns.text]
    return _is_stars(header[columns.rating]) and any(character.isalpha() for character in words)


def _is_value(name: str) -> bool:
    return _is_stars(name) or read_date(name) is not None


def _is_stars(name: str) -> bool:
    name = unquoted(name.strip())
    return len(name) <= _LONGEST_STARS and _is_readable(name)


def _header(records: Iterator[list[str]]) -> list[str]:
    """The line that names the columns; `records` goes on behind it."""
    for values in records:
        if any(map(str.strip, values)) and not _EXCEL_HINT.match(values[0]):
            return values
    return []


def _add(rows: TableRows, shape: TableShape, values: list[str], limits: ReadLimits) -> None:
    if len(values) > limits.fields:
        rows.skip(f"the row has {len(values):,} fields")
    elif len(values) > len(shape.names) and any(values[len(shape.names) :]):
        rows.skip(f"the row has {len(values)} fields where the first line names {len(shape.names)}")
    elif any(values):
        rows.add(shape.columns, values)


def _first_line(opening: str) -> str:
    lines = (line.strip("\n\r \ufeff") for line in opening.splitlines())
    return next((line for line in lines if line.strip() and not _EXCEL_HINT.match(line)), "")


def _first_rows(opening: str, shape: TableShape, most: int) -> list[list[str]]:
    reader = shape.reader(opening.splitlines(keepends=True))
    rows: list[list[str]] = []
    with suppress(csv.Error):
        _header(reader)
        rows.extend(islice(reader, most))
    return rows


def _measured(shape: TableShape, rows: list[list[str]]) -> TableShape:
    """With what its first rows are like: they may end before the columns that none of them fills."""
    counted = Counter(map(len, rows))
    width = max(counted, key=lambda width: counted[width], default=0)
    rating, text = shape.columns.rating or 0, shape.columns.text or 0
    if not max(rating, text) < width <= len(shape.names):
        width = len(shape.names)
    ratings = {row[rating] for row in rows if len(row) == width and _is_readable(row[rating])}
    return shape._replace(width=width, ratings=frozenset(map(form, ratings)) or _STARS)


def _is_readable(rating: str) -> bool:
    try:
        return read_stars(rating) is not None
    except UnreadableStars:
        return False


def _shape(line: str, delimiter: str, opening: str, mapping: Mapping[Part, str]) -> TableShape:
    quoted = delimiter != "\t" or not _is_bare(opening, line.count("\t"))
    try:
        names = next(
            csv.reader([line], delimiter=delimiter, quoting=csv.QUOTE_MINIMAL if quoted else csv.QUOTE_NONE)
        )
    except csv.Error:
        names = []
    names = [unquoted(name.strip()) for name in names]
    escaped = quoted and _ESCAPED.search(opening) is not None and _DOUBLED.search(opening) is None
    return TableShape(delimiter, quoted, names, columns_of(names, mapping), escaped, len(names), _STARS)


def _is_bare(opening: str, tabs: int) -> bool:
    """Whether quotation marks are only words, as in Amazon's own files: so read, most rows are of one length."""
    lines = [line for line in opening.split("\n")[:-1][:_LOOK_AT] if line.strip()]
    return tabs > 0 and _evenness(line.count("\t") for line in lines) >= _evenness(map(len, _quoted(lines)))


def _evenness(lengths: Iterable[int]) -> int:
    """How many rows are of the usual length, and how many are not, in one number."""
    counted = Counter(lengths)
    return 2 * max(counted.values(), default=0) - counted.total()


def _quoted(lines: Iterable[str]) -> Iterator[list[str]]:
    try:
        yield from csv.reader((f"{line}\n" for line in lines), delimiter="\t")
    except csv.Error:
        return
