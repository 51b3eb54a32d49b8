"""The report page: an HTML fragment of the result that works without scripts, in print and on a telephone."""

import datetime as dt
import math
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, cast

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from outlast import PageView
from outlast_reviews import formatting
from outlast_reviews.method import VERSION
from outlast_reviews.pages.changes import changes
from outlast_reviews.pages.charts import interval_bar, star_rows
from outlast_reviews.pages.collecting import report_links
from outlast_reviews.pages.grouping import groups, listed_by_check
from outlast_reviews.pages.highlighting import highlighted
from outlast_reviews.pages.insights_view import insights_view
from outlast_reviews.pages.query import CLEAR_PER_PAGE, ReportQuery, paginate
from outlast_reviews.pages.timeline_chart import timeline_chart
from outlast_reviews.reading import parts_read, written_on
from outlast_reviews.verdict import tone_of
from outlast_reviews.wording import (
    meaning,
    outcome,
    products_together,
    weight,
    what_was_not_read,
    what_was_read,
)


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
            "percent": formatting.percent,
            "count": _count,
            "average": formatting.average,
            "of_five": _of_five,
            "day": _day,
            "days": _days,
            "highlighted": highlighted,
            "meaning": meaning,
            "outcome": outcome,
            "products_together": products_together,
            "parts_read": parts_read,
            "weight": weight,
            "what_was_not_read": what_was_not_read,
            "what_was_read": what_was_read,
            "written_on": written_on,
        }
        for name in self._environment.list_templates():
            self._environment.get_template(name)

    def page(self, template: str, **values: Any) -> str:
        """Another page of the site as safe HTML."""
        return self._environment.get_template(template).render(**values)

    def render(
        self, result: Mapping[str, Any], query: Mapping[str, str] | None = None, view: PageView | None = None
    ) -> str:
        """Render a result, `{"report": …, "earlier": …}`, as safe HTML.

        `query` has the filters and pages that its address asks for. Links to other parts of the site need `view`.
        """
        report = completed(result["report"])
        chosen = ReportQuery.of(query or {}, report)
        bursts = _bursts(report["checks"])
        rows = star_rows(report["stars"], without_incentivised=chosen.without_incentivised)
        timeline = timeline_chart(report["timeline"], bursts)
        flagged, flagged_where = groups(report, chosen)
        clear_where, clear = paginate(
            report["without_signs"], 1 if chosen.clear is None else chosen.clear, CLEAR_PER_PAGE
        )
        return self._environment.get_template("report.html").render(
            report=report,
            interval=interval_bar(report),
            share=_share(report),
            rating_change=_rating_change(report),
            star_rows=rows,
            star_height=sum(row.height for row in rows),
            timeline=timeline,
            busiest=max(timeline.columns, key=lambda column: column.count) if timeline else None,
            bursts=bursts,
            checks_run=report["checks_made"],
            checks_planned=report["checks_total"],
            view=view,
            current_version=VERSION,
            query=chosen,
            groups=flagged,
            listed=listed_by_check(report, chosen),
            flagged_where=flagged_where,
            clear=clear,
            clear_where=clear_where,
            insights=insights_view(report, chosen),
            changes=changes(report, result.get("earlier")),
            earlier=result.get("earlier"),
            links=Markup(report_links(result, view)) if view else "",  # noqa: S704 - from templates that escape
        )


def render_report(
    result: Mapping[str, Any], query: Mapping[str, str] | None = None, view: PageView | None = None
) -> str:
    """One page of the one `ReportPage` of this process."""
    return _page().render(result, query, view)


def render_page(template: str, **values: Any) -> str:
    """A page about the site, made by the one `ReportPage` of this process."""
    return _page().page(template, **values)


def compile_templates() -> None:
    """Compile the templates ahead of the first report."""
    _page()


@cache
def _page() -> ReportPage:
    return ReportPage()


def completed(report: Mapping[str, Any]) -> Mapping[str, Any]:
    """Add to a report of an earlier version what it does not say."""
    tone = tone_of(report["grade"], report["strong_count"])
    made = sum(check["outcome"] != "not_assessed" for check in report["checks"])
    checks = {"checks_made": made, "checks_total": len(report["checks"])}
    return {"badge": report["grade"], "tone": tone, "projected": report["sample"], **checks, **report}


def _share(report: Mapping[str, Any]) -> str | None:
    if report["fake_percentage"] is None:
        return None
    return formatting.percent_range(report["fake_percentage_low"], report["fake_percentage_high"])


def _rating_change(report: Mapping[str, Any]) -> str | None:
    """As "−0.74"."""
    if report["original_rating"] is None or report["adjusted_rating"] is None:
        return None
    return f"{round(report['adjusted_rating'], 2) - round(report['original_rating'], 2):+.2f}".replace("-", "−")


def _bursts(checks: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    return [window for check in checks for window in check.get("windows", ())]


def _count(number: float) -> str:
    return f"{number:,.0f}" if number == int(number) else f"{number:,.1f}"


def _days(start: str, end: str) -> str:
    return formatting.days(dt.date.fromisoformat(start), dt.date.fromisoformat(end))


def _day(date: str) -> str:
    return formatting.day(dt.date.fromisoformat(date))


def _of_five(rating: float) -> str:
    """As "★★★★☆"; a half counts as a whole star."""
    full = min(5, max(0, math.floor(rating + 0.5)))
    return "★" * full + "☆" * (5 - full)
