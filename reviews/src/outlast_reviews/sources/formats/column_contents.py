"""Corrects what the names of a table's columns say by what is in them: a column of words, of stars, of dates."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from outlast_reviews.sources.formats.columns import Columns, Part, columns_of
from outlast_reviews.sources.formats.dates import read_date
from outlast_reviews.sources.formats.stars import UnreadableStars, bare_number, read_stars

MOST = 0.9
"""Share of a column's values that shows what the column holds."""
ENOUGH = 0.5
"""Share below which a column does not hold what its name says."""
FEW = 3
"""Filled values below which a column shows nothing."""
SHORTEST_SENTENCE = 12
"""Characters; a shorter value is a word or a number."""


@dataclass(frozen=True, slots=True)
class ColumnContents:
    """Shares, from 0 to 1, of what the filled values of a column are."""

    filled: int
    different: float
    words: float
    """Values that are no number, flag or date, and as long as a sentence."""
    stars: float
    dates: float
    length: float
    """Characters on average."""


def contents_of(values: Sequence[object]) -> ColumnContents:
    """Look at the values of one column."""
    texts = [text for value in values if (text := "" if value is None else str(value).strip())]
    count = len(texts) or 1

    def share(kind: Callable[[str], bool]) -> float:
        return sum(map(kind, texts)) / count

    return ColumnContents(
        len(texts),
        len(set(texts)) / count,
        share(_is_sentence),
        share(_is_rating),
        share(lambda text: read_date(text) is not None),
        sum(map(len, texts)) / count,
    )


def corrected(columns: Columns, rows: Sequence[Sequence[object]], said: frozenset[Part] = frozenset()) -> Columns:
    """Move a part from a column that does not hold it to one that does, except the parts that a person `said`.

    Words are looked for if the column that the name says has none, such as a 0 or 1 called "feedback". A column of
    sentences is no flag of verified purchases.
    """
    contents: dict[int, ColumnContents] = {}

    def of(position: int) -> ColumnContents:
        if position not in contents:
            contents[position] = contents_of([row[position] if position < len(row) else None for row in rows])
        return contents[position]

    width = max(map(len, rows), default=0)
    text = columns.text
    if text is not None and "text" not in said and of(text).filled >= FEW and of(text).words == 0:
        taken = {
            at for at in columns.positions if at is not None and at not in {text, columns.title, columns.verified}
        }
        candidates = [
            at
            for at in range(width)
            if at not in taken and of(at).words >= ENOUGH and of(at).different >= ENOUGH and of(at).dates < ENOUGH
        ]
        if candidates:
            best = max(candidates, key=lambda at: of(at).length)
            columns = replace(
                columns,
                text=best,
                title=None if columns.title == best else columns.title,
                verified=None if columns.verified == best else columns.verified,
            )
    verified = columns.verified
    if verified is not None and "verified" not in said and of(verified).words >= ENOUGH:
        columns = replace(columns, verified=None)
    return columns


def names_with_gap(names: Sequence[str], rows: Sequence[Sequence[object]]) -> list[str]:
    """Insert an empty name into the names of columns, where the values of the rows fit the others best."""
    best: tuple[float, int] = (-1.0, len(names))
    for at in range(len(names) + 1):
        columns = columns_of([*names[:at], "", *names[at:]])
        rating, text, date = (
            contents_of([] if position is None else [row[position] for row in rows])
            for position in (columns.rating, columns.text, columns.date)
        )
        score = rating.stars + text.words + date.dates
        if score >= best[0]:
            best = score, at
    return [*names[: best[1]], "", *names[best[1] :]]


def _is_sentence(text: str) -> bool:
    if len(text) < SHORTEST_SENTENCE and not (len(text) > 3 and not text.isascii()):
        return False
    return any(map(str.isalpha, text)) and bare_number(text) is None and "://" not in text[:12]


def _is_rating(text: str) -> bool:
    if bare_number(text) is not None:
        return True
    try:
        return read_stars(text) is not None
    except UnreadableStars:
        return False
