"""Tables as text: CSV and TSV with their delimiter and quoting recognised from the content."""

import csv
import re
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import NamedTuple

from outlast_reviews.review import ReviewSet
from outlast_reviews.sources.columns import NO_MAPPING, Columns, Part, columns_of, refuse_columns, refuse_unseen
from outlast_reviews.sources.content import Content
from outlast_reviews.sources.limits import MIB, Limits, NotReviews
from outlast_reviews.sources.rows import Rows

_DELIMITERS = ",\t;|"
_EXCEL_HINT = re.compile(r"sep=.?\s*\Z", re.IGNORECASE)
_ESCAPED = re.compile(r"""[^\\,;\t|"]\\"[^,;\t|\r\n]""")
_DOUBLED = re.compile(r"""[^,;\t|\r\n"]""[^,;\t|\r\n"]""")


class Shape(NamedTuple):
    """How the table is written and what its columns are."""

    delimiter: str
    quoted: bool
    names: list[str]
    columns: Columns
    escaped: bool
    """Quotation marks within a field have a backslash before them, as MySQL and Spark write them."""

    @property
    def format(self) -> str:
        return "TSV" if self.delimiter == "\t" else "CSV"


class Delimited:
    """Any table whose first line names its columns; asked last, because almost every text looks like one."""

    def recognises(self, content: Content) -> bool:
        return not content.is_page and any(delimiter in _first_line(content.opening) for delimiter in _DELIMITERS)

    def read(self, content: Content) -> ReviewSet:
        shape = shape_of(content.opening, content.limits, content.mapping)
        rows = Rows(content.limits)
        lines = _Lines(content.lines(), content.limits)
        for values in _after_header(_records(lines, shape, rows)):
            _add(rows, shape, values, content.limits)
        return rows.finish(shape.format + content.encoding_note)


def shape_of(opening: str, limits: Limits, mapping: Mapping[Part, str] = NO_MAPPING) -> Shape:
    """Raises `UnknownColumns` when the first line has none for stars or none for words."""
    line = _first_line(opening)
    shapes = [_shape(line, delimiter, opening, mapping) for delimiter in _DELIMITERS]
    best = max(shapes, key=lambda shape: (shape.columns.known, len(shape.names)))
    if len(best.names) > limits.fields:
        raise NotReviews(
            f"The table has {len(best.names):,} columns; at most {limits.fields:,} can be read. "
            "Export only the columns of the reviews."
        )
    refuse_unseen(mapping, best.names)
    if not best.columns.hold_reviews:
        refuse_columns("The table", best.names, best.columns, _first_rows(opening, best))
    return best


class _Lines:
    """Feeds the CSV reader and knows what the reader does not tell: how much a row took, and whether it ended."""

    def __init__(self, lines: Iterator[str], limits: Limits) -> None:
        self._lines = lines
        self._limit = limits.line
        self.taken = 0
        self.ended = False

    def __iter__(self) -> Iterator[str]:
        for line in self._lines:
            self.taken += len(line) + 1
            if self.taken > self._limit:
                raise NotReviews(
                    f"A row of the table is longer than {self._limit // MIB} MiB: "
                    "perhaps a quotation mark was never closed. Export the file again."
                )
            yield line + "\n"
        self.ended = True


def _records(lines: _Lines, shape: Shape, rows: Rows) -> Iterator[list[str]]:
    reader = csv.reader(
        lines,
        delimiter=shape.delimiter,
        quoting=csv.QUOTE_MINIMAL if shape.quoted else csv.QUOTE_NONE,
        escapechar="\\" if shape.escaped else None,
        doublequote=not shape.escaped,
    )
    while True:
        lines.taken = 0
        try:
            values = next(reader)
        except StopIteration:
            return
        except csv.Error:
            rows.skip("the row is not proper CSV, or one of its fields is too long")
            continue
        if lines.ended:
            rows.skip("a quotation mark is opened in this row and never closed, so the rest of the file is in it")
            return
        while not shape.quoted and len(values) < len(shape.names) and _opens(values):
            more = next(reader, None)
            if not more:
                break
            if len(values) + len(more) - 1 > len(shape.names):  # a row of its own
                yield values
                values = more
            else:
                values = [*values[:-1], f"{values[-1]}\n{more[0]}", *more[1:]]
        yield values


def _opens(values: list[str]) -> bool:
    """Whether the last field is quoted and goes on in the next line, in a table that looked free of quotes."""
    last = values[-1] if values else ""
    return last.startswith('"') and (last == '"' or not last.endswith('"'))


def _after_header(records: Iterator[list[str]]) -> Iterator[list[str]]:
    """The rows below the line that names the columns."""
    for values in records:
        if any(value.strip() for value in values) and not _EXCEL_HINT.match(values[0]):
            break
    return records


def _add(rows: Rows, shape: Shape, values: list[str], limits: Limits) -> None:
    if len(values) > limits.fields:
        rows.skip(f"the row has {len(values):,} fields")
    elif len(values) > len(shape.names) and any(values[len(shape.names) :]):
        rows.skip(f"the row has {len(values)} fields where the first line names {len(shape.names)}")
    elif any(values):
        rows.add(shape.columns, values if shape.quoted else [_bare(value) for value in values])


def _first_line(opening: str) -> str:
    lines = (line.strip("\n\r \ufeff") for line in opening.splitlines())
    return next((line for line in lines if line.strip() and not _EXCEL_HINT.match(line)), "")


def _first_rows(opening: str, shape: Shape) -> list[list[str]]:
    """A few rows, to show what the columns hold."""
    quoting = csv.QUOTE_MINIMAL if shape.quoted else csv.QUOTE_NONE
    reader = csv.reader(iter(opening.splitlines(keepends=True)), delimiter=shape.delimiter, quoting=quoting)
    try:
        return list(islice(_after_header(reader), 3))
    except csv.Error:
        return []


def _shape(line: str, delimiter: str, opening: str, mapping: Mapping[Part, str]) -> Shape:
    quoted = delimiter != "\t" or not _is_bare(opening, line.count("\t"))
    try:
        names = next(
            csv.reader([line], delimiter=delimiter, quoting=csv.QUOTE_MINIMAL if quoted else csv.QUOTE_NONE)
        )
    except csv.Error:
        names = []
    names = [_bare(name.strip()) for name in names]
    escaped = quoted and _ESCAPED.search(opening) is not None and _DOUBLED.search(opening) is None
    return Shape(delimiter, quoted, names, columns_of(names, mapping), escaped)


def _is_bare(opening: str, tabs: int) -> bool:
    """Whether every line has all its tabs, so that quotation marks are only words, as in Amazon's own files."""
    complete = [line for line in opening.split("\n")[:-1][:200] if line.strip()]
    return tabs > 0 and all(line.count("\t") == tabs for line in complete)


def _bare(value: str) -> str:
    if len(value) > 1 and value[0] == value[-1] == '"':
        return value[1:-1].replace('""', '"')
    return value
