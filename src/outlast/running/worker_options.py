"""The options of a worker, how its run ends, and what it registers about itself."""

import os
import socket
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from outlast.core.analyses.analysis import Analysis
from outlast.domain.session import AnalysisSession
from outlast.domain.worker_control import WorkerKind, WorkerState
from outlast.ports.workers import WorkerInfo
from outlast.running.code_version import CodeVersion
from outlast.running.recycling import NO_LIMITS, RecyclingLimits


@dataclass(frozen=True, slots=True)
class WorkerOptions:
    """The options of one worker, fixed for its whole run."""

    concurrency: int = 100
    queues: Sequence[str] = ("analysis",)
    queue_weights: Mapping[str, int] = field(default_factory=dict[str, int])
    """How the places are shared between queues that have waiting sessions; empty: by the turns of all sessions."""
    sleep: float = 1.0
    """Seconds between polls of the store when no wake-up and no handed-off session arrives."""
    grace: float = 20.0
    """Seconds that attempts get to finish when the worker stops."""
    limits: RecyclingLimits = NO_LIMITS
    """The worker asks for a replacement when it has reached one."""
    attempts: int | None = None
    """Attempts of a session whose analysis declares none; `None`: as it was started."""
    usual_attempts: int = 3
    """Attempts of such a session without `attempts`."""
    timeout: float | None = None
    """Seconds that an attempt may take whose analysis declares none; `None`: as its session was started."""
    once: bool = False
    """End after one session, or at once if none waits."""
    paused: bool = False
    """Claim nothing until it is resumed."""
    on_replacement_due: Callable[[Callable[[], None]], None] = lambda retire: retire()
    """Called in the event loop when the worker should be replaced. It must call its argument, from any thread,
    once the replacement has started; until then the worker continues as before."""
    on_stuck: Callable[[], None] = lambda: None
    """Called from another thread when the event loop is blocked past a deadline; may end the process."""
    process: str | None = None
    """Identity of the worker's process, so that others detect its death; `None` under a supervisor."""
    kind: WorkerKind = WorkerKind.UNSUPERVISED
    supervisor: str | None = None
    """The id of its supervisor."""
    code: CodeVersion | None = None
    """The code that it runs."""
    on_state: Callable[[WorkerState], None] = lambda _: None
    """Called in the event loop whenever the worker's state has changed, and once it is registered."""


class WorkerEnd(StrEnum):
    """Why a worker's run ended."""

    STOPPED = "stopped"
    """`Worker.stop` was called."""
    REPLACED = "replaced"
    """A replacement took over, and the last session has ended."""


def worker_info(
    worker_id: str, options: WorkerOptions, analyses: Sequence[str], state: WorkerState, now: datetime
) -> WorkerInfo:
    """Describe a worker of this process for the store."""
    return WorkerInfo(
        id=worker_id,
        host=socket.gethostname(),
        pid=os.getpid(),
        queues=tuple(options.queues),
        analyses=tuple(analyses),
        concurrency=options.concurrency,
        started_at=now,
        beat_at=now,
        process=options.process,
        kind=options.kind,
        supervisor=options.supervisor,
        program=options.code.program if options.code else None,
        version=options.code.version if options.code else None,
        state=state,
    )


def with_limits(session: AnalysisSession, analysis: Analysis, options: WorkerOptions) -> AnalysisSession:
    """Return the session with the limits of this worker, where its analysis declares none."""
    if options.timeout is not None and analysis.timeout is None:
        session = replace(session, timeout=options.timeout)
    usual = analysis.max_attempts is None and session.max_attempts == options.usual_attempts
    if options.attempts is not None and usual:  # not a retried session, which has had others before
        session = replace(session, max_attempts=max(session.attempt, options.attempts))
    return session
