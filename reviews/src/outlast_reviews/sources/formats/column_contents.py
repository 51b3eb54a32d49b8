"""Corrects what the names of a table's columns say by what is in them: a column of words, of stars, of dates."""

import datetime as dt
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace

from outlast_reviews.sources.formats.columns import VALUES, Columns, Part, columns_of
from outlast_reviews.sources.formats.dates import read_date
from outlast_reviews.sources.formats.stars import (
    UnknownStars,
    UnreadableStars,
    bare_number,
    read_stars,
    read_thumb,
)

MOST = 0.9
"""Share of a column's values that shows what the column holds."""
ENOUGH = 0.5
"""Share below which a column does not hold what its name says."""
RARE = 0.1
"""Share up to which the values of a column are ratings by chance."""
FEW = 3
"""Filled values below which a column shows nothing."""
LONGEST_NAME = 30
"""Characters of a name on average."""
SHORTEST_SENTENCE = 12
"""Characters; a shorter value is a word or a number."""
MOST_RATINGS = 21
"""Different values of a column of ratings, as of ten points with halves."""
LONGEST = 1_000
"""Characters of a value that are looked at."""
FLAGS = frozenset({"true", "false", "yes", "no", "y", "n", "t", "f"})
_ANY_DAY = dt.date(2020, 1, 1)
"""From which "9 months ago" is counted where only its form matters."""


@dataclass(frozen=True, slots=True)
class ColumnContents:
    """Shares, from 0 to 1, of what the filled values of a column are."""

    filled: int
    distinct: int
    words: float
    """Values that are no number, flag or date, and as long as a sentence."""
    data: float
    """Values that are a number, a flag, a date or an address, and no words of a person."""
    stars: float
    dates: float
    numbers: float
    length: float
    """Characters on average."""
    largest: float
    """The largest bare number, or 0."""

    @property
    def different(self) -> float:
        """Share of the filled values that differ."""
        return self.distinct / max(self.filled, 1)

    @property
    def has_sentences(self) -> bool:
        return self.filled > 0 and self.words >= ENOUGH and self.different >= ENOUGH and self.dates < ENOUGH

    @property
    def has_ratings(self) -> bool:
        """Whether nearly all values are ratings, few of them different."""
        return self.filled > 0 and self.stars >= MOST and self.distinct <= MOST_RATINGS and 1 < self.largest <= 100

    @property
    def has_thumbs(self) -> bool:
        """Whether nearly all values are one of two or three ratings without stars, such as 0 and 1."""
        return self.filled > 0 and self.stars >= MOST and self.distinct in {2, 3} and self.largest <= 1

    @property
    def has_names(self) -> bool:
        """Whether nearly all values are different, short words."""
        return self.filled >= FEW and self.different >= MOST and self.data < RARE and self.length < LONGEST_NAME

    @property
    def has_dates(self) -> bool:
        """Whether nearly all values are dates that are written as such, and not numbers."""
        return self.filled >= FEW and self.dates >= MOST and self.numbers < ENOUGH and self.distinct > 1


def contents_of(values: Sequence[object]) -> ColumnContents:
    """Look at the values of one column."""
    texts = [
        text
        for value in values
        if (text := "" if value is None or isinstance(value, list | dict) else str(value)[:LONGEST].strip())
    ]
    count = len(texts) or 1
    numbers = [number for text in texts if (number := bare_number(text)) is not None]

    def share(kind: Callable[[str], bool]) -> float:
        return sum(map(kind, texts)) / count

    return ColumnContents(
        len(texts),
        len(set(texts)),
        share(_is_sentence),
        share(_is_data),
        share(_is_rating),
        share(_is_date),
        len(numbers) / count,
        sum(map(len, texts)) / count,
        max((scale_end(text) for text in texts), default=0),
    )


class _Table:
    """The columns of a table, with the contents of each, looked at once."""

    def __init__(self, columns: Columns, rows: Sequence[Sequence[object]]) -> None:
        self.columns = columns
        self._rows = rows
        self._width = max(map(len, rows), default=0)
        self._contents: dict[int, ColumnContents] = {}

    def of(self, position: int | None) -> ColumnContents:
        if position is None:
            return _NOTHING
        if position not in self._contents:
            self._contents[position] = contents_of(
                [row[position] if position < len(row) else None for row in self._rows]
            )
        return self._contents[position]

    def free(self, *besides: int | None) -> list[int]:
        """The columns that hold no part, and those in `besides`."""
        taken = {at for at in self.columns.positions if at is not None and at not in besides}
        return [at for at in range(self._width) if at not in taken]

    def words(self, *besides: int | None) -> int | None:
        """The column with the longest sentences."""
        found = [at for at in self.free(*besides) if self.of(at).has_sentences]
        return max(found, key=lambda at: self.of(at).length, default=None)

    def ratings(self) -> int | None:
        """The only column of ratings."""
        return _only([at for at in self.free() if self.of(at).has_ratings])

    def thumbs(self) -> int | None:
        """The only column of thumbs."""
        return _only([at for at in self.free() if self.of(at).has_thumbs])

    def names(self) -> int | None:
        """The only column of what may be people's names."""
        return _only([at for at in self.free() if self.of(at).has_names])

    def dates(self) -> int | None:
        """The only column of dates."""
        return _only([at for at in self.free() if self.of(at).has_dates])


def corrected(columns: Columns, rows: Sequence[Sequence[object]], said: Collection[Part] = ()) -> Columns:
    """Move a part from a column that does not hold it to one that does, except the parts that a person `said`.

    Words are looked for if the column that the name says has none, such as a 0 or 1 called "feedback"; so are
    stars and dates. Where the title has the sentences and the text has none, they change places. A column of
    sentences is no flag of verified purchases, and one of flags names no reviewer.
    A part that a person left out when asked for the columns is not looked for.
    """
    table = _Table(columns, rows)
    text, rating = table.of(columns.text), table.of(columns.rating)
    if "text" not in said and columns.text is not None and (not text.filled or text.data >= MOST):
        best = table.words(columns.text, columns.title, columns.verified)
        if best is not None:
            table.columns = replace(table.columns.without(best), text=best)
    elif not {"text", "title"} & set(said) and text.words < RARE and table.of(columns.title).has_sentences:
        table.columns = replace(columns, text=columns.title, title=columns.text)
    if "rating" not in said and columns.rating is not None and rating.filled >= FEW and rating.stars < RARE:
        table.columns = replace(table.columns, rating=None)
        table.columns = replace(table.columns, rating=table.ratings())
    date = table.of(table.columns.date)
    asked = any(part not in VALUES for part in said)
    if "date" not in said and not (asked if table.columns.date is None else date.filled < FEW or date.dates):
        found = table.dates()
        table.columns = replace(table.columns, date=table.columns.date if found is None else found)
    if "verified" not in said and table.of(table.columns.verified).has_sentences:
        table.columns = replace(table.columns, verified=None)
    name = table.of(table.columns.reviewer_name)
    if "reviewer" not in said and name.filled >= FEW and name.distinct <= len(FLAGS) and name.data >= MOST:
        table.columns = replace(table.columns, reviewer_name=None)
    return table.columns


def likely(columns: Columns, rows: Sequence[Sequence[object]]) -> Columns:
    """Fill in the stars, the words and the date that no name told, from the contents, for a person to confirm."""
    table = _Table(columns, rows)
    if columns.rating is None:
        table.columns = replace(table.columns, rating=table.ratings())
    if table.columns.rating is None:
        table.columns = replace(table.columns, rating=table.thumbs())
    if columns.text is None:
        table.columns = replace(table.columns, text=table.words())
    if columns.date is None:
        table.columns = replace(table.columns, date=table.dates())
    if columns.reviewer_id is None and columns.reviewer_name is None:
        table.columns = replace(table.columns, reviewer_name=table.names())
    return table.columns


def names_with_gap(names: Sequence[str], rows: Sequence[Sequence[object]]) -> list[str]:
    """Insert an empty name into the names of columns, where the values of the rows fit the others best."""
    best: tuple[float, int] = (-1.0, len(names))
    for at in range(len(names) + 1):
        columns = columns_of([*names[:at], "", *names[at:]])
        rating, text, date = (
            contents_of([] if position is None else [row[position] for row in rows])
            for position in (columns.rating, columns.text, columns.date)
        )
        score = (rating.stars if rating.distinct <= MOST_RATINGS else 0) + text.words + date.dates
        if score >= best[0]:
            best = score, at
    return [*names[: best[1]], "", *names[best[1] :]]


def _is_sentence(text: str) -> bool:
    if len(text) < SHORTEST_SENTENCE and not (len(text) > 3 and not text.isascii()):
        return False
    return any(map(str.isalpha, text)) and bare_number(text) is None and "://" not in text[:12]


def _is_data(text: str) -> bool:
    return bare_number(text) is not None or text.lower() in FLAGS or "://" in text[:12] or _is_date(text)


def _is_date(text: str) -> bool:
    return read_date(text, _ANY_DAY) is not None


def _only(found: Sequence[int]) -> int | None:
    return found[0] if len(found) == 1 else None


def scale_end(text: str) -> float:
    """The number itself where it is bare, and 5 for any other rating, which says its own scale."""
    number = bare_number(text)
    return 5.0 if number is None and read_thumb(text) is None and _is_rating(text) else number or 0.0


def _is_rating(text: str) -> bool:
    if bare_number(text) is not None or read_thumb(text) is not None:
        return True
    try:
        return read_stars(text) is not None
    except UnknownStars:
        return True
    except UnreadableStars:
        return False


_NOTHING = contents_of(())
