"""Tables of the commands: as wide as the terminal, and never cut where a program reads them."""

import sys
from collections.abc import Iterable, Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from outlast.domain.printable import printable

WIDEST = 100_000
"""Characters of a line that no terminal shows."""


def print_table(
    headers: Sequence[str], rows: Iterable[Sequence[str]], *, whole: Sequence[str] = (), wrap: bool = False
) -> None:
    """Print a table on standard output.

    If a terminal is too narrow, columns that are not in `whole` are shortened, or with `wrap` continue below.
    """
    console = Console(width=None if sys.stdout.isatty() else WIDEST)
    console.print(make_table(headers, rows, whole=whole, wrap=wrap))


def make_table(
    headers: Sequence[str], rows: Iterable[Sequence[str]], *, whole: Sequence[str] = (), wrap: bool = False
) -> Table:
    """Return the table, with control characters escaped."""
    cells = [[printable(cell) for cell in row] for row in rows]
    table = Table(box=None, pad_edge=False)
    for place, header in enumerate(headers):
        longest = max((len(row[place]) for row in cells), default=0) if header in whole else None
        table.add_column(header, no_wrap=not wrap, overflow="fold" if wrap else "ellipsis", min_width=longest)
    for row in cells:
        table.add_row(*map(Text, row))
    return table
