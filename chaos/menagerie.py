"""Run hostile analyses in every kind and deployment, beside honest neighbours, and say which invariants broke.

Rows that can share a worker are run together; where such a server breaks an invariant that no single cell is to
blame for, each of its cells is run again alone. The table is written to docs/explain/hostile-code.md.
"""

import argparse
import fnmatch
import os
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

os.environ.setdefault("HOSTILE_EFFECTS", os.devnull)
from cells import ISOLATED_AT_ONCE, Cell, Observations, Run
from deployments import DEPLOYMENTS
from hostile import ROWS, section_of
from hostile.row import KINDS, PROCESS
from table import ResultsFile, write

TOGETHER = {"async": 40, "def": 40, PROCESS: 24}
"""Cells in one server: each of a process has an interpreter to start."""
MEMORY = Path(tempfile.gettempdir()) / "outlast-menagerie.json"


def chosen(rows: Sequence[str], kinds: Sequence[str], deployments: Sequence[str]) -> list[Cell]:
    return [
        Cell(row, kind, deployment)
        for deployment in deployments
        for row in ROWS.values()
        for kind in row.code
        if kind in kinds
        and (not row.only or deployment in row.only)
        and (not rows or any(fnmatch.fnmatch(row.name, pattern) for pattern in rows))
    ]


def batches(cells: Sequence[Cell], *, alone: bool) -> Iterator[list[Cell]]:
    """Group cells that share a server: same deployment, kind and section, without harm to the process."""
    sections = section_of()
    shared: defaultdict[tuple[str, str, str, bool], list[Cell]] = defaultdict(list)
    single: list[Cell] = []
    for cell in cells:
        if alone or cell.kind in cell.row.alone:
            single.append(cell)
        else:
            hangs = cell.kind in cell.row.hangs
            shared[cell.deployment, cell.kind, sections[cell.row.name], hangs].append(cell)
    for (_, kind, _, hangs), group in shared.items():
        size = ISOLATED_AT_ONCE if hangs and kind == PROCESS else TOGETHER[kind]
        for n in range(0, len(group), size):
            yield group[n : n + size]
    for cell in single:
        yield [cell]


class Results:
    """The results of the cells that have run."""

    def __init__(self) -> None:
        self.faults: dict[Cell, list[str]] = {}
        self.ends: dict[Cell, str] = {}

    def add(self, observed: Observations) -> None:
        for cell, faults in observed.faults.items():
            self.faults[cell] = [*faults, *observed.shared]
            self.ends[cell] = observed.ends.get(cell, "")

    @property
    def broken(self) -> dict[Cell, list[str]]:
        return {cell: faults for cell, faults in self.faults.items() if faults}


def run_all(
    groups: Sequence[Sequence[Cell]],
    jobs: int,
    slack: float,
    logs: Path | None,
    results_file: ResultsFile,
    *,
    again: bool,
) -> Results:
    results = Results()
    todo, done, began = len(groups), 0, time.monotonic()
    with ThreadPoolExecutor(jobs) as pool:
        running = {pool.submit(_timed, group, slack): group for group in groups}
        while running:
            for future in as_completed(list(running)):
                group = running.pop(future)
                observed, seconds = future.result()
                done += 1
                faulty = bool(observed.shared) or any(observed.faults.values())
                _print_progress(done, todo, group, observed, seconds, time.monotonic() - began)
                if faulty and logs is not None:
                    (logs / f"{group[0].deployment}-{group[0].tag}-{len(group)}.log").write_text(observed.log)
                if len(group) > 1 and observed.shared and again:
                    for cell in group:
                        running[pool.submit(_timed, [cell], slack)] = [cell]
                    todo += len(group)
                    break
                results.add(observed)
                results_file.save({cell: results.faults[cell] for cell in group}, results.ends)
    return results


def _timed(group: Sequence[Cell], slack: float) -> tuple[Observations, float]:
    began = time.monotonic()
    return Run(group, slack).go(), time.monotonic() - began


def _print_progress(
    done: int, todo: int, group: Sequence[Cell], observed: Observations, seconds: float, since: float
) -> None:
    what = str(group[0]) if len(group) == 1 else f"{group[0].deployment} {group[0].kind}: {len(group)} rows"
    broken = sum(bool(f) for f in observed.faults.values())
    verdict = "ok" if not broken and not observed.shared else f"{broken} cells, {len(observed.shared)} shared"
    print(f"[{done}/{todo} {since:4.0f} s] {what}  {verdict}  ({seconds:.0f} s)", flush=True)
    for cell, faults in observed.faults.items():
        for fault in faults:
            print(f"    {cell}: {fault}")
    for fault in observed.shared[:8]:
        print(f"    {fault}", flush=True)


def _sum_up(results: Results, seconds: float) -> None:
    """Print each failure once, with its cells."""
    by_fault: defaultdict[str, list[Cell]] = defaultdict(list)
    for cell, faults in results.broken.items():
        by_fault["; ".join(dict.fromkeys(faults))].append(cell)
    for fault, cells in by_fault.items():
        print(f"{fault}:\n    {', '.join(f'{cell} ({results.ends[cell]})' for cell in cells)}")
    print(f"{len(results.broken)} of {len(results.faults)} cells break an invariant; {seconds:.0f} s")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", nargs="*", default=[], metavar="NAME", help="only these; * stands for anything")
    parser.add_argument("--kinds", nargs="*", default=KINDS, choices=KINDS)
    parser.add_argument("--deployments", nargs="*", default=DEPLOYMENTS, choices=DEPLOYMENTS)
    parser.add_argument("--list", action="store_true", help="the rows, and what each does")
    parser.add_argument("--jobs", type=int, default=max(2, (os.cpu_count() or 2)), help="servers at once")
    parser.add_argument("--slack", type=float, default=3.0, help="seconds more for everything, on a busy machine")
    parser.add_argument("--alone", action="store_true", help="each cell in a server of its own")
    parser.add_argument("--only", choices=["shared", "single"], help="only what shares a server, or has its own")
    parser.add_argument("--no-again", action="store_true", help="do not run cells of a broken server again alone")
    parser.add_argument("--logs", type=Path, help="a folder for the logs of servers that broke an invariant")
    parser.add_argument("--json", type=Path, default=MEMORY, help="where what was observed is kept, run after run")
    parser.add_argument("--missing", action="store_true", help="only cells that file has not, or has as broken")
    parser.add_argument(
        "--write", action="store_true", help="write the page from that file after a partial run too"
    )
    options = parser.parse_args()
    if options.list:
        for name, row in ROWS.items():
            print(f"{name:28} {'/'.join(row.code):18} {row.what}  → {', '.join(sorted(row.ends))}")
        return
    if options.logs is not None:
        options.logs.mkdir(parents=True, exist_ok=True)
    results_file = ResultsFile(options.json)
    cells = chosen(options.rows, options.kinds, options.deployments)
    if options.missing:
        cells = [cell for cell in cells if results_file.missing(cell)]
    groups = list(batches(cells, alone=options.alone))
    if options.only:
        groups = [group for group in groups if (len(group) > 1) == (options.only == "shared")]
    print(f"{len(cells)} cells in {len(groups)} servers, {options.jobs} at once", flush=True)
    began = time.monotonic()
    results = run_all(groups, options.jobs, options.slack, options.logs, results_file, again=not options.no_again)
    seconds = time.monotonic() - began
    _sum_up(results, seconds)
    if options.write or len(results.faults) == len(chosen([], KINDS, DEPLOYMENTS)):
        write(results_file, seconds)
    sys.exit(1 if results.broken else 0)


if __name__ == "__main__":
    main()
