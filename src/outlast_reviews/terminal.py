"""The report in the terminal: the verdict first, then the checks and the reviews they concern."""

from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

MARKS = {"found": "[yellow]found[/]", "clear": "[green]clear[/]", "not_assessed": "[dim]not assessed[/]"}
COLOURS = {"A": "green", "B": "green", "C": "yellow", "D": "red", "F": "red", "U": "cyan"}
SHOWN = 10
"""Flagged reviews printed; the page and --json have all."""


def print_report(result: Mapping[str, Any], source: str) -> None:
    """Print what the report page says, for a reader in a hurry."""
    report = result["report"]
    out = Console()
    grade = report["grade"]
    out.print()
    out.print(f"[bold]{escape(source)}[/]", highlight=False)
    out.print(f"[bold {COLOURS[grade]}] {grade} [/] {escape(report['explanation'])}", highlight=False)
    if report["fake_percentage"] is not None:
        low, high = report["fake_percentage_low"], report["fake_percentage_high"]
        out.print(f"Reviews with warning signs: {report['fake_percentage']} % ({low}–{high} %)", highlight=False)
    if report["original_rating"] is not None:
        out.print(_ratings(report), highlight=False)
    out.print(_coverage(report), highlight=False)
    table = Table("check", "outcome", "what it says", box=None, padding=(0, 2, 0, 0))
    for check in report["checks"]:
        table.add_row(escape(check["title"]), MARKS[check["outcome"]], escape(check["sentence"]))
    out.print(table)
    for flag in report["flagged"][:SHOWN]:
        reasons = ", ".join(f"{r['strength']} {r['check'].replace('_', ' ')}" for r in flag["reasons"])
        line = Text.assemble(
            ("  " + str(flag["review_id"] or "review"), "bold"),
            f"  {flag['date'] or ''}  {flag['rating'] or '?'} stars  {reasons}  “{flag['excerpt']}”",
        )
        out.print(line, no_wrap=True, overflow="ellipsis")
    if len(report["flagged"]) > SHOWN:
        out.print(f"  … and {len(report['flagged']) - SHOWN} more (--json has them all)", highlight=False)
    out.print()


def _ratings(report: Mapping[str, Any]) -> str:
    before, after = report["original_rating"], report["adjusted_rating"]
    if after is None or not report["rating_changed"]:
        return f"Rating {before}; no meaningful change when weighted by the evidence"
    return f"Rating {before}; {after} when weighted by the evidence"


def _coverage(report: Mapping[str, Any]) -> str:
    coverage = report["coverage"]
    dates = f", from {coverage['first_date']} to {coverage['last_date']}" if coverage.get("first_date") else ""
    return f"{report['total_reviews']} rows, {report['unique_reviews']} unique reviews{dates}"
