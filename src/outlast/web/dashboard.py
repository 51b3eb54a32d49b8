"""The operators' dashboard: the login, and the overview with its pictures."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from starlette.responses import RedirectResponse, Response

from outlast.core.metric_samples import OUTCOMES, Span, Totals, merged, quantile, spans, step_durations
from outlast.web.access import OPERATOR
from outlast.web.charts import TimeAxis, bar_chart, line_chart
from outlast.web.dashboard_pages import asked, dashboard_page, record
from outlast.web.limits import client_address
from outlast.web.operators import PATH
from outlast.web.problems import Problem, fault
from outlast.web.request_context import RequestContext
from outlast.web.uploads import read_fields, verify_form_token
from outlast.web.wording import duration

RANGES = {
    "1h": (timedelta(hours=1), timedelta(minutes=1), "1 hour"),
    "24h": (timedelta(hours=24), timedelta(minutes=30), "24 hours"),
    "7d": (timedelta(days=7), timedelta(hours=4), "7 days"),
}
"""What the pictures may show: how long, in which steps, and what the page calls it."""
SHARES = {"median": 0.5, "p95": 0.95, "p99": 0.99}
"""The quantiles of the pictures."""


async def login_page(context: RequestContext) -> Response:
    """The form in which operators and viewers enter a key of the dashboard.

    `?key=` fills it, so that a link preview does not use the key up.
    """
    key = context.request.query_params.get("key", "")
    return context.page("dashboard_login.html", title="Dashboard", key=key)


async def log_in(context: RequestContext) -> Response:
    """Submit the key: `303` to the dashboard, with the operator's or viewer's cookie."""
    operators, address = context.access.operators, client_address(context.scope)
    form = await read_fields(context)
    if not operators.may_try(address):
        raise Problem(429, "Too many wrong keys were shown. Please try again in a minute.", retry_after=60)
    cookie = operators.sign_in(form.get("key", "").strip(), context.scope, form.get("name", ""))
    if cookie is None:
        operators.note_failure(address)
        return context.page("dashboard_login.html", 403, title="Dashboard", refused=True)
    entered = operators.known(cookie.partition(";")[0].encode())
    if entered is not None:
        await record(context, "dashboard enter", "", who=entered)
    return RedirectResponse(context.root + PATH, 303, {"Set-Cookie": cookie})


async def log_out(context: RequestContext) -> Response:
    """Log out of the dashboard."""
    await verify_form_token(context)
    name = context.owner.removeprefix(OPERATOR)
    await context.access.operators.sign_out(name, context.engine.guarded_store)
    await record(context, "dashboard leave", "")
    expired = context.access.operators.expired_cookie(context.scope)
    return RedirectResponse(f"{context.root}{PATH}/enter", 303, {"Set-Cookie": expired})


async def overview(context: RequestContext) -> Response:
    """The state of the installation at a glance, with pictures of the last `?range=`: `1h`, `24h` or `7d`."""
    chosen = asked(context, "range") or "24h"
    if chosen not in RANGES:
        raise fault(f"range is one of {', '.join(RANGES)}.", "?range")
    length, step, called = RANGES[chosen]
    store, now = context.engine.guarded_store, context.engine.clock.now()
    insight = await context.engine.statistics.now()
    counted = await spans(store, now, length, step)
    total = Totals({o: sum(s.totals.ended.get(o, 0) for s in counted) for o in OUTCOMES})
    return dashboard_page(
        context,
        "dashboard.html",
        "",
        title="Dashboard",
        insight=insight,
        workless=[depth for depth in insight.depths if depth.waiting and not insight.is_served(depth)],
        silent=[worker for worker in insight.workers if not worker.alive],
        longest=max((waited for d in insight.depths if (waited := insight.longest_wait(d))), default=None),
        total=total.ended,
        ranges=RANGES,
        chosen=chosen,
        called=called,
        pictures=_pictures(counted, now - length, now),
        rows=[
            _row(span) for span in reversed(counted) if any(span.totals.ended.values()) or any(span.totals.wait)
        ],
        steps=step_durations(await store.metrics()),
        wait=_quantiles(merged(span.totals.wait for span in counted)),
        run=_quantiles(merged(span.totals.run for span in counted)),
    )


def _pictures(counted: Sequence[Span], since: datetime, now: datetime) -> Sequence[dict[str, Any]]:
    axis = TimeAxis(since, now)
    ends = [(span.begins, span.ends, span.totals.ended) for span in counted]
    return [
        {
            "id": "ended",
            "title": "Sessions that ended",
            "kinds": OUTCOMES,
            "chart": bar_chart(axis, ends, OUTCOMES),
        },
        *(
            {
                "id": name,
                "title": title,
                "kinds": tuple(SHARES),
                "chart": line_chart(
                    axis,
                    {
                        kind: [(_middle(span), quantile(getattr(span.totals, name), share)) for span in counted]
                        for kind, share in SHARES.items()
                    },
                    seconds,
                ),
            }
            for name, title in (("wait", "Wait until a worker took it"), ("run", "Run time of a session"))
        ),
    ]


def _middle(span: Span) -> datetime:
    return span.begins + (span.ends - span.begins) / 2


def _row(span: Span) -> dict[str, Any]:
    return {
        "begins": span.begins,
        "ended": span.totals.ended,
        "wait": _quantiles(span.totals.wait),
        "run": _quantiles(span.totals.run),
    }


def _quantiles(buckets: tuple[float, ...]) -> dict[str, str]:
    found = {kind: quantile(buckets, share) for kind, share in SHARES.items()}
    return {kind: "" if value is None else duration(round(value * 1000)) for kind, value in found.items()}


def seconds(value: float) -> str:
    """Format seconds for an axis, as short as can be."""
    for size, unit in ((3600, "h"), (60, "min")):
        if value >= 2 * size:
            return f"{value / size:.3g} {unit}"
    return "0" if value == 0 else f"{value:.3g} s"
