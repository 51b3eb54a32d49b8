"""`outlast analyse`: runs the product analysis in the terminal, through the same pipeline as the site."""

import asyncio
import json
import re
import shlex
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TaskProgressColumn, TextColumn, TimeElapsedColumn

from outlast import AnalysisFailed, AnalysisSession, InvalidInput, Outlast, OutlastError, SessionHandle
from outlast_reviews.analysis import register
from outlast_reviews.cli.mapping import map_option, mapping_of
from outlast_reviews.cli.report_printer import print_report
from outlast_reviews.invented import SAMPLE
from outlast_reviews.sanitising import sanitised
from outlast_reviews.sources.formats.columns import ABSENT
from outlast_reviews.sources.formats.read import FILES
from outlast_reviews.sources.gathering import ALL

_ADDRESS = re.compile(r"(?:[\w-]{1,63}\.){1,5}[a-z]{2,20}/|www\.", re.IGNORECASE)


@click.command(
    help=f"""Judge the reviews of one product, in files ({FILES}, gzip or ZIP of these, saved review pages) or at
    addresses; several are taken together.

    Exits 0 whenever there is a report, whatever it says, and 2 when a source could not be read.
    """
)
@click.argument("sources", nargs=-1, required=True, metavar="SOURCE…")
@map_option
@click.option(
    "--product", metavar="NAME", help="Only the reviews of this product, where there are several; all: together."
)
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def analyse(sources: Sequence[str], mapping: Sequence[str], product: str | None, as_json: bool) -> None:
    more: dict[str, Any] = {"mapping": columns} if (columns := mapping_of(mapping)) else {}
    if product is not None:
        more["only"] = {"product": ALL if product.lower() == "all" else product}
    try:
        result = asyncio.run(_analyse(sources, more))
    except OutlastError as error:
        answer = _how_to_answer(error, sources) if isinstance(error, InvalidInput) else ""
        text = f"{_source_prefix(str(error), sources)}{error}{answer}"
        click.echo("\n".join(sanitised(line) for line in text.split("\n")), err=True)  # it may quote a file
        sys.exit(2)
    if as_json:
        click.echo(json.dumps(result, indent=2, ensure_ascii=False))
    else:
        print_report(result, ", ".join(sources))


def _source_prefix(sentence: str, sources: Sequence[str]) -> str:
    """Prefix for an error that does not name its source; with several sources it does."""
    named = len(sources) > 1 or sentence.startswith(sources[0])
    return "" if named else f"{sources[0]}: "


def _how_to_answer(error: InvalidInput, sources: Sequence[str]) -> str:
    """Suggest the options that answer the questions of an error: columns, or the product."""
    options: list[str] = []
    starless = ""
    for question in error.questions:
        if question.name == "product":
            options += ["--product", question.options[0][0]]
        elif question.required or question.chosen:
            options += ["--map", f"{question.name}={question.chosen or 'COLUMN'}"]
            if question.name == "rating" and not question.chosen:
                starless = f"\nIf there are no stars in it, say --map rating={ABSENT}"
    return f"\nFor example: outlast analyse {shlex.join([*sources, *options])}{starless}" if options else ""


async def _analyse(sources: Sequence[str], more: Mapping[str, Any]) -> Mapping[str, Any]:
    with tempfile.TemporaryDirectory(prefix="outlast-") as folder:
        outlast = Outlast()
        # a temporary store with its own limits: never touch an installation
        outlast.configure(
            data_dir=folder,
            database_url="sqlite:///outlast.db",
            queue_connection="database",
            async_enabled=True,
            max_upload_mb=2000,
        )
        product = register(outlast)
        async with outlast.lifespan(workers=1):
            references = [
                s if "://" in s or s == SAMPLE else repr(await _upload(outlast, Path(s))) for s in sources
            ]
            source = references[0] if len(references) == 1 else references
            return await _follow(await product.start(source=source, **more))


async def _upload(outlast: Outlast, path: Path) -> Any:
    try:
        if path.stat().st_size == 0:  # noqa: ASYNC240 - nothing else runs on the loop yet
            raise InvalidInput(f"{path}: The file is empty.")
        with path.open("rb") as file:
            return await outlast.upload(file, path.name)
    except IsADirectoryError:
        raise InvalidInput(f"{path}: This is a folder. Name the files in it.") from None
    except FileNotFoundError:
        hint = " If it is an address, begin it with https://." if _ADDRESS.match(str(path)) else ""
        raise InvalidInput(f"{path}: There is no such file.{hint}") from None
    except OSError as error:
        raise InvalidInput(f"{path}: It cannot be opened: {error.strerror}.") from None


async def _follow(session: SessionHandle[dict[str, Any]]) -> Mapping[str, Any]:
    with _bar() as bar:
        line = bar.add_task("Waiting", total=100)
        async for view in session:
            _draw(bar, line, view.session.progress.percentage, view.session)
    try:
        return await session.result()
    except AnalysisFailed as failed:
        raise InvalidInput(failed.message) from None


def _draw(bar: Progress, line: TaskID, percentage: float, session: AnalysisSession) -> None:
    active = [s.title for s in session.progress.steps if s.status == "active"]
    bar.update(line, completed=percentage, description=active[-1] if active else "Waiting")


def _bar() -> Progress:
    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TaskProgressColumn(),
        TimeElapsedColumn(),
        console=Console(stderr=True),
        transient=True,
    )
