"""The report page: an HTML fragment of the result that works without scripts, in print and on a telephone."""

import datetime as dt
import math
from collections.abc import Mapping, Sequence
from typing import Any, cast

from jinja2 import Environment, PackageLoader, StrictUndefined

from outlast_reviews import spoken
from outlast_reviews.pages.charts import interval_bar, star_rows, timeline_chart
from outlast_reviews.pages.grouping import groups
from outlast_reviews.pages.marking import marked

TONES = {"A": "good", "B": "good", "C": "warn", "D": "bad", "F": "bad", "U": "unsure"}
OUTCOMES = {"found": "Found", "clear": "Clear", "not_assessed": "Not assessed"}


class ReportPage:
    """Holds the compiled templates; one for each program is enough."""

    def __init__(self) -> None:
        self._environment = Environment(
            loader=PackageLoader("outlast_reviews.pages"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        filters = cast("dict[str, Any]", self._environment.filters)
        filters |= {
            "percent": spoken.percent,
            "count": _count,
            "average": _average,
            "of_five": _of_five,
            "day": _day,
            "days": _days,
            "marked": marked,
        }

    def render(self, result: Mapping[str, Any]) -> str:
        """Safe HTML of a result as CONTRACT describes it: `{"report": …}`; it opens with the `h1`."""
        report: Mapping[str, Any] = result["report"]
        return self._environment.get_template("report.html").render(
            report=report,
            tone=TONES[report["grade"]],
            outcomes=OUTCOMES,
            interval=interval_bar(report),
            share=_share(report),
            star_rows=star_rows(report["stars"]),
            timeline=timeline_chart(report["timeline"]),
            bursts=_bursts(report["checks"]),
            groups=groups(report),
        )


def render_report(result: Mapping[str, Any]) -> str:
    """One page; who renders many keeps a `ReportPage`."""
    return ReportPage().render(result)


def _share(report: Mapping[str, Any]) -> str | None:
    if report["fake_percentage"] is None:
        return None
    return spoken.percent_range(report["fake_percentage_low"], report["fake_percentage_high"])


def _bursts(checks: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    return [window for check in checks for window in check.get("windows", ())]


def _count(number: float) -> str:
    """Thousands apart; a fraction only where there is one."""
    return f"{number:,.0f}" if number == int(number) else f"{number:,.1f}"


def _average(rating: float) -> str:
    return f"{rating:.2f}"


def _days(start: str, end: str) -> str:
    return spoken.days(dt.date.fromisoformat(start), dt.date.fromisoformat(end))


def _day(date: str) -> str:
    return spoken.day(dt.date.fromisoformat(date))


def _of_five(rating: float) -> str:
    """As "★★★★☆"; a half counts as a whole star."""
    full = min(5, max(0, math.floor(rating + 0.5)))
    return "★" * full + "☆" * (5 - full)
