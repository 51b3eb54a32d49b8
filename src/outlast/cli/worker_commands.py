"""`outlast workers stop|drain|restart|pause|resume`: asks workers through the store, and waits for them."""

import asyncio
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import click
from rich.console import Console

from outlast.cli.application import Refused, app_option, as_seen_here, explain_errors, load_app, opened, run
from outlast.cli.audit import named, record_command
from outlast.cli.numbers import Number
from outlast.domain.printable import printable
from outlast.domain.worker_control import WorkerCommand, WorkerKind, WorkerState, can_follow, why_not
from outlast.ports.notifier import Topic
from outlast.ports.workers import WorkerInfo
from outlast.running.engine import Engine

LOOK_EVERY = 0.2
"""Seconds between two looks at the workers."""
HEARD_WITHIN = 15.0
"""Seconds within which a worker has heard of a request, even if no wake-up reaches it."""
REPLACED_WITHIN = 60.0
"""Seconds that the replacement of a worker may take to start."""
ENDS = (WorkerCommand.STOP, WorkerCommand.STOP_NOW, WorkerCommand.DRAIN)
LEAVING = (WorkerState.DRAINING, WorkerState.STOPPING)


@dataclass(frozen=True, slots=True)
class FleetWorkers:
    """The living workers and supervisors of the store."""

    workers: Sequence[WorkerInfo]
    supervisors: Sequence[WorkerInfo]

    def find(self, worker_id: str) -> WorkerInfo | None:
        """Return the worker or supervisor with this id, if it is alive."""
        return next((w for w in (*self.workers, *self.supervisors) if w.id == worker_id), None)

    def of(self, supervisor_id: str) -> list[WorkerInfo]:
        """Return the workers of this supervisor."""
        return [w for w in self.workers if w.supervisor == supervisor_id]

    def named(self, names: Sequence[str], command: WorkerCommand) -> list[WorkerInfo]:
        """Return those to ask; without names, everyone. Raises `Refused` for a name that nobody has.

        To end workers, their supervisor is asked, as it would replace them. A worker that is named by its id is
        asked itself, and tells its supervisor.
        """
        if not names:
            return self._to_ask(self.workers, self.supervisors, command)
        chosen: dict[str, WorkerInfo] = {}
        for name in names:
            on_host = FleetWorkers(
                [w for w in self.workers if w.host == name], [s for s in self.supervisors if s.host == name]
            )
            found = self._to_ask(on_host.workers, on_host.supervisors, command)
            found += [w for w in self.workers if w.id.startswith(name) and len(name) > len("w-")]
            for supervisor in (s for s in self.supervisors if s.id.startswith(name) and len(name) > len("s-")):
                found += self._to_ask(self.of(supervisor.id), [supervisor], command)
            if not found:
                raise Refused(
                    f"No living worker, supervisor or host is called {name!r}. "
                    "See them with: outlast workers status"
                )
            chosen |= {w.id: w for w in found}
        return list(chosen.values())

    @staticmethod
    def _to_ask(
        workers: Sequence[WorkerInfo], supervisors: Sequence[WorkerInfo], command: WorkerCommand
    ) -> list[WorkerInfo]:
        if command in ENDS:
            ids = {s.id for s in supervisors}
            return [*supervisors, *(w for w in workers if w.supervisor not in ids)]
        if command is WorkerCommand.RESTART:
            return [*(s for s in supervisors if s.state is WorkerState.STOPPED), *workers]
        return list(workers)


def targets(within: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Add the arguments and options that all these commands have; `within` describes the default of `--within`."""

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        help_text = f"Seconds to wait until they follow.  [default: {within}]"
        command = click.option("--within", type=Number(), metavar="S", help=help_text)(command)
        return app_option(click.argument("names", nargs=-1, metavar="[WORKER|HOST]...")(command))

    return decorate


@click.command()
@targets("ANALYSIS_SHUTDOWN_GRACE and 10 more")
@click.option("--now", is_flag=True, help="Do not wait for running analyses; release them at once.")
@explain_errors
def stop(app_name: str | None, names: tuple[str, ...], within: float | None, now: bool) -> None:
    """Stop all workers of the store, or those with these ids or on these hosts.

    They claim no more, let running analyses finish within ANALYSIS_SHUTDOWN_GRACE, release the rest without using
    up an attempt, and end. Their supervisors replace none of them. `outlast serve` goes on without workers until
    it is started again, or until `outlast workers restart`.

    Exits 1 if a worker did not follow in time, 2 if the store is unavailable.
    """
    _ask(app_name, names, WorkerCommand.STOP_NOW if now else WorkerCommand.STOP, within)


@click.command()
@targets("no limit")
@explain_errors
def drain(app_name: str | None, names: tuple[str, ...], within: float | None) -> None:
    """End all workers of the store, or those with these ids or on these hosts, after their last session.

    They claim no more and let every running analysis finish, however long that takes. Nothing replaces them.

    Exits 1 if a worker did not follow in time, 2 if the store is unavailable.
    """
    _ask(app_name, names, WorkerCommand.DRAIN, within)


@click.command()
@targets("60 for each worker")
@explain_errors
def restart(app_name: str | None, names: tuple[str, ...], within: float | None) -> None:
    """Replace all workers of the store, or those with these ids or on these hosts, one after the other.

    Each replacement starts with the code that is installed then, and takes sessions before the earlier worker
    claims no more. That one finishes its running analyses first, and only then is its replacement replaced by a
    further restart: --within is the time to wait for each worker. If a replacement does not start, the earlier
    worker goes on and the command exits 1, before it touches the next. Workers of `outlast serve` that were
    stopped start again.
    """
    _ask(app_name, names, WorkerCommand.RESTART, within)


@click.command()
@targets("15")
@explain_errors
def pause(app_name: str | None, names: tuple[str, ...], within: float | None) -> None:
    """Let all workers of the store, or those with these ids or on these hosts, claim no more sessions.

    Running analyses go on. A paused worker that dies is replaced by a paused one.

    Exits 1 if a worker did not follow in time, 2 if the store is unavailable.
    """
    _ask(app_name, names, WorkerCommand.PAUSE, within)


@click.command()
@targets("15")
@explain_errors
def resume(app_name: str | None, names: tuple[str, ...], within: float | None) -> None:
    """Let paused workers claim sessions again: all of the store, or those with these ids or on these hosts.

    Exits 1 if a worker did not follow in time, 2 if the store is unavailable.
    """
    _ask(app_name, names, WorkerCommand.RESUME, within)


def _ask(app_name: str | None, names: Sequence[str], command: WorkerCommand, within: float | None) -> None:
    app = load_app(app_name)

    async def ask() -> bool:
        async with opened(app) as engine:
            limits = {
                WorkerCommand.STOP: app.settings.shutdown_grace + 10,
                WorkerCommand.STOP_NOW: 10.0,
                WorkerCommand.DRAIN: float("inf"),
                WorkerCommand.RESTART: REPLACED_WITHIN,
            }
            return await WorkerRequest(
                engine, command, limits.get(command, HEARD_WITHIN) if within is None else within
            ).ask(names)

    sys.exit(0 if run(ask()) else 1)


class WorkerRequest:
    """Asks workers to follow a command and waits until they have, for `within` seconds."""

    def __init__(self, engine: Engine, command: WorkerCommand, within: float) -> None:
        self._engine = engine
        self._command = command
        self._within = within

    async def ask(self, names: Sequence[str]) -> bool:
        """Return whether everyone followed; print who did, and who did not and why."""
        registered = await self._read()
        chosen = registered.named(names, self._command)
        if not chosen:
            click.echo("No worker is alive.", err=True)
            return False
        able = [w for w in chosen if can_follow(w.kind, self._command)]
        now = "now" if self._command is WorkerCommand.STOP_NOW else ""
        await record_command(self._engine.store, named([w.id for w in able]), now)
        for w in (w for w in chosen if w not in able):
            click.echo(f"{_shown(w)} cannot {self._command}: {why_not(w.kind)}.", err=True)
        if self._command is WorkerCommand.RESTART:
            followed = await self._one_by_one(able)
        else:
            followed = await self._together(able, registered)
        return followed and len(able) == len(chosen)

    async def _one_by_one(self, workers: Sequence[WorkerInfo]) -> bool:
        for number, worker in enumerate(workers):
            registered = await self._read()
            if registered.find(worker.id) is None:  # autoscaling, or somebody else, ended it meanwhile
                click.echo(f"{_shown(worker)} has ended.")
            elif not await self._together([worker], registered):
                left = len(workers) - number - 1
                click.echo(
                    f"{left} worker(s) were not touched." if left else "No other worker was left.", err=True
                )
                return False
        return True

    async def _together(self, workers: Sequence[WorkerInfo], before: FleetWorkers) -> bool:
        numbers = await self._engine.store.request([w.id for w in workers], self._command)
        self._engine.notifier.publish(Topic.CONTROL, list(numbers))
        waiting = {w.id: w for w in workers}
        if self._command in ENDS:  # each worker is reported, too
            waiting |= {w.id: w for s in workers for w in before.of(s.id)}
        clock = self._engine.clock
        end = clock.monotonic() + self._within
        now = before
        with Console(stderr=True).status("") as progress:
            while waiting:
                now = await self._read()
                for worker in list(waiting.values()):
                    outcome = self._outcome(worker, numbers.get(worker.id, 0), before, now)
                    if outcome is not None:
                        del waiting[worker.id]
                        click.echo(f"{_shown(worker)} {outcome}.")
                if not waiting or clock.monotonic() > end:
                    break
                running = sum(w.in_flight for i in waiting if (w := now.find(i)))
                progress.update(f"Waiting for {len(waiting)} worker(s), with {running} running session(s)")
                await asyncio.sleep(LOOK_EVERY)
        for worker in waiting.values():
            why = self._why_not_yet(worker, now)
            click.echo(f"{_shown(worker)} did not follow within {self._within:g} s{why}.", err=True)
        return not waiting

    def _why_not_yet(self, worker: WorkerInfo, now: FleetWorkers) -> str:
        """Return the reason, if it is known: a worker is not replaced while the one before it still works."""
        busy = [w for w in now.of(worker.supervisor or "") if w.state is WorkerState.DRAINING and w.in_flight]
        if self._command is not WorkerCommand.RESTART or not busy:
            return ""
        running = ", ".join(f"{w.id}: {w.in_flight}" for w in busy)
        return f": it is replaced when an earlier worker has finished its running sessions ({running})"

    def _outcome(self, worker: WorkerInfo, number: int, before: FleetWorkers, now: FleetWorkers) -> str | None:
        """Return what has become of the worker, as a predicate; `None`: it has not followed yet."""
        current = now.find(worker.id)
        match self._command:
            case WorkerCommand.PAUSE | WorkerCommand.RESUME:
                wanted = WorkerState.PAUSED if self._command is WorkerCommand.PAUSE else WorkerState.RUNNING
                if current is None:
                    return "has ended"
                return f"is {wanted}" if current.followed >= number and current.state is wanted else None
            case WorkerCommand.RESTART:
                if worker.kind is WorkerKind.SUPERVISOR:
                    return "starts its workers again" if now.of(worker.id) else None
                known = {w.id for w in before.workers}
                new = [w for w in now.of(worker.supervisor or "") if w.id not in known]
                if not new and current is not None and current.state in LEAVING:
                    return "ends without a replacement"
                if not new or (current is not None and current.state is WorkerState.RUNNING):
                    return None
                rest = f", and finishes {current.in_flight} session(s)" if current and current.in_flight else ""
                return f"is replaced by {new[0].id}{rest}"
            case _:
                if current is None:
                    return "has ended"
                stays = worker.kind is WorkerKind.SUPERVISOR and current.followed >= number
                return "goes on without workers" if stays and current.state is WorkerState.STOPPED else None

    async def _read(self) -> FleetWorkers:
        store = self._engine.store
        workers, supervisors = as_seen_here(await store.workers()), as_seen_here(await store.supervisors())
        return FleetWorkers([w for w in workers if w.alive], [s for s in supervisors if s.alive])


def _shown(worker: WorkerInfo) -> str:
    what = "Supervisor" if worker.kind is WorkerKind.SUPERVISOR else "Worker"
    return printable(f"{what} {worker.id} on {worker.host} (pid {worker.pid})")
