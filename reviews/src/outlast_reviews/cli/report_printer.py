"""Prints the report in the terminal: verdict, coverage, checks, and examples of flagged reviews."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from outlast_reviews import formatting
from outlast_reviews.cli.insights_printer import (
    Part,
    about_all_reviews,
    about_the_checks,
    about_trust,
    heading,
    insights_of,
    under,
)
from outlast_reviews.pages.grouping import COPIES, Group, Item, groups
from outlast_reviews.pages.highlighting import highlighted
from outlast_reviews.pages.query import ALL_PAGES, ReportQuery
from outlast_reviews.reading import PartRead, parts_read
from outlast_reviews.sanitising import truncated
from outlast_reviews.wording import outcome, products_together, weight, what_was_not_read, what_was_read

COLOURS = {"good": "green", "warn": "yellow", "bad": "red", "unsure": "cyan"}
EXAMPLES = 2
"""Reviews printed of each group; the page and --json have all."""
MOST_COPIES = 5
"""Groups of copies printed, the largest; every check has a group besides."""
_WIDEST = 100
_LONGEST_CELL = 40


def print_report(result: Mapping[str, Any], source: str) -> None:
    """Print what the report page says, for a reader in a hurry."""
    report = result["report"]
    out = Console()
    out.width = min(out.width, _WIDEST)
    if parts := parts_read(report):
        out.print(Text("How it was read", "bold underline"))
        out.print(_reading(parts))
        out.print()
    grade = (f" {report['badge']} ", f"bold {COLOURS[report['tone']]}")
    out.print(Text(report["product_title"] or source, "bold"))
    out.print(Text.assemble(grade, " ", report["explanation"]))
    out.print()
    out.print(_figures(report))
    _title(out, "What we looked at")
    out.print(Text(f"{what_was_read(report)} {formatting.counted(report['unique_reviews'], 'unique review')}."))
    for line in what_was_not_read(report):
        out.print(under(Text(line)))
    if together := products_together(report):
        out.print(Text(f"{together} --product NAME takes one of them."))
    insights = insights_of(report)
    if insights:
        _parts(out, about_all_reviews(insights))
    _title(out, "What we checked")
    out.print(_checks(report["checks"]))
    if insights:
        _parts(out, about_the_checks(insights, report))
    _title(out, "Reviews with warning signs")
    for part in _flagged(report):
        out.print(part)
    if insights:
        _parts(out, about_trust(insights))


def _parts(out: Console, parts: Iterable[Part]) -> None:
    for title, below in parts:
        _title(out, title)
        for part in below:
            out.print(part)


def _title(out: Console, title: str) -> None:
    out.print()
    out.print(Text(title, "bold underline"))


def _reading(parts: Sequence[PartRead]) -> Table:
    """What each part was read from, and what it is in the first reviews."""
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0), pad_edge=False)
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True, max_width=24, style="dim")
    table.add_column(overflow="fold")
    for part in parts:
        samples = " · ".join(truncated(sample, _LONGEST_CELL) for sample in part.samples)
        table.add_row(part.heading, Text(part.column), Text(samples or "nothing that can be read"))
    return table


def _figures(report: Mapping[str, Any]) -> Table:
    grid = _grid()
    grid.add_row("With warning signs", _share(report))
    grid.add_row("Average rating", _original(report))
    grid.add_row("Adjusted rating", _adjusted(report))
    if report["incentivised_count"]:
        grid.add_row("Rewarded reviews", f"{report['incentivised_count']:,}, counted separately")
    return grid


def _share(report: Mapping[str, Any]) -> str:
    share = report["fake_percentage"]
    if share is None:
        return "not enough evidence"
    shown = formatting.percent(share)
    between = formatting.percent_range(report["fake_percentage_low"], report["fake_percentage_high"])
    of = f"of {formatting.counted(report['judged_reviews'], 'review')} with a text"
    likely = "likely" if report["projected"] else "between"
    return f"{shown} {of}" if shown == between else f"{shown} {of} ({likely} {between})"


def _original(report: Mapping[str, Any]) -> str:
    original, shop = report["original_rating"], report["product_rating"]
    if original is None:
        thumbs = report["coverage"].get("with_thumb")
        return (
            f"no stars; {report['coverage']['recommended']:,} of {thumbs:,} recommend it" if thumbs else "no stars"
        )
    return f"{original:.2f}" if shop is None else f"{original:.2f} (the shop shows {shop:.2f})"


def _adjusted(report: Mapping[str, Any]) -> str:
    if report["adjusted_rating"] is None:
        return "not enough evidence"
    low, high = report["adjusted_rating_low"], report["adjusted_rating_high"]
    change = "" if report["rating_changed"] else ", no meaningful change"
    return f"{report['adjusted_rating']:.2f} ({low:.2f}–{high:.2f}){change}"


def _checks(checks: Sequence[Mapping[str, Any]]) -> Table:
    """What is context only says so: it is not among the checks that the verdict counts."""
    grid = _grid()
    for check in checks:
        shown = Text(outcome(check), _colour(check))
        if check["context"]:
            shown.append("\nfor context", "dim")
        grid.add_row(shown, Text.assemble((check["title"], "bold"), "\n", check["sentence"]))
    return grid


def _colour(check: Mapping[str, Any]) -> str:
    if check["outcome"] == "found" and not check["context"]:
        return {"strong": "red", "medium": "yellow"}.get(weight(check) or "", "")
    return "green" if check["outcome"] == "clear" else "dim"


def _flagged(report: Mapping[str, Any]) -> Iterator[RenderableType]:
    found, where = groups(report, ReportQuery(page=ALL_PAGES))
    if not found:
        yield Text("None.")
    elif where.total < report["flagged_count"]:
        yield Text(f"The strongest {where.total:,} of {report['flagged_count']:,}:")
    copies = [group for group in found if group.check == COPIES]
    for group in copies[:MOST_COPIES]:
        yield from _group(group)
    if more := copies[MOST_COPIES:]:
        reviews = formatting.counted(sum(group.count for group in more), "review")
        yield Text(f"\n{formatting.counted(len(more), 'smaller group')} of copies: {reviews}", "bold")
    for group in found:
        if group.check != COPIES:
            yield from _group(group)


def _group(group: Group) -> Iterator[RenderableType]:
    counted = "" if group.copies else f": {formatting.counted(group.count, 'review')}"
    weighing = f", {group.strength} sign" if group.strength else ""
    yield Text()
    yield Text.assemble(
        (group.title, "bold"), f"{counted}{weighing if group.counted else ', not counted as suspicious'}"
    )
    if group.sentence:
        yield Text(group.sentence)
    items = (*group.shown, *group.folded)
    for item in items[:EXAMPLES]:
        yield under(_review(item))
    more = [f"{len(items) - EXAMPLES:,} more"] if len(items) > EXAMPLES else []
    more += [f"{group.elsewhere:,} listed above"] if group.elsewhere else []
    if more:
        yield under(Text(f"… and {', and '.join(more)} (--json has them all)", "dim"))


def _review(item: Item) -> Text:
    review = item.review
    line = Text(heading(review, ", ".join(f"{tag.text} ({tag.strength})" for tag in item.tags)))
    for tag in item.tags:
        line.append(f"\n{tag.sentence}" if tag.sentence else "")
    shown = [(part, "bold" if lit else "") for part, lit in highlighted(review["excerpt"], item.quotes)]
    return line.append_text(Text.assemble("\n“", *shown, "”")) if shown else line


def _grid() -> Table:
    grid = Table(box=None, show_header=False, padding=(0, 2, 0, 0), pad_edge=False)
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    return grid
