"""`outlast analyse`: product analyses in the terminal, through the same pipeline as the site's."""

import asyncio
import json
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TaskProgressColumn, TextColumn, TimeElapsedColumn

from outlast import InvalidInput, Outlast, OutlastError, Status, StoredResult
from outlast_reviews.analysis import register
from outlast_reviews.invented import SAMPLE
from outlast_reviews.terminal import print_report

OWNER = "terminal"


@click.command()
@click.argument("sources", nargs=-1, required=True, metavar="SOURCE…")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON; a list for several sources.")
def analyse(sources: Sequence[str], as_json: bool) -> None:
    """Judge the reviews in a file (CSV, TSV, JSON, JSONL, gzip of these, saved review page) or at an address.

    Exits 0 whenever there is a report, whatever it says, and 2 when a source could not be read.
    """
    results: list[Any] = []
    failed = False
    for source in sources:
        try:
            result = asyncio.run(_analyse(source))
        except OutlastError as error:
            click.echo(f"{source}: {error}", err=True)
            failed = True
            continue
        results.append(result)
        if not as_json:
            print_report(result, source)
    if as_json and results:
        click.echo(json.dumps(results[0] if len(sources) == 1 else results, indent=2, ensure_ascii=False))
    sys.exit(2 if failed else 0)


async def _analyse(source: str) -> Mapping[str, Any]:
    """One session in a store of its own, which is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="outlast-") as folder:
        outlast = Outlast()
        # the terminal's own limits, and a store of its own: nothing of an installation is touched
        outlast.configure(
            data_dir=folder,
            database_url="sqlite:///outlast.db",
            queue_connection="database",
            async_enabled=True,
            max_upload_mb=2000,
        )
        register(outlast)
        async with outlast.lifespan(workers=1):
            value: Any = source
            if "://" not in source and source != SAMPLE:
                value = await _upload(outlast, Path(source))
            started = await outlast.start("product", owner=OWNER, source=str(value))
            return await _follow(outlast, started.view.session.id)


async def _upload(outlast: Outlast, path: Path) -> Any:
    try:
        if path.stat().st_size == 0:  # noqa: ASYNC240 - nothing else is at work yet
            raise InvalidInput("The file is empty.")
        with path.open("rb") as file:
            return await outlast.upload(file, path.name, owner=OWNER)
    except IsADirectoryError:
        raise InvalidInput("This is a folder. Name the files in it.") from None
    except OSError as error:
        raise InvalidInput(f"It cannot be opened: {error.strerror}.") from None


async def _follow(outlast: Outlast, session_id: str) -> Mapping[str, Any]:
    with _bar() as bar:
        line = bar.add_task("Waiting", total=100)
        async for view in outlast.watch(session_id, owner=OWNER):
            session = view.session
            _draw(bar, line, session.progress.percentage, session)
            if session.status is Status.FAILED:
                raise InvalidInput(session.error or "It failed.")
    stored: StoredResult | None = await outlast.result(session_id, owner=OWNER)
    if stored is None:
        raise InvalidInput("It was cancelled.")
    return json.loads(stored.result)


def _draw(bar: Progress, line: TaskID, percentage: float, session: Any) -> None:
    active = [s.title for s in session.progress.steps if s.status == "active"]
    bar.update(line, completed=percentage, description=active[-1] if active else "Waiting")


def _bar() -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TimeElapsedColumn(),
        console=Console(stderr=True),
        transient=True,
    )
