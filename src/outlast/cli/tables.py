"""Tables of the commands: as wide as the terminal, and never cut where a program reads them."""

import sys
from collections.abc import Iterable, Sequence

from rich.cells import cell_len
from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from outlast.domain.printable import printable

WIDEST = 100_000
"""Characters of a line that no terminal shows."""
LEAST = 8
"""Characters that a shortened column keeps."""
GAP = 2
"""Spaces between two columns."""


def print_table(headers: Sequence[str], rows: Iterable[Sequence[str]], *, whole: Sequence[str] = ()) -> None:
    """Print a table on standard output. On a terminal, all columns but those in `whole` may be shortened.

    If even that is too wide, each row becomes a block of lines, so that a narrow terminal shows everything too.
    """
    console = Console(width=None if sys.stdout.isatty() else WIDEST)
    console.print(make_table(headers, rows, console.width, whole=whole))


def make_table(
    headers: Sequence[str], rows: Iterable[Sequence[str]], width: int, *, whole: Sequence[str] = ()
) -> RenderableType:
    """Return what `print_table` prints on a terminal of that width, with control characters escaped."""
    cells = [[printable(cell) for cell in row] for row in rows]
    natural = [max(cell_len(cell) for cell in column) for column in zip(headers, *cells, strict=True)]
    shortened = [place for place, header in enumerate(headers) if header not in whole]
    fitting = _widths(natural, shortened, width)
    if fitting is None:
        return _blocks(headers, cells)
    table = Table(box=None, pad_edge=False)
    for header, longest in zip(headers, fitting, strict=True):
        table.add_column(header, no_wrap=True, overflow="ellipsis", min_width=longest, max_width=longest)
    for row in cells:
        table.add_row(*map(Text, row))
    return table


def _widths(natural: Sequence[int], shortened: Sequence[int], room: int) -> Sequence[int] | None:
    """Shorten the widest columns until all fit; `None` if they cannot."""
    widths = list(natural)
    for _ in range(sum(widths) + GAP * (len(widths) - 1) - room):
        widest = max(shortened, key=widths.__getitem__, default=None)
        if widest is None or widths[widest] <= LEAST:
            return None
        widths[widest] -= 1
    return widths


def _blocks(headers: Sequence[str], cells: Sequence[Sequence[str]]) -> Text:
    longest = max(map(cell_len, headers))
    blocks = (
        "\n".join(f"{header:>{longest}}  {cell}" for header, cell in zip(headers, row, strict=True) if cell)
        for row in cells
    )
    return Text("\n\n".join(blocks), overflow="fold")
