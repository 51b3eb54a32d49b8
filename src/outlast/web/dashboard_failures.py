"""The dashboard's failures: grouped by reason, each group retried by one button."""

from collections import Counter
from datetime import timedelta

from starlette.responses import Response

from outlast.domain.status import Status
from outlast.ports.failures import RetryAnswer, Selection
from outlast.web.dashboard_pages import asked, dashboard_page, record, redirect
from outlast.web.problems import Problem, fault
from outlast.web.request_context import RequestContext
from outlast.web.uploads import read_fields

PERIODS = {"1h": timedelta(hours=1), "24h": timedelta(hours=24), "7d": timedelta(days=7)}
"""How far back `?since=` goes; without it, all failures that are kept count."""
BATCH = 250
"""Sessions that are retried in one transaction."""
MOST_RETRIED = 10_000
"""Sessions that one form retries, so that the answer does not take minutes."""


async def failures_page(context: RequestContext) -> Response:
    """Failed sessions by analysis, kind of error and class of exception; `?since=1h`, `24h` or `7d`."""
    since = asked(context, "since")
    if since is not None and since not in PERIODS:
        raise fault(f"since is one of {', '.join(PERIODS)}.", "?since")
    now = context.engine.clock.now()
    selection = Selection(ended_since=now - PERIODS[since] if since else None)
    reasons = await context.engine.guarded_store.failure_reasons(selection)
    return dashboard_page(
        context,
        "dashboard_failures.html",
        "/failures",
        title="Failures",
        reasons=reasons,
        since=since or "",
        periods=PERIODS,
        retried=asked(context, "retried"),
        refused=asked(context, "refused"),
        most=MOST_RETRIED,
    )


async def retry_reason(context: RequestContext) -> Response:
    """Retry the failed sessions of one reason, as the form's analysis, code and exception name it."""
    form = await read_fields(context)
    analysis, code, exception = (form.get(name) for name in ("analysis", "code", "exception"))
    if not analysis or code is None or exception is None:
        raise Problem(422, "Name an analysis, a code and an exception.", link=("/dashboard/failures", "Failures"))
    selection = Selection(status=Status.FAILED, analysis=analysis, code=code, exception=exception, limit=BATCH)
    answers: Counter[bool] = Counter()
    async for batch in context.engine.sessions.pages(selection):
        found = await context.engine.sessions.retry_each(batch)
        answers.update(found.get(session.id) is RetryAnswer.RETRIED for session in batch)
        if sum(answers.values()) >= MOST_RETRIED:
            break
    retried, refused = answers[True], answers[False]
    target = f"analysis={analysis}, code={code}" + (f", exception={exception}" if exception else "")
    await record(context, "queue retry", target, f"{retried} of {retried + refused} session(s)")
    return redirect(context, f"/failures?retried={retried}&refused={refused}")
