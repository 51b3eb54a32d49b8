"""`outlast analyse`: runs the product analysis in the terminal, through the same pipeline as the site."""

import asyncio
import json
import sys
from collections.abc import Sequence
from pathlib import Path

import click

from outlast import OutlastError
from outlast_reviews.cli.mapping import map_option, mapping_of
from outlast_reviews.cli.questions import asked_in_terminal, suggested
from outlast_reviews.cli.report_printer import print_report
from outlast_reviews.cli.running import explained, judge, key_for_evidence, options, progress_bar
from outlast_reviews.evidence.files import write_evidence
from outlast_reviews.sources.formats.read import FORMATS, LAST_FORMAT


@click.command(
    help=f"""Judge the reviews of one product, in files ({FORMATS} or {LAST_FORMAT}, gzip or ZIP of
    these, saved review pages) or at addresses; several are taken together.

    Exits 0 whenever there is a report, whatever it says, and 2 when a source could not be read.
    """
)
@click.argument("sources", nargs=-1, required=True, metavar="SOURCE…")
@map_option
@click.option(
    "--product", metavar="NAME", help="Only the reviews of this product, where there are several; all: together."
)
@click.option(
    "--evidence",
    "folder",
    metavar="FOLDER",
    type=click.Path(path_type=Path),
    help="Also write a signed evidence file, as HTML and JSON, into this folder.",
)
@click.option("--yes", is_flag=True, help="Answer questions about the file as they are suggested.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def analyse(
    sources: Sequence[str],
    mapping: Sequence[str],
    product: str | None,
    folder: Path | None,
    *,
    yes: bool,
    as_json: bool,
) -> None:
    given = options(mapping_of(mapping), product)
    try:
        key = key_for_evidence(folder)
    except OutlastError as error:
        click.echo(str(error), err=True)
        sys.exit(2)
    try:
        with progress_bar() as bar:
            line = bar.add_task("Waiting", total=100)
            answer = suggested if yes else asked_in_terminal(bar)
            result = asyncio.run(
                judge(sources, given, lambda done, at: bar.update(line, completed=done, description=at), answer)
            )
    except OutlastError as error:
        click.echo(explained(error, sources), err=True)
        sys.exit(2)
    if as_json:
        click.echo(json.dumps(result, indent=2, ensure_ascii=False))
    else:
        print_report(result, ", ".join(sources))
    if folder and key:
        try:
            written = write_evidence(
                result, key, folder, result["report"]["product_title"] or Path(sources[0]).stem
            )
        except OSError as error:
            click.echo(f"{folder}: No evidence can be written there: {error.strerror}.", err=True)
            sys.exit(2)
        for path in written:
            click.echo(f"Wrote {path}", err=True)
        click.echo(f"Signed by the key {key.public}", err=True)
