"""Tables fit the terminal: ids stay whole, every column is there, and a narrow terminal gets blocks."""

import pytest
from rich.console import Console

from outlast.cli.tables import WIDEST, make_table

HEADERS = ("session", "analysis", "subject", "phase", "created", "error")
ID = "6wjpg7m66vbz3udzbbukezsmdq"
ROW = (ID, "fails", "input:" + "2e744cba" * 12, "completed", "2026-11-30 17:25:34", "timeout")


def shown(width: int) -> str:
    console = Console(width=width, color_system=None)
    with console.capture() as captured:
        console.print(make_table(HEADERS, [ROW, ROW], width, whole=("session", "phase", "created")))
    return captured.get()


@pytest.mark.parametrize("width", [40, 60, 80, 100, 120, 200])
def test_a_table_fits_its_terminal_and_loses_no_column(width: int):
    text = shown(width)
    assert all(len(line) <= width for line in text.splitlines())
    assert all(header in text for header in HEADERS)
    for cell in (ID, "fails", "completed", "2026-11-30 17:25:34", "timeout"):
        assert text.count(cell) == 2


def test_a_table_for_a_program_is_not_cut():
    assert ROW[2] in shown(WIDEST)
    assert len(shown(WIDEST).splitlines()) == 3
