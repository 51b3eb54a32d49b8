"""The dashboard's queues and workers, and what operators may ask of them."""

from collections.abc import Sequence
from datetime import timedelta

from starlette.responses import Response

from outlast.core.queue_states import queue_states
from outlast.domain.pauses import Pause
from outlast.domain.worker_control import WorkerCommand, WorkerKind, WorkerState, can_follow, why_not
from outlast.ports.notifier import Topic
from outlast.ports.workers import WorkerInfo
from outlast.running.code_version import runs_old_code
from outlast.web.dashboard_pages import dashboard_page, record, redirect
from outlast.web.problems import Problem
from outlast.web.request_context import RequestContext
from outlast.web.uploads import read_fields

BACK_TO_QUEUES = ("/dashboard/queues", "Back to the queues")
BACK_TO_WORKERS = ("/dashboard/workers", "Back to the workers")
RECENT = timedelta(hours=1)
"""For which failures are counted."""
LONGEST_NAME = 200
"""Characters of a queue or analysis in a form."""


async def queues_page(context: RequestContext) -> Response:
    """Each queue: what waits, for how long, what is in flight, who takes it; with the pauses."""
    store, catalogue = context.engine.guarded_store, context.engine.catalogue
    paused = list(await store.pauses())
    known = {analysis.queue for analysis in catalogue} | {p.name for p in paused if p.kind == "queue"}
    workers = [worker for worker in await store.workers() if worker.takes_sessions]
    depths = await store.depths()
    return dashboard_page(
        context,
        "dashboard_queues.html",
        "/queues",
        title="Queues",
        queues=(await queue_states(store, context.engine.clock.now(), known, failed_within=RECENT)).queues,
        takers={r: [w.id for w in workers if r in w.queues] for r in {q for w in workers for q in w.queues}},
        depths=depths,
        paused_queues={pause.name for pause in paused if pause.kind == "queue"},
        paused_analyses={pause.name for pause in paused if pause.kind == "analysis"},
        analyses=sorted({a.name for a in catalogue} | {d.analysis for d in depths}),
    )


async def pause_queue(context: RequestContext) -> Response:
    """Pause the queue or the analysis that the form names."""
    return await _change(context, paused=True)


async def resume_queue(context: RequestContext) -> Response:
    """Resume the queue or the analysis that the form names."""
    return await _change(context, paused=False)


async def _change(context: RequestContext, *, paused: bool) -> Response:
    form = await read_fields(context)
    kind, name = form.get("kind"), form.get("name", "")
    if not name or len(name) > LONGEST_NAME or kind not in {"queue", "analysis"}:
        raise Problem(422, "Name a queue or an analysis.", link=BACK_TO_QUEUES)
    pause = Pause("queue" if kind == "queue" else "analysis", name)
    store, notifier = context.engine.guarded_store, context.engine.notifier
    changed = await (store.pause(pause) if paused else store.resume(pause))
    detail = "" if changed else "no change"
    await record(context, f"queue {'pause' if paused else 'resume'}", f"{pause.kind} {pause.name}", detail)
    notifier.publish(Topic.CHANGED, [""])
    if changed and not paused:
        notifier.publish(Topic.WAITING, [""])
    return redirect(context, "/queues")


async def workers_page(context: RequestContext) -> Response:
    """Each worker: its state, version, memory, sessions and last beat; and the supervisors."""
    store = context.engine.guarded_store
    workers, supervisors = await store.workers(), await store.supervisors()
    newest = _newest(workers)
    return dashboard_page(
        context,
        "dashboard_workers.html",
        "/workers",
        title="Workers",
        workers=[
            {
                "info": worker,
                "old": worker.program is not None
                and runs_old_code(worker, worker.program, newest.get(worker.program, "")),
                "offers": _offers(worker),
                "asked": _unfollowed(worker),
            }
            for worker in sorted(workers, key=lambda w: (w.host, w.started_at, w.id))
        ],
        supervisors=[
            {
                "info": supervisor,
                "kept": sum(worker.supervisor == supervisor.id for worker in workers),
                "offers": _offers(supervisor),
                "asked": _unfollowed(supervisor),
            }
            for supervisor in sorted(supervisors, key=lambda s: (s.host, s.started_at, s.id))
        ],
    )


async def ask_worker(context: RequestContext) -> Response:
    """Ask the worker or supervisor that the form names to pause, resume, drain, stop or restart."""
    form = await read_fields(context)
    try:
        command = WorkerCommand(form.get("command", ""))
    except ValueError:
        raise Problem(422, f"A command is one of {', '.join(WorkerCommand)}.", link=BACK_TO_WORKERS) from None
    store, worker_id = context.engine.guarded_store, form.get("worker", "")
    registered = [*await store.workers(), *await store.supervisors()]
    found = next((w for w in registered if w.id == worker_id and w.alive), None)
    if found is None:
        raise Problem(409, "This worker is not alive any more.", link=BACK_TO_WORKERS)
    if not can_follow(found.kind, command):
        raise Problem(409, f"It cannot {command}: {why_not(found.kind)}.", link=BACK_TO_WORKERS)
    numbers = await store.request([found.id], command)
    context.engine.notifier.publish(Topic.CONTROL, list(numbers))
    await record(context, f"workers {command}", found.id, f"on {found.host}")
    return redirect(context, "/workers")


def _newest(workers: Sequence[WorkerInfo]) -> dict[str, str]:
    """Return the version of each program that a living worker was started with last."""
    alive = sorted((w for w in workers if w.alive and w.program and w.version), key=lambda w: w.started_at)
    return {worker.program or "": worker.version or "" for worker in alive}


def _offers(worker: WorkerInfo) -> Sequence[WorkerCommand]:
    """Return what the worker can be asked for now."""
    if not worker.alive:
        return ()
    match worker.state:
        case WorkerState.RUNNING:
            wanted = (WorkerCommand.PAUSE, WorkerCommand.RESTART, WorkerCommand.DRAIN, WorkerCommand.STOP)
        case WorkerState.PAUSED:
            wanted = (WorkerCommand.RESUME, WorkerCommand.DRAIN, WorkerCommand.STOP)
        case WorkerState.DRAINING:
            wanted = (WorkerCommand.STOP,)
        case WorkerState.STOPPING:
            wanted = (WorkerCommand.STOP_NOW,)
        case WorkerState.STOPPED:
            wanted = (WorkerCommand.RESTART,)
    if worker.kind is WorkerKind.SUPERVISOR and worker.state is not WorkerState.STOPPED:
        wanted = tuple(command for command in wanted if command is not WorkerCommand.RESTART)
    return [command for command in wanted if can_follow(worker.kind, command)]


def _unfollowed(worker: WorkerInfo) -> WorkerCommand | None:
    return worker.requested if worker.requests > worker.followed else None
