"""The dashboard's list of sessions with its search, the page of one session, and its cancel and retry."""

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from starlette.responses import Response

from outlast.domain.session import AnalysisSession
from outlast.domain.status import Status
from outlast.ports.store import CancelAnswer, RetryAnswer, Selection
from outlast.web.api import RETRY_REFUSED
from outlast.web.dashboard_pages import (
    asked,
    asked_status,
    dashboard_page,
    readable_subject,
    record,
    redirect,
    session_row,
)
from outlast.web.operators import PATH
from outlast.web.problems import Problem, not_found
from outlast.web.request_context import RequestContext
from outlast.web.session_timeline import timeline
from outlast.web.uploads import verify_form_token

LISTED = 50
"""Sessions on one page."""
INPUT_SHOWN = 4_000
"""Characters of an input that are shown."""
QUICK = 0.08
"""Seconds after which a filtered list goes no further back."""
MOST_SEARCHED = timedelta(days=400)
"""Beyond this time, a filtered list takes the rest at once."""
FILTERS = ("status", "analysis", "queue", "code", "exception")


async def list_page(context: RequestContext) -> Response:
    """All sessions, the newest first: `?q=` searches, other parameters filter, `?after=` turns the page."""
    searched: datetime | None = None
    text, status, after = asked(context, "q"), asked_status(context), asked(context, "after")
    given = {name: asked(context, name) for name in FILTERS}
    exception = "" if given["exception"] == "none" else given["exception"]
    if text is not None:
        listed = await _search(context, text)
    else:
        chosen = Selection(
            status=status, analysis=given["analysis"], limit=LISTED + 1, queue=given["queue"], code=given["code"],
            exception=exception, after=after,
        )  # fmt: skip
        listed, searched = await _filtered(context, chosen)
    now = context.engine.clock.now()
    return dashboard_page(
        context,
        "dashboard_sessions.html",
        "/sessions",
        title="Sessions",
        rows=[session_row(session, now) for session in listed[:LISTED]],
        next=listed[LISTED - 1].id if len(listed) > LISTED else None,
        text=text or "",
        given={name: value for name, value in given.items() if value},
        after=after,
        searched=searched,
        statuses=[""] + [status.value for status in Status],
    )


async def _filtered(
    context: RequestContext, chosen: Selection
) -> tuple[Sequence[AnalysisSession], datetime | None]:
    """Return the selected sessions; and since when, if older ones were not looked at.

    A filter that hardly any of a million sessions passes would take seconds, so the list goes further back only
    while that is quick, unless `?since=all` asks for it.
    """
    select, clock = context.engine.sessions.select, context.engine.clock
    if chosen.status is Status.FAILED:  # by an index of its own; what failed last comes first
        return await context.engine.guarded_store.failed(chosen), None
    is_filtered = chosen.analysis or chosen.queue or chosen.code or chosen.exception is not None
    if not is_filtered or asked(context, "since") == "all":
        return await select(chosen), None
    last = await context.engine.guarded_store.get(chosen.after_id, owner=None) if chosen.after_id else None
    until, began, window = last.created_at if last else clock.now(), clock.monotonic(), timedelta(hours=1)
    while window < MOST_SEARCHED:
        since = until - window
        listed = await select(replace(chosen, since=since))
        if len(listed) == chosen.limit:
            return listed, None
        if clock.monotonic() - began > QUICK:
            return listed, since
        window *= 2
    return await select(chosen), None


async def _search(context: RequestContext, text: str) -> list[AnalysisSession]:
    """Find by id and reference first, then by what subjects and errors contain."""
    store = context.engine.guarded_store
    found = await store.find_sessions(text.lower(), limit=LISTED)
    if len(found) < LISTED:
        found += await store.search_sessions(text, limit=LISTED)
    return list({session.id: session for session in found}.values())[:LISTED]


async def session_page(context: RequestContext) -> Response:
    """The whole story of one session of any owner."""
    view = await context.engine.sessions.get(context.session_id, owner=None)
    if view is None:
        raise not_found()
    session, now = view.session, context.engine.clock.now()
    attempts = await context.engine.guarded_store.history(session.id)
    return dashboard_page(
        context,
        "dashboard_session.html",
        "/sessions",
        title=readable_subject(session),
        session=session,
        shown=session_row(session, now),
        stalled=view.stalled,
        paused=view.paused,
        position=view.queue_position,
        attempts=attempts,
        timeline=timeline(session, attempts, now),
        input=_pretty(session.input),
    )


async def cancel(context: RequestContext) -> Response:
    """Cancel the session."""
    await verify_form_token(context)
    answer = await context.engine.sessions.cancel(context.session_id, owner=None)
    if answer is None:
        raise not_found()
    if answer is CancelAnswer.FINAL:
        raise Problem(409, "It had ended before.", link=_back_link(context))
    await record(context, "sessions cancel", context.session_id, answer)
    return redirect(context, f"/{context.session_id}")


async def retry(context: RequestContext) -> Response:
    """A new set of attempts."""
    await verify_form_token(context)
    answer = await context.engine.sessions.retry(context.session_id, owner=None)
    if answer is None:
        raise not_found()
    if answer is not RetryAnswer.RETRIED:
        raise Problem(409, RETRY_REFUSED[answer], link=_back_link(context))
    await record(context, "sessions retry", context.session_id, answer)
    return redirect(context, f"/{context.session_id}")


def _back_link(context: RequestContext) -> tuple[str, str]:
    return f"{PATH}/{context.session_id}", "Back to the session"


def _pretty(text: str) -> str:
    """Indent the input's JSON and truncate it."""
    shown = json.dumps(json.loads(text), indent=2, ensure_ascii=False)
    return shown if len(shown) <= INPUT_SHOWN else shown[:INPUT_SHOWN] + "\n…"
