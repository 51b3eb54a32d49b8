"""Reads CSV and TSV: detects how they quote, and recovers rows that a stray quotation mark would swallow."""

import csv
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from itertools import islice
from operator import length_hint
from typing import NamedTuple

from outlast import message
from outlast_reviews.review import ReviewSet
from outlast_reviews.sources.errors import NotReviews
from outlast_reviews.sources.formats.column_contents import corrected, likely, names_with_gap
from outlast_reviews.sources.formats.columns import (
    ABSENT,
    NO_MAPPING,
    Columns,
    Part,
    columns_of,
    refuse_columns,
    refuse_missing,
)
from outlast_reviews.sources.formats.content import Content
from outlast_reviews.sources.formats.dates import read_date
from outlast_reviews.sources.formats.header import (
    DELIMITERS,
    header_of,
    lines_before_header,
    lines_of,
    names_words,
    note_about,
    unread_columns,
)
from outlast_reviews.sources.formats.rows import ReviewCollector
from outlast_reviews.sources.formats.stars import UnreadableStars, read_stars
from outlast_reviews.sources.limits import MIB, ReadLimits

_NO_DELIMITER = "\x1f"
"""Of a table with one column: a character that no text has."""
_ESCAPED = re.compile(r"""[^\\,;\t|"]\\"[^,;\t|\r\n]""")
_DOUBLED = re.compile(r"""[^,;\t|\r\n"]""[^,;\t|\r\n"]""")
_LOOK_AT = 200
_STARS = frozenset({"0", "0.0"})
_LONGEST_STARS = 5
"""As in "4/5"; a longer name that reads as stars, such as "Question 1", may well be one."""
_IMPROPER = message("the row is not proper CSV, or one of its fields is too long")
_NEVER_CLOSED = message(
    "a quotation mark is opened in this row and never closed, so the rest of the file is in it"
)
_NO_PARTNER = message(
    "in or before this row is a quotation mark without its partner, so that it cannot be told apart"
)
_MOST_LINES = 1_000
"""Of one field in a table that does not quote as a whole."""
_LONGEST_RATING = 80
_MOST_STRAY = 1_000
"""Rows with such marks: beyond it, and if they are the most, the table is read as one that does not quote."""
_ZEROS = str.maketrans("123456789", "000000000")
_LOOK_AHEAD = 10
"""Lines of a proper row among those that were swallowed."""


class TableShape(NamedTuple):
    """How the table is written and what its columns are."""

    delimiter: str
    quoted: bool
    names: list[str]
    columns: Columns
    escaped: bool
    """Quotation marks within a field have a backslash before them, as MySQL and Spark write them."""
    width: int
    """How many fields most rows have, at most one of each name."""
    ratings: frozenset[str]
    """How stars are written in the first rows, by `form`."""

    @property
    def format(self) -> str:
        return "TSV" if self.delimiter == "\t" else "CSV"

    def reader(self, lines: Iterable[str], *, strict: bool = False) -> Iterator[list[str]]:
        """Of lines with their ends; `strict` about quotation marks that are out of place."""
        return csv.reader(
            lines,
            delimiter=self.delimiter,
            quoting=csv.QUOTE_MINIMAL if self.quoted else csv.QUOTE_NONE,
            escapechar="\\" if self.escaped else None,
            doublequote=not self.escaped,
            strict=strict,
        )


class _TooLong(Exception):  # noqa: N818 - a state of the reading, caught where it is known what it means
    """The row has more characters than a line may have."""


class _Lines:
    """Feeds the CSV reader and knows what the reader does not tell: the lines of a row, and whether it ended."""

    def __init__(self, lines: Iterator[str], limits: ReadLimits) -> None:
        self._lines = lines
        self._limit = limits.line
        self._length = 0
        self._pushed_back: list[str] = []
        self.consumed: list[str] = []
        self.ended = False

    def push_back(self, lines: list[str]) -> None:
        """These come before all others, for whoever iterates anew."""
        self._pushed_back.extend(reversed(lines))

    def begin(self) -> None:
        """Another row."""
        self.consumed.clear()
        self._length = 0

    def __iter__(self) -> Iterator[str]:
        while self._pushed_back:
            yield self._consume(self._pushed_back.pop())
        for line in self._lines:
            yield self._consume(f"{line}\n")
        self.ended = True

    def _consume(self, line: str) -> str:
        self._length += len(line) - 1
        self.consumed.append(line)
        if self._length > self._limit:
            raise _TooLong
        return line


class TableRecords:
    """The values of each row, to be gone through once; a row that cannot be read is named as skipped in `rows`."""

    def __init__(self, lines: Iterator[str], shape: TableShape, rows: ReviewCollector, limits: ReadLimits) -> None:
        self._feed = _Lines(lines, limits)
        self._shape = shape
        self._rows = rows
        self._limit = limits.line
        self._reader = shape.reader(iter(self._feed))
        self._proper = self._stray = 0

    def __iter__(self) -> Iterator[list[str]]:
        feed, shape = self._feed, self._shape
        while not feed.ended:
            try:
                values, why = self._next(), _IMPROPER
            except StopIteration:
                return
            if feed.ended:
                values, why = None, _NEVER_CLOSED
            if len(feed.consumed) > 1 and _swallowed(feed.consumed, values, shape):
                yield from self._one_by_one(feed.consumed.copy())
                if self._stray > max(_MOST_STRAY, self._proper):
                    shape = self._shape = shape._replace(quoted=False)
                self._reader = shape.reader(iter(feed))
            elif values is None:
                self._rows.skip(why)
            elif shape.quoted:
                self._proper += 1
                yield values
            elif len(values) < len(shape.names) and _opens(values):
                for joined in self._joined(values):
                    yield [unquoted(value) for value in joined]
            else:
                yield [unquoted(value) for value in values]

    def _next(self) -> list[str] | None:
        """`None` for a row that is none; its lines are those that the feed has taken."""
        self._feed.begin()
        try:
            return next(self._reader)
        except csv.Error:
            return None
        except _TooLong:
            if not any(_is_row(line, self._shape) for line in self._feed.consumed[1:]):
                raise NotReviews(
                    message(
                        "A row of the table is longer than {most} MiB: perhaps a quotation mark was never closed."
                        " Export the file again.",
                        most=self._limit // MIB,
                    )
                ) from None
            self._reader = self._shape.reader(iter(self._feed))
            return None

    def _one_by_one(self, lines: list[str]) -> Iterator[list[str]]:
        """The rows among lines that a stray quotation mark had made one; what is none is named as skipped.

        The last of the lines may be the beginning of a proper row, which is then read again.
        """
        at = 0
        while at < len(lines):
            ahead = lines[at : at + _LOOK_AHEAD]
            values, used = _next_row(ahead, self._shape)
            if not values and used == len(ahead) < _LOOK_AHEAD and at and not self._feed.ended:
                self._feed.push_back(ahead)
                return
            if not values:
                values, used = _bare_row(lines[at], self._shape), 1
                self._stray += 1
            if values:
                yield values
            elif lines[at].strip():
                self._rows.skip(_NO_PARTNER)
            at += used

    def _joined(self, first: list[str]) -> Iterator[list[str]]:
        """In a table that does not quote, a row whose last field is quoted and goes on in the next lines, as one.

        If that field does not end like one, all the lines that were looked at, each by itself.
        """
        width = len(self._shape.names)
        lines, whole, field, length = [first], first[:-1], [first[-1]], 0
        while len(lines) < _MOST_LINES and length < self._limit:
            try:
                more = self._next()
            except StopIteration:
                break
            if more is None:
                yield from lines
                self._rows.skip(_IMPROPER)
                return
            lines.append(more)
            field.append(more[0] if more else "")
            length += len(field[-1])
            after = more[1:]
            closed = field[-1].rstrip().endswith('"')
            if len(whole) + 1 + len(after) > width or (after and not closed):
                break
            if closed:
                whole = [*whole, "\n".join(field), *after]
                if len(whole) == width or not _opens(after):
                    yield whole
                    return
                field = [whole.pop()]
        yield from lines


def _swallowed(lines: list[str], values: list[str] | None, shape: TableShape) -> bool:
    """Whether these lines, which the reader takes for one row, are rows of their own.

    In a row that is well formed the first of them and most others must look so: a text may quote a table, and what
    follows a text looks like a row where that is the first column. In any other row one is enough.
    """
    first, *between, last = lines
    alike = sum(_is_row(line, shape) for line in between)
    ends = _is_row(last, shape)
    if values is None:
        return alike > 0 or ends
    complete = len(values) == shape.width
    if complete and not alike and not ends:
        return False
    proper = _strictly(lines, shape) == (values, len(lines))
    if proper and complete:
        most = (alike + ends) * 2 > len(lines) - 1 and (len(lines) > 2 or shape.width > 2)
        return most and _is_row(first, shape)
    return alike > 0 or ends or not proper


def _is_row(line: str, shape: TableShape) -> bool:
    """Whether the line is a whole row by itself: all its fields, and stars where they should be."""
    width = shape.width
    values = line.rstrip("\r\n").split(shape.delimiter)
    if len(values) > width and '"' in line:
        values, _ = _strictly([line], shape)
    return len(values) == width and _has_stars(values, shape)


def _has_stars(values: list[str], shape: TableShape) -> bool:
    """In prose a space follows a comma, so that such values are none."""
    position = shape.columns.rating
    if position is None or position >= len(values) or any(value[:1] == " " for value in values):
        return False
    return form(values[position]) in shape.ratings


def form(rating: str) -> str:
    """Ratings of one table differ in their digits alone: in prose there may be a number too."""
    return unquoted(rating[:_LONGEST_RATING].strip()).translate(_ZEROS)


def _strictly(lines: list[str], shape: TableShape) -> tuple[list[str], int]:
    """The first row, nothing if it is not proper, and how many of the lines were read for it."""
    left = iter(lines)
    values: list[str] = []
    with suppress(csv.Error):
        values = next(shape.reader(left, strict=True), values)
    return values, len(lines) - length_hint(left)


def _next_row(lines: list[str], shape: TableShape) -> tuple[list[str], int]:
    """The values of the first row, and how many lines were read for it; nothing where it is not proper."""
    values, used = _strictly(lines, shape)
    if len(values) == shape.width:
        is_one = not any(_is_row(line, shape) for line in lines[1:used])
    else:
        is_one = used == 1 and len(values) > 1 and _has_stars(values, shape)
    return (values if is_one else []), used


def _bare_row(line: str, shape: TableShape) -> list[str]:
    """The values of a line whose quotation marks are only words; nothing if it is no row."""
    values = line.rstrip("\r\n").split(shape.delimiter)
    return values if len(values) == shape.width and _has_stars(values, shape) else []


def _opens(values: list[str]) -> bool:
    """Whether the last field is quoted and goes on in the next line, in a table that looked free of quotes."""
    last = values[-1] if values else ""
    return last.startswith('"') and (last == '"' or not last.endswith('"'))


def unquoted(value: str) -> str:
    """The value within the quotation marks around it, if there are any."""
    if len(value) > 1 and value[0] == value[-1] == '"':
        return value[1:-1].replace('""', '"')
    return value


class Delimited:
    """Any table with a line that names its columns; asked last, because almost every text looks like one."""

    names = ("CSV", "TSV")

    def recognises(self, content: Content) -> bool:
        line = header_of(content.opening, content.mapping)
        return any(delimiter in line for delimiter in DELIMITERS) or names_words(line)

    def read(self, content: Content) -> ReviewSet:
        shape = shape_of(content.opening, content.limits, content.mapping)
        rows = ReviewCollector(content.limits, content.mapping)
        lines = content.lines()
        before = list(islice(lines, lines_before_header(content.opening, content.mapping)))
        records = iter(TableRecords(lines, shape, rows, content.limits))
        header = _header(records)
        if _is_review(header, shape.columns):
            _add(rows, shape, header, content.limits)
        for values in records:
            _add(rows, shape, values, content.limits)
        found = rows.finish(content.with_encoding(shape.format))
        return replace(
            found,
            left_out=(*found.left_out, *note_about(before), *unread_columns(shape.names, shape.columns)),
            columns=shape.columns.named(shape.names),
        )


def shape_of(opening: str, limits: ReadLimits, mapping: Mapping[Part, str] = NO_MAPPING) -> TableShape:
    """Raises `UnknownColumns` when the header has none for stars or none for words."""
    line = header_of(opening, mapping)
    opening = "\n".join(lines_of(opening)[lines_before_header(opening, mapping) :])
    if names_words(line):
        return _shape(line, _NO_DELIMITER, opening, {**mapping, "rating": ABSENT})
    shapes = [_shape(line, delimiter, opening, mapping) for delimiter in DELIMITERS]
    best = max(shapes, key=lambda shape: (shape.columns.known, len(shape.names)))
    if len(best.names) > limits.fields:
        raise NotReviews(
            message(
                "The table has {columns:,} columns; at most {most:,} can be read. Export only the columns of the"
                " reviews.",
                columns=len(best.names),
                most=limits.fields,
            )
        )
    best = _with_unnamed(best, _first_rows(opening, best, _LOOK_AT), mapping)
    refuse_missing(mapping, best.names)
    rows = _first_rows(opening, best, _LOOK_AT)
    best = best._replace(columns=corrected(best.columns, rows, mapping))
    if not best.columns.hold_reviews:
        about = ""
        if any(_is_value(name) for name in best.names) and not all(map(str.isdecimal, best.names)):
            about = message("The first line seems to be a review already, and not to name the columns.")
        refuse_columns(about, best.names, best.columns, likely(best.columns, rows), rows)
    return _measured(best, rows)


def _with_unnamed(shape: TableShape, rows: list[list[str]], mapping: Mapping[Part, str]) -> TableShape:
    """With a column without a name where most rows have one more field than the first line has names."""
    wider = [row for row in rows if len(row) == len(shape.names) + 1]
    if len(wider) <= len(rows) / 2 or not any(row[-1] for row in wider):
        return shape
    names = names_with_gap(shape.names, wider)
    return shape._replace(names=names, columns=columns_of(names, mapping), width=len(names))


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
    return len(name) <= _LONGEST_STARS and not name[:1].isalpha() and _is_readable(name)


def _header(records: Iterator[list[str]]) -> list[str]:
    """The line that names the columns; `records` goes on behind it."""
    for values in records:
        if any(map(str.strip, values)):
            return values
    return []


def _add(rows: ReviewCollector, shape: TableShape, values: list[str], limits: ReadLimits) -> None:
    if len(values) > limits.fields:
        rows.skip(message("the row has {fields:,} fields", fields=len(values)))
    elif len(values) > len(shape.names) and any(values[len(shape.names) :]):
        rows.skip(
            message(
                "the row has {fields} fields where the first line names {names}",
                fields=len(values),
                names=len(shape.names),
            )
        )
    elif any(values):
        rows.add(shape.columns, values)


def _first_rows(opening: str, shape: TableShape, most: int) -> list[list[str]]:
    reader = shape.reader(f"{line}\n" for line in opening.split("\n"))
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
