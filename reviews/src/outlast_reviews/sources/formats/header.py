"""Finds the line that names a table's columns behind comments, titles and whatever else stands before it."""

import csv
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress

from outlast import message, plural
from outlast_reviews.sources.formats.columns import ABSENT, VALUES, ColumnNames, Columns, Part, named
from outlast_reviews.sources.formats.dates import read_date
from outlast_reviews.sources.formats.stars import bare_number

DELIMITERS = ",\t;|"
_FOR_EXCEL = re.compile(r"sep=.?\s*\Z", re.IGNORECASE)
_COMMENT = re.compile(r"#|//|--|%")
"""What a comment begins with; "#" may also be the name of a first column."""
_MOST_LINES = 50
"""Before the header."""
_MOST_TITLES = 10
"""Before the name of a single column."""
_LOOK_AT = 200
_LONGEST = 20_000
"""Characters of a line that may name columns."""
_MOST = 0.9
"""Share of the lines that have one number of fields where they are a table."""


def lines_of(opening: str) -> list[str]:
    """As `Content.lines`: without their ends, which are lone CRs where there are no others."""
    return [line.removesuffix("\r") for line in opening.split("\r" if "\n" not in opening else "\n")]


def lines_before_header(opening: str, mapping: Mapping[Part, str]) -> int:
    """How many lines to pass over.

    The header is the first line with the names of stars and words, or with those that a person said. Where no line
    has them it is the first that is as wide as the table, and no comment or title before one that may be a header.
    """
    lines = lines_of(opening)[:_LOOK_AT]
    filled = [(at, line) for at, line in enumerate(lines) if _is_filled(line)]
    first = filled[:_MOST_LINES]
    named = [n for n, (_, line) in enumerate(first) if _names_reviews(line, mapping)]
    if named:
        n = named[0]
        while n + 1 in named:  # a comment that lists the columns
            n += 1
        return first[n][0]
    wide = _as_wide_as_the_table([line for _, line in filled])
    if not wide:
        texts = next((at for at, line in first[:_MOST_TITLES] if names_words(line)), None)
        if texts is not None:
            return texts
    candidates = [one for n, one in enumerate(first) if n in wide] or first
    width = max((len(_widest(line)) for _, line in candidates), default=0)
    likely = next((one for one in candidates[:_MOST_TITLES] if not _is_beside_the_table(one[1], width)), None)
    if likely is None or any(map(_is_value, _widest(likely[1]))):
        likely = candidates[0] if candidates else (0, "")
    return likely[0]


def header_of(opening: str, mapping: Mapping[Part, str]) -> str:
    """The line that names the columns; empty if there is none."""
    lines = lines_of(opening)
    at = lines_before_header(opening, mapping)
    return lines[at].strip("\n\r \ufeff") if at < len(lines) else ""


def names_words(line: str) -> bool:
    """Whether the line is the name of one column of texts, and so of the whole table."""
    return ColumnNames([line.strip("\ufeff \t\r\n").strip('"')]).columns({}).text is not None


def note_about(lines: Sequence[str]) -> Iterator[str]:
    """Of the lines before the header, for what was left out."""
    count = sum(map(_is_filled, lines))
    if count:
        yield plural(
            "{n} line before the one that names the columns",
            "{n} lines before the one that names the columns",
            count,
        )


def unread_columns(names: Sequence[str], columns: Columns) -> Iterator[str]:
    """The columns that nothing was read from, where one of them may be a part that is missed."""
    if "" in names[:-1] or names[-1:] == [""]:
        at = names.index("") + 1
        yield message(
            "a column that the first line does not name, number {number} of {columns}",
            number=at,
            columns=len(names),
        )
    unused = [name for at, name in enumerate(names) if name and at not in columns.positions]
    if not unused:
        return
    match columns.date is None, columns.reviewer_id is None and columns.reviewer_name is None:
        case True, True:
            yield message(
                "columns of unknown meaning (call one “date” or “reviewer” to have it read so): {columns}",
                columns=named(unused),
            )
        case True, False:
            yield message(
                "columns of unknown meaning (call one “date” to have it read so): {columns}", columns=named(unused)
            )
        case False, True:
            yield message(
                "columns of unknown meaning (call one “reviewer” to have it read so): {columns}",
                columns=named(unused),
            )
        case _:
            pass


def _is_filled(line: str) -> bool:
    stripped = line.strip("\ufeff \t\r\n")
    return bool(stripped.strip(DELIMITERS)) and _FOR_EXCEL.match(stripped) is None


def _names_reviews(line: str, mapping: Mapping[Part, str]) -> bool:
    said = [
        name for part, name in mapping.items() if part not in VALUES and name != ABSENT and not name.isdecimal()
    ]
    for delimiter in DELIMITERS:
        fields = _fields(line, delimiter)
        if len(fields) < 2 or any(map(_is_value, fields)):
            continue
        names = ColumnNames(fields)
        if names.columns({}).hold_reviews or (said and all(names.position(name) is not None for name in said)):
            return True
    return False


def _fields(line: str, delimiter: str) -> list[str]:
    if delimiter not in line or len(line) > _LONGEST:
        return []
    with suppress(csv.Error):
        for fields in csv.reader([line], delimiter=delimiter):
            return [field.strip("\ufeff \t\"'") for field in fields]
    return []


def _is_value(field: str) -> bool:
    return bare_number(field) is not None or read_date(field) is not None


def _is_beside_the_table(line: str, width: int) -> bool:
    """Whether the line is a comment, too short, or a title that a spreadsheet has filled up with empty fields."""
    fields = _widest(line)
    is_short = len(fields) < width and any(map(_is_value, fields))
    return is_short or fields[-1] == "" or _COMMENT.match(line.lstrip('\ufeff \t"')) is not None


def _widest(line: str) -> list[str]:
    return max((_fields(line, delimiter) for delimiter in DELIMITERS), key=len) or [line]


def _as_wide_as_the_table(lines: Sequence[str]) -> set[int]:
    """Which of the lines have as many fields as nearly all, or one fewer; none where that is one field.

    Prose has commas too, but no column of numbers or dates.
    """
    best: tuple[int, set[int]] = 0, set()
    for delimiter in DELIMITERS:
        rows = [_fields(line, delimiter) for line in lines]
        behind = rows[min(len(rows) // 4, _MOST_TITLES) :]
        width, count = max(Counter(map(len, behind)).items(), key=lambda one: one[1], default=(0, 0))
        if width <= max(best[0], 1) or count < _MOST * len(behind):
            continue
        values = Counter(at for row in behind for at, field in enumerate(row) if _is_value(field))
        if max(values.values(), default=0) > len(behind) / 2:
            best = width, {n for n, row in enumerate(rows) if width - 1 <= len(row) <= width and len(row) > 1}
    return best[1]
