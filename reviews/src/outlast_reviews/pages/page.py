"""The report page: an HTML fragment of the result that works without scripts, in print and on a telephone."""

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from outlast import PageView
from outlast_reviews import formatting
from outlast_reviews.method import VERSION
from outlast_reviews.pages.changes import changes
from outlast_reviews.pages.charts import interval_bar, star_rows
from outlast_reviews.pages.collecting import report_links
from outlast_reviews.pages.grouping import groups, listed_by_check
from outlast_reviews.pages.insights_view import insights_view
from outlast_reviews.pages.languages import ENGLISH, templates
from outlast_reviews.pages.query import CLEAR_PER_PAGE, ReportQuery, paginate
from outlast_reviews.pages.timeline_chart import timeline_chart
from outlast_reviews.verdict import tone_of


def render_report(
    result: Mapping[str, Any], query: Mapping[str, str] | None = None, view: PageView | None = None
) -> str:
    """Render a result, `{"report": …, "earlier": …}`, as safe HTML.

    `query` has the filters and pages that its address asks for. Links to other parts of the site need `view`.
    """
    report = completed(result["report"])
    chosen = ReportQuery.of(query or {}, report)
    share, bursts = _share(report), _bursts(report["checks"])
    rows = star_rows(report["stars"], without_incentivised=chosen.without_incentivised)
    timeline = timeline_chart(report["timeline"], bursts)
    flagged, flagged_where = groups(report, chosen)
    clear_where, clear = paginate(
        report["without_signs"], 1 if chosen.clear is None else chosen.clear, CLEAR_PER_PAGE
    )
    return templates().render(
        "report.html",
        view.language if view else ENGLISH,
        report=report,
        interval=interval_bar(report),
        share=share,
        uncertain=share is not None and share != formatting.percent(report["fake_percentage"]),
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


def render_page(template: str, language: str = ENGLISH, **values: Any) -> str:
    """A page about the site as safe HTML."""
    return templates().render(template, language, **values)


def compile_templates() -> None:
    """Compile the templates ahead of the first report."""
    templates().compile(ENGLISH)


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


def _rating_change(report: Mapping[str, Any]) -> float | None:
    if report["original_rating"] is None or report["adjusted_rating"] is None:
        return None
    return round(report["adjusted_rating"], 2) - round(report["original_rating"], 2)


def _bursts(checks: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    return [window for check in checks for window in check.get("windows", ())]
