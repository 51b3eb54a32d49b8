"""Stores the results of `menagerie.py` in a file and writes the documentation's table from them."""

import json
import os
import platform
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path

from cells import Cell
from deployments import DEPLOYMENTS
from hostile import ROWS, SECTIONS, section_of
from hostile.row import KINDS, Row

PAGE = Path(__file__).parents[1] / "docs" / "explain" / "hostile-code.md"
BEGIN, END = "<!-- menagerie: written by chaos/menagerie.py -->", "<!-- end -->"


class ResultsFile:
    """All cells that have run, with their violations."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.cells: dict[str, dict[str, object]] = json.loads(path.read_text()) if path.exists() else {}

    def save(self, faults: Mapping[Cell, list[str]], ends: Mapping[Cell, str]) -> None:
        for cell, found in faults.items():
            self.cells[str(cell)] = {"faults": found, "end": ends.get(cell, "")}
        self._path.write_text(json.dumps(self.cells, indent=0))

    def missing(self, cell: Cell) -> bool:
        """Whether the cell has not run, or broke an invariant."""
        known = self.cells.get(str(cell))
        return known is None or bool(known["faults"])


def write(results_file: ResultsFile, seconds: float) -> None:
    """Insert the table between the markers of its page."""
    before, _, rest = PAGE.read_text().partition(BEGIN)
    _, _, after = rest.partition(END)
    table = "\n".join(_lines(results_file, seconds))
    PAGE.write_text(f"{before}{BEGIN}\n\n{table}\n\n{END}{after}")


def _lines(results_file: ResultsFile, seconds: float) -> Iterator[str]:
    known = {key: cell for key, cell in results_file.cells.items() if _exists(key)}
    broken = {key: cell["faults"] for key, cell in known.items() if cell["faults"]}
    day = time.strftime("%Y-%m-%d", time.gmtime())
    yield (
        f"Run on {day} on {os.cpu_count()} cores, Python {platform.python_version()}: {len(ROWS)} rows, "
        f"{len(known):,} cells, of which {len(broken):,} broke an invariant. "
        f"The last run took {seconds / 60:.0f} minutes."
    )
    sections = section_of()
    for title in SECTIONS:
        yield from ("", f"### {title}", "")
        yield "| row | what it does | " + " | ".join(DEPLOYMENTS) + " |"
        yield "|---|---|" + "---|" * len(DEPLOYMENTS)
        for row in ROWS.values():
            if sections[row.name] == title:
                marks = " | ".join(_marks(row, deployment, known) for deployment in DEPLOYMENTS)
                yield f"| `{row.name}` | {_escaped(row.what)} | {marks} |"
        yield from _failures(title, broken, sections)


def _marks(row: Row, deployment: str, known: Mapping[str, dict[str, object]]) -> str:
    return " ".join(_mark(row, kind, known.get(f"{deployment}/{row.name}.{kind}")) for kind in KINDS)


def _mark(row: Row, kind: str, cell: dict[str, object] | None) -> str:
    if kind not in row.code:
        return "–"
    if cell is None:
        return "?"
    return "✗" if cell["faults"] else "✓"


def _failures(title: str, broken: Mapping[str, object], sections: Mapping[str, str]) -> Iterator[str]:
    """Each failure with its cells."""
    where: defaultdict[str, list[str]] = defaultdict(list)
    for key, faults in broken.items():
        if sections[_row_of(key)] == title:
            where["; ".join(dict.fromkeys(map(str, faults)))].append(key)
    if where:
        yield ""
    for fault, keys in where.items():
        yield f"- {', '.join(f'`{key}`' for key in keys)}: {_escaped(fault)}"


def _row_of(key: str) -> str:
    return key.partition("/")[2].rpartition(".")[0]


def _exists(key: str) -> bool:
    row = ROWS.get(_row_of(key))
    return row is not None and key.rpartition(".")[2] in row.code


def _escaped(text: str) -> str:
    for sign in "\\|<>*_`[]":
        text = text.replace(sign, "\\" + sign)
    return text
