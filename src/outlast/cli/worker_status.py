"""`outlast workers status`, and the figures of a supervisor's own workers for its terminal."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import click

from outlast.app import runtime_of
from outlast.cli.application import (
    app_option,
    as_seen_here,
    explain_errors,
    json_option,
    load_app,
    opened,
    print_json,
    run,
    shown_command,
)
from outlast.cli.tables import print_table
from outlast.core.queue_states import is_served
from outlast.domain.pauses import Pause
from outlast.domain.printable import printable
from outlast.ports.overview import QueueDepth
from outlast.ports.store import Store
from outlast.ports.workers import WorkerInfo
from outlast.running.code_version import CodeVersion, newest_version, runs_old_code
from outlast.running.recycling import MIB


@dataclass(frozen=True, slots=True)
class Fleet:
    """The workers and supervisors of a store, and the waiting sessions that no worker takes."""

    at: datetime
    workers: Sequence[WorkerInfo]
    supervisors: Sequence[WorkerInfo]
    unserved: Sequence[QueueDepth]
    pauses: Sequence[Pause]
    """Queues and analyses that no worker begins anything of."""
    code: CodeVersion
    """Of this command's program."""
    newest: str
    """The newest version of that program."""

    def is_old(self, worker: WorkerInfo) -> bool:
        """Return whether a worker runs an older version of this command's program."""
        return runs_old_code(worker, self.code.program, self.newest)


@click.command()
@app_option
@json_option
@explain_errors
def status(app_name: str | None, as_json: bool) -> None:
    """List the workers of the store, of every machine.

    Exits 1 if none is alive, or if sessions wait that no living worker takes, because it is paused or serves
    other queues or analyses; 2 if the store is unavailable.
    """
    app = load_app(app_name)

    async def read() -> Fleet:
        code = runtime_of(app).code_version()
        async with opened(app) as engine:
            store, now = engine.store, datetime.now(UTC)
            found, supervisors = as_seen_here(await store.workers()), as_seen_here(await store.supervisors())
            unserved = [d for d in await store.depths() if d.waiting and not is_served(d, found)]
            newest = newest_version(found, code, now)
            return Fleet(now, found, supervisors, unserved, list(await store.pauses()), code, newest)

    fleet = run(read())
    if as_json:
        print_json([_facts(fleet, worker) for worker in fleet.workers])
    elif not fleet.workers:
        click.echo(f"No worker is running. Start some with: {shown_command('workers start', app_name)}")
    else:
        print_table(HEADERS, _rows(fleet), whole=WHOLE)
    if not as_json:
        _print_remarks(fleet, app_name)
    sys.exit(0 if any(w.alive for w in fleet.workers) and not fleet.unserved else 1)


def _facts(fleet: Fleet, w: WorkerInfo) -> dict[str, Any]:
    return {
        "id": w.id,
        "alive": w.alive,
        "state": w.shown_state,
        "host": w.host,
        "pid": w.pid,
        "kind": w.kind,
        "supervisor": w.supervisor,
        "in_flight": w.in_flight,
        "concurrency": w.concurrency,
        "completed": w.completed,
        "failed": w.failed,
        "memory_bytes": w.memory,
        "queues": list(w.queues),
        "analyses": list(w.analyses),
        "started_at": w.started_at.isoformat(),
        "seconds_since_beat": round((fleet.at - w.beat_at).total_seconds(), 1),
        "program": w.program,
        "version": w.version,
        "old_code": fleet.is_old(w),
    }


HEADERS = (
    "worker",
    "host",
    "pid",
    "state",
    "queues",
    "in flight",
    "done",
    "failed",
    "memory",
    "age",
    "last beat",
    "version",
)
WHOLE = ("worker", "host", "pid", "state", "in flight")


def _rows(fleet: Fleet) -> list[Sequence[str]]:
    return [
        (
            w.id,
            w.host,
            str(w.pid),
            w.shown_state,
            ", ".join(w.queues),
            f"{w.in_flight} of {w.concurrency}",
            str(w.completed),
            str(w.failed),
            "" if w.memory is None else f"{w.memory // MIB} MiB",
            _age(fleet.at - w.started_at),
            f"{max(0.0, (fleet.at - w.beat_at).total_seconds()):.1f} s ago",
            f"{w.version or 'unknown'}{' (old code)' if fleet.is_old(w) else ''}",
        )
        for w in fleet.workers
    ]


def _print_remarks(fleet: Fleet, app_name: str | None) -> None:
    """Print what needs somebody's attention to standard error."""
    for supervisor in fleet.supervisors:
        kept = sum(w.supervisor == supervisor.id for w in fleet.workers)
        line = (
            f"Supervisor {supervisor.id} on {supervisor.host} (pid {supervisor.pid}): {supervisor.shown_state}, "
            f"{kept} worker(s)."
        )
        click.echo(printable(line), err=True)
    for pause in fleet.pauses:
        click.echo(printable(f"The {pause.kind} {pause.name!r} is paused, for all workers."), err=True)
    for depth in fleet.unserved:
        waiting = f"{depth.waiting} session(s) of {depth.analysis!r} wait in the queue {depth.queue!r}"
        click.echo(printable(f"{waiting}, and no living worker takes them."), err=True)
    if old := sum(fleet.is_old(w) for w in fleet.workers):
        restart = shown_command("workers restart", app_name)
        line = f"{old} worker(s) run old code; the newest is {fleet.newest}. Replace them: {restart}"
        click.echo(printable(line), err=True)


def _age(span: timedelta) -> str:
    seconds = max(0, int(span.total_seconds()))
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"


class LiveCounts:
    """The figures of one supervisor's workers, summed over those that it has replaced."""

    def __init__(self, store: Store, supervisor: WorkerInfo) -> None:
        self._store = store
        self._supervisor = supervisor
        self._living: dict[str, tuple[int, int]] = {}
        self._earlier = (0, 0)

    async def read(self) -> str:
        """Return them as one line. Raises `StoreUnavailable`."""
        mine = [w for w in await self._store.workers() if w.supervisor == self._supervisor.id]
        queues, analyses = self._supervisor.queues, self._supervisor.analyses
        depths = [d for d in await self._store.depths() if d.queue in queues and d.analysis in analyses]
        now = {w.id: (w.completed, w.failed) for w in mine}
        self._earlier = _sum([self._earlier, *(c for i, c in self._living.items() if i not in now)])
        self._living = now
        completed, failed = _sum([self._earlier, *now.values()])
        alive = sum(w.takes_sessions for w in mine)
        figures = (
            f"{alive} worker{'' if alive == 1 else 's'}",
            *(f"{n} {state}" for state in ("paused", "draining", "stopping") if (n := _in_state(mine, state))),
            f"{sum(w.in_flight for w in mine):,} running",
            f"{sum(d.waiting for d in depths):,} waiting",
            f"{completed:,} completed",
            f"{failed:,} failed",
        )
        return " · ".join(figures)


def _in_state(workers: Sequence[WorkerInfo], state: str) -> int:
    return sum(w.alive and w.state == state for w in workers)


def _sum(counts: Sequence[tuple[int, int]]) -> tuple[int, int]:
    return sum(c for c, _ in counts), sum(f for _, f in counts)
