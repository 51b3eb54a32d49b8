"""`outlast reviews`: commands to print a sample and to evaluate the checks, and those of the modules beside it."""

import io
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Table as Grid

from outlast_reviews.cli.mapping import map_option, mapping_of
from outlast_reviews.cli.running import progress_bar
from outlast_reviews.cli.scan import scan
from outlast_reviews.cli.verify import verify
from outlast_reviews.deduplicate import merge
from outlast_reviews.evaluate.accuracy_table import (
    Table,
    accuracy_table,
    as_json,
    calibration_lines,
    format_figure,
    is_auc,
    markdown,
)
from outlast_reviews.evaluate.labelled_data import LabelledReviews, NotLabelled, read_labelled
from outlast_reviews.evaluate.languages import evaluate_languages
from outlast_reviews.evaluate.planted import evaluate_planted
from outlast_reviews.evaluate.planted_groups import evaluate_groups
from outlast_reviews.evaluate.products import evaluate_products
from outlast_reviews.evaluate.reviews import evaluate_reviews
from outlast_reviews.evaluate.table_picture import picture
from outlast_reviews.invented import sample_csv
from outlast_reviews.review import Review
from outlast_reviews.sources.errors import NotReviews
from outlast_reviews.sources.formats.columns import Part
from outlast_reviews.sources.formats.read import read_reviews

ReportProgress = Callable[[int, int, str], None]


@click.group()
def reviews() -> None:
    """Scan a shop's products, verify evidence, measure how well the judging does; print a sample to try."""


reviews.add_command(scan)
reviews.add_command(verify)


@reviews.command()
def sample() -> None:
    """Print a file of invented reviews, with a planted campaign in it: outlast reviews sample > sample.csv."""
    click.echo(sample_csv(), nl=False)


@reviews.command()
@click.argument("files", nargs=-1, metavar="[FILE…]", type=click.Path(path_type=Path))
@click.option("--label", metavar="NAME", help="The column that says 1 or 0; else a usual name is looked for.")
@click.option(
    "--planted",
    metavar="SEEDS",
    type=click.IntRange(1, 10_000),
    help="Plant so many campaigns of each kind in the files, which then need no labels, and count what is found.",
)
@click.option(
    "--generated",
    metavar="COUNT",
    type=click.IntRange(100, 100_000),
    help="Generate so many honest reviews in each of six languages, and plant copies in them; needs no FILE.",
)
@click.option(
    "--groups",
    metavar="SEEDS",
    type=click.IntRange(1, 10_000),
    help="Plant groups of reviewers in so many invented crowds of each kind and count what is found.",
)
@click.option("--picture", "image", metavar="FILE.svg", type=click.Path(path_type=Path), help="Draw the table.")
@click.option("--markdown", "as_markdown", is_flag=True, help="Print the table as Markdown.")
@click.option("--json", "print_json", is_flag=True, help="Print the table as JSON; a list.")
@map_option
def evaluate(
    files: Sequence[Path],
    label: str | None,
    mapping: Sequence[str],
    planted: int | None,
    generated: int | None,
    groups: int | None,
    image: Path | None,
    as_markdown: bool,
    print_json: bool,
) -> None:
    """Print the accuracy table: what the checks say of labelled reviews, beside what these really are.

    FILE is a CSV, TSV, JSON or JSONL file of reviews with a column of labels (1: fake, 0: honest), judged product
    by product; or a table of products with numbers and a label (1: seen buying reviews). Exits 2 when a file
    could not be used.
    """
    if not files and generated is None and groups is None:
        raise click.UsageError("Name a FILE of labelled reviews, or use --generated COUNT or --groups SEEDS.")
    tables: list[Table] = []
    failed = False
    columns = mapping_of(mapping)
    with progress_bar() as bar:
        task = bar.add_task("Reading", total=None)

        def report(done: int, total: int, message: str) -> None:
            bar.update(task, completed=done, total=total, description=message)

        if groups is not None:
            tables.append(accuracy_table("invented crowds", evaluate_groups(groups, report)))
        if planted is not None and files:
            sets = [found for path in files if (found := _read_unlabelled(path, columns))]
            failed = len(sets) < len(files)
            if sets:
                named = ", ".join(path.name for path in files)
                tables.append(accuracy_table(named, evaluate_planted(sets, planted, report)))
        else:
            for path in files:
                try:
                    tables.append(_evaluate_labelled(path, label, columns, report))
                except NotLabelled as refused:
                    click.echo(f"{path}: {refused}", err=True)
                    failed = True
        if generated is not None:
            tables.append(accuracy_table("generated reviews", evaluate_languages(generated, report)))
    if image and tables:
        image.write_text(picture(tables), encoding="utf-8")
    if print_json:
        click.echo(json.dumps([as_json(table) for table in tables], indent=2, ensure_ascii=False))
    elif as_markdown:
        click.echo("\n\n".join(markdown(table) for table in tables))
    else:
        for table in tables:
            _print(table)
    sys.exit(2 if failed else 0)


def _evaluate_labelled(
    path: Path, label: str | None, mapping: Mapping[Part, str], report: ReportProgress
) -> Table:
    labelled = read_labelled(path, label, mapping)
    if isinstance(labelled, LabelledReviews):
        return accuracy_table(path.name, evaluate_reviews(labelled, report))
    return accuracy_table(path.name, evaluate_products(labelled, report))


def _read_unlabelled(path: Path, mapping: Mapping[Part, str]) -> Sequence[Review] | None:
    """Reviews of one product to plant in; `None`, and a sentence on stderr, where that cannot be."""
    try:
        raw = path.read_bytes()
        received = merge(read_reviews(io.BytesIO(raw), len(raw), mapping=mapping).reviews)
    except OSError as error:
        click.echo(f"{path}: It cannot be opened: {error.strerror}.", err=True)
        return None
    except NotReviews as refused:
        click.echo(f"{path}: {refused}", err=True)
        return None
    if not any(review.date for review in received):
        click.echo(f"{path}: Its reviews have no dates, so no campaign can be planted among them.", err=True)
        return None
    return received


def _print(table: Table) -> None:
    out = Console()
    out.print(f"\n[bold]{escape(table.source)}[/]", highlight=False)
    out.print(escape(table.about), highlight=False)
    grid = Grid("what", "figure", "95% interval", "of", "elsewhere", box=None, padding=(0, 2, 0, 0))
    for line in [*table.lines, *calibration_lines(table.calibration)]:
        value, interval = format_figure(line.figure, percent=not is_auc(line))
        of = f"{line.figure.of:,}"
        grid.add_row(escape(f"{line.group}: {line.name}"), value, interval, of, escape(line.beside))
    out.print(grid)
