"""`outlast reviews scan`: judges several products in one run, and says what changed since the last one."""

import asyncio
import fcntl
import json
import sys
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from outlast import InvalidInput, OutlastError
from outlast_reviews.cli.mapping import map_option, mapping_of
from outlast_reviews.cli.report_printer import COLOURS
from outlast_reviews.cli.running import Show, is_address, judge, key_for_evidence, options, progress_bar
from outlast_reviews.evidence.files import write_evidence
from outlast_reviews.formatting import average, counted
from outlast_reviews.history import summary
from outlast_reviews.sanitising import sanitised
from outlast_reviews.scan.memory import ScanMemory, ScanMemoryError
from outlast_reviews.scan.outcome import Outcome, earlier_report, outcome_of
from outlast_reviews.scan.product_list import Entry, ListError, read_list
from outlast_reviews.sources.formats.columns import Part

_SUFFIX = ".last-scan.json"
_WIDEST = 120


@click.command()
@click.argument("product_list", metavar="LIST", type=click.Path(path_type=Path))
@map_option
@click.option(
    "--evidence",
    "folder",
    metavar="FOLDER",
    type=click.Path(path_type=Path),
    help="Write a signed evidence file of each product, as HTML and JSON, into this folder.",
)
@click.option(
    "--memory",
    "memory_file",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help=f"What the last scan is remembered in; without it, LIST{_SUFFIX}.",
)
@click.option("--quiet", is_flag=True, help="Print nothing unless something changed or failed.")
@click.option("--json", "as_json", is_flag=True, help="Print the outcome as JSON.")
def scan(
    product_list: Path,
    mapping: Sequence[str],
    folder: Path | None,
    memory_file: Path | None,
    quiet: bool,
    as_json: bool,
) -> None:
    """Judge several products in one run, and say what changed since the last run.

    LIST is a text file with one file or address on each line, or a CSV file with the columns source, name and
    product, of which the last two are optional. Files are looked for beside the list.

    Exits 1 when a product changed for the worse: a worse grade, more reviews with warning signs, or an adjusted
    average that fell by 0.1 stars or more. Exits 2 when a product could not be judged, else 0.
    """
    columns = mapping_of(mapping)
    try:
        entries = read_list(product_list)
        with _only_scan_of(product_list):
            memory = ScanMemory(memory_file or product_list.with_name(product_list.name + _SUFFIX))
            run = _Scan(product_list.parent, columns, memory, folder)
            outcomes = run.all_of(entries)
    except (ListError, ScanMemoryError, OutlastError) as error:
        click.echo(sanitised(str(error)), err=True)
        sys.exit(2)
    failed, worse = any(o.error for o in outcomes), any(o.worse for o in outcomes)
    if failed or not quiet or any(outcome.changed for outcome in outcomes):
        if as_json:
            _print_json(product_list, outcomes)
        else:
            _print_table(outcomes)
    sys.exit(2 if failed else 1 if worse else 0)


class _Scan:
    """One run; a product that fails never stops the others."""

    def __init__(
        self, beside: Path, mapping: Mapping[Part, str], memory: ScanMemory, evidence: Path | None
    ) -> None:
        self._beside = beside
        self._mapping = mapping
        self._memory = memory
        self._evidence = evidence
        self._key = key_for_evidence(evidence)

    def all_of(self, entries: Sequence[Entry]) -> Sequence[Outcome]:
        outcomes: list[Outcome] = []
        with progress_bar() as bar:
            line = bar.add_task("", total=100 * len(entries))
            for number, entry in enumerate(entries):

                def show(done: float, at: str, number: int = number, entry: Entry = entry) -> None:
                    text = f"{number + 1} of {len(entries)} · {entry.name} · {at}"
                    bar.update(line, completed=100 * number + done, description=text)

                show(0, "Waiting")
                outcomes.append(self._one(entry, show))
        return outcomes

    def _one(self, entry: Entry, show: Show) -> Outcome:
        source = entry.source if is_address(entry.source) else str(self._beside / entry.source)
        try:
            result = asyncio.run(judge([source], options(self._mapping, entry.product), show))
            report, last = result["report"], self._memory.last(entry.name)
            earlier = earlier_report(report, last)
            written = self._write({**result, "earlier": earlier and asdict(earlier)}, entry.name)
            self._memory.remember(entry.name, summary(report))
            return outcome_of(entry.name, entry.source, report, last, earlier, written)
        except ScanMemoryError:
            raise
        except OutlastError as error:
            return Outcome(entry.name, entry.source, error=_sentence(error, source))
        except OSError as error:  # a full disk, or a folder for evidence that is gone
            return Outcome(entry.name, entry.source, error=sanitised(str(error)))

    def _write(self, result: dict[str, object], name: str) -> Sequence[str]:
        if self._evidence is None or self._key is None:
            return ()
        return [str(path) for path in write_evidence(result, self._key, self._evidence, name)]


def _sentence(error: OutlastError, source: str) -> str:
    text = str(error).removeprefix(f"{source}: ")
    names = {question.name for question in error.questions} if isinstance(error, InvalidInput) else set[str]()
    if "product" in names:
        text += " Name it in the column “product” of the list."
    elif names:
        text += " Say it with --map."
    return sanitised(text)


@contextmanager
def _only_scan_of(product_list: Path) -> Generator[None]:
    """Keep a second scan of the same list, such as cron's next one, from running beside this one."""
    with product_list.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ListError(f"{product_list}: Another scan of this list is running.") from None
        yield


def _print_json(product_list: Path, outcomes: Sequence[Outcome]) -> None:
    whole = {
        "list": str(product_list),
        "scanned_at": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "worse": sum(bool(o.worse) for o in outcomes),
        "failed": sum(bool(o.error) for o in outcomes),
        "products": [outcome.as_json() for outcome in outcomes],
    }
    click.echo(json.dumps(whole, indent=2, ensure_ascii=False))


def _print_table(outcomes: Sequence[Outcome]) -> None:
    out = Console()
    out.width = min(out.width, _WIDEST)
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False)
    table.add_column("Product", overflow="fold")
    table.add_column("Grade", no_wrap=True)
    for title in ("Stars", "Reviews", "With signs"):
        table.add_column(title, justify="right", no_wrap=True)
    table.add_column("Since last time", overflow="fold")
    for outcome in outcomes:
        now = outcome.figures
        if now is None:
            table.add_row(Text(outcome.name), Text("–"), "–", "–", "–", Text(f"Failed. {outcome.error}", "red"))
            continue
        table.add_row(
            Text(outcome.name),
            Text(now["grade"], f"bold {COLOURS[outcome.tone or 'unsure']}"),
            average(now["rating"]),
            f"{now['reviews']:,}",
            f"{now['suspicious']:,}",
            _since(outcome),
        )
    out.print(table)
    worse, failed = sum(bool(o.worse) for o in outcomes), sum(bool(o.error) for o in outcomes)
    out.print(Text(f"\n{counted(len(outcomes), 'product')}: {worse:,} worse, {failed:,} failed."))
    if files := [Path(path) for outcome in outcomes for path in outcome.evidence]:
        out.print(Text(f"{counted(len(files), 'evidence file')} written to {files[0].parent}."))


def _since(outcome: Outcome) -> Text:
    if outcome.since is None:
        return Text("First scan", "dim")
    parts = [f"{outcome.new:,} new"] if outcome.new else []
    parts += [f"{outcome.gone:,} gone"] if outcome.gone else []
    parts += [f"{change.name}: {change.before} → {change.now}" for change in outcome.changes]
    text = Text(" · ".join(parts) or "No change")
    for sentence in outcome.worse:
        text.append(f"\n{sentence}", "red")
    if outcome.other_method and outcome.changes:
        text.append("\nAnother version of the method judged last time, so this may be its doing.", "dim")
    return text
