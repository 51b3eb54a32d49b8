"""Which sessions a command means: by id, by reference, or by filters."""

import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, ParamSpec, TypeVar

import click

from outlast.cli.application import Refused
from outlast.core.ids import owner_hash
from outlast.domain.printable import printable
from outlast.domain.session import AnalysisSession
from outlast.domain.status import Status
from outlast.ports.store import Selection, Store

P = ParamSpec("P")
T = TypeVar("T")

CANDIDATES = 10
"""Sessions that are listed when several match."""
DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*([smhdw])")
SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
HASH = re.compile("[0-9a-f]{64}")


class _Since(click.ParamType):  # pyright: ignore[reportMissingTypeArgument] - it takes none before click 8.4
    """A duration before now, such as 90s, 30m, 2h, 7d or 2w, or a date or time in ISO 8601, in UTC by default."""

    name = "when"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        if isinstance(value, datetime):
            return value
        duration = DURATION.fullmatch(value.strip().lower())
        try:
            if duration is not None:
                return datetime.now(UTC) - timedelta(seconds=float(duration[1]) * SECONDS[duration[2]])
            at = datetime.fromisoformat(value.strip())
        except (ValueError, OverflowError):
            self.fail(
                f"{printable(value)!r} is neither a duration such as 30m, 2h or 7d nor a date such as 2026-11-27.",
                param,
                ctx,
            )
        return at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)


WHEN = _Since()
"""The type of an option for a time in the past."""

OPTIONS = {
    "status": click.option(
        "--status", type=click.Choice([s.value for s in Status]), help="Only with this status."
    ),
    "analysis": click.option("--analysis", metavar="NAME", help="Only of this analysis."),
    "queue": click.option("--queue", metavar="NAME", help="Only of this queue."),
    "owner": click.option("--owner", metavar="OWNER", help="Only of this owner, or of the owner with this hash."),
    "since": click.option("--since", type=WHEN, help="Only started since then: 30m, 2h, 7d, or a date."),
    "ended_since": click.option(
        "--since", "ended_since", type=WHEN, help="Only failed since then: 30m, 2h, 7d, or a date."
    ),
    "code": click.option("--code", metavar="CODE", help="Only with this kind of error, such as timeout."),
    "exception": click.option(
        "--exception", metavar="CLASS", help="Only with this class of exception, as `--by reason` shows it."
    ),
}


def filters(*names: str) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """Add these options to a command."""

    def add(command: Callable[P, T]) -> Callable[P, T]:
        for name in reversed(names):
            command = OPTIONS[name](command)
        return command

    return add


def selection_of(given: dict[str, Any], **more: Any) -> Selection:
    """Return the selection that the options of `filters` describe."""
    chosen = {name: value for name, value in (given | more).items() if value is not None}
    if "status" in chosen:
        chosen["status"] = Status(chosen["status"])
    if "owner" in chosen and not HASH.fullmatch(chosen["owner"]):
        chosen["owner"] = owner_hash(chosen["owner"])
    return Selection(**chosen)


def described(selection: Selection) -> str:
    """Return the filters of a selection in one line, such as `analysis=site, code=timeout`."""
    names = ("status", "analysis", "queue", "code", "exception", "owner", "since", "ended_since")
    given = {name: getattr(selection, name) for name in names}
    return ", ".join(f"{name}={value}" for name, value in given.items() if value is not None) or "all"


async def find_one(store: Store, text: str) -> AnalysisSession:
    """Return the session with this id, with an id that begins so, or with this reference. Raises `Refused`."""
    wanted = text.strip().lower()
    session = await store.get(wanted, owner=None)
    if session is not None:
        return session
    found = await store.find_sessions(wanted, limit=CANDIDATES + 1)
    if not found:
        raise Refused(
            f"There is no session {printable(text)!r}, by id or by reference: see `outlast sessions list`."
        )
    if len(found) > 1:
        raise Refused(ambiguity(text, found))
    return found.pop()


def ambiguity(text: str, found: Sequence[AnalysisSession]) -> str:
    """Return the error that lists the sessions among which the text does not decide."""
    lines = [
        printable(f"  {s.id}  {s.created_at:%Y-%m-%d %H:%M:%S}  {s.phase.value}  {s.analysis}  {s.subject[:40]}")
        for s in found[:CANDIDATES]
    ]
    more = "\n  and more" if len(found) > CANDIDATES else ""
    return f"Several sessions match {printable(text)!r}. Give more of the id:\n" + "\n".join(lines) + more
