"""Watched sessions of one process: one reader polls the store for all watchers and shares the latest view."""

import asyncio
import logging
from collections import deque
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from types import TracebackType

from outlast.core.service_loop import run_forever
from outlast.core.store_outage import StoreOutage
from outlast.domain.pauses import Pause
from outlast.domain.progress import TimeLeft, time_left
from outlast.domain.session import AnalysisSession, with_progress_of
from outlast.domain.status import Phase, Status
from outlast.ports.clock import Clock
from outlast.ports.notifier import Notifier, Subscription, Topic
from outlast.ports.store import Store
from outlast.ports.workers import WorkerInfo

log = logging.getLogger(__name__)

MAX_KNOWN = 20_000
"""Maximum number of cached start times; beyond it the cache is cleared."""
HINT_DELAY = 0.015
"""Seconds to collect further hints before a read."""
POLL_EVERY = 1.0
"""Seconds between reads of what no hint announces: queue positions and living workers."""
REFRESH_EVERY = 2.0
"""Seconds between reads of every watched session, in case hints were lost."""
LARGEST_INPUT = 4_000
"""Maximum characters of an input kept with a watched session."""
POSITIONS_PER_REFRESH = 200
"""Queue positions read per iteration, in turn."""


class StartTimes:
    """Caches a session's start time when it is first read, so that a jump of the store's clock cannot move it."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._known: dict[str, float] = {}

    def of(self, session: AnalysisSession) -> float:
        """Return the monotonic start time in seconds of a session that has just been read."""
        started_at = self._clock.monotonic() - session.elapsed_ms / 1000
        if session.status.final:
            self._known.pop(session.id, None)
            return started_at
        if len(self._known) >= MAX_KNOWN:
            self._known.clear()
        return self._known.setdefault(session.id, started_at)


@dataclass(frozen=True, slots=True)
class SessionView:
    """A session with values derived from the queue and the workers."""

    session: AnalysisSession
    """The session as it was when this view was made."""
    queue_position: int | None = None
    """From 1 for the next; `None` if the session does not wait or the position is unknown."""
    stalled: bool = False
    """The session waits, is not paused, and no living worker serves its queue and knows its analysis."""
    paused: bool = False
    """The session waits, and its queue or its analysis is paused."""
    began: float = 0.0  # on the monotonic clock of this process
    encoded: dict[str, bytes] = field(default_factory=dict[str, bytes], compare=False)
    """Cache of the web layer's encodings, shared by all watchers."""

    @property
    def starts_at(self) -> datetime | None:
        """When a session whose start was delayed may begin; `None` for others, and once it may."""
        session = self.session
        delayed = session.phase is Phase.QUEUED and session.available_at > session.updated_at
        return session.available_at if delayed and self.queue_position is None else None

    @property
    def time_left(self) -> TimeLeft | None:
        """Estimated seconds left; `None` unless a worker holds it and every remaining step has been timed."""
        return time_left(self.session.progress.steps) if self.session.status is Status.PROCESSING else None

    def elapsed_ms(self, now: float) -> int:
        """Return the milliseconds until the end or until `now`, which is monotonic."""
        return self.session.elapsed_ms if self.session.status.final else max(0, round((now - self.began) * 1000))

    @property
    def tag(self) -> str:
        """An entity tag that changes with everything but the elapsed time."""
        place = "" if self.queue_position is None else self.queue_position
        return f"{self.session.version}.{place}.{2 if self.paused else int(self.stalled)}"


@dataclass(slots=True)
class _WatchedSession:
    view: SessionView
    watchers: "set[Watcher]" = field(default_factory=set["Watcher"])
    pruned: bool = False

    def wake(self) -> None:
        for watcher in self.watchers:
            watcher.wake()


class Watcher:
    """One watcher's handle of a session: the latest view, and waiting for the next one.

    There may be ten thousand of these; a future that exists only while waiting is a tenth of an `asyncio.Event`.
    """

    __slots__ = ("_notified", "_waiting", "_watched")

    def __init__(self, watched: _WatchedSession) -> None:
        self._watched = watched
        self._notified = False
        self._waiting: asyncio.Future[None] | None = None
        watched.watchers.add(self)

    @property
    def view(self) -> SessionView:
        self._notified = False
        return self._watched.view

    @property
    def pruned(self) -> bool:
        """Whether the session was pruned meanwhile."""
        return self._watched.pruned

    async def wait_for_change(self, within: float | None = None) -> bool:
        """Wait for a view newer than the one last read; `False` if `within` seconds passed first."""
        if self._notified:
            return True
        loop = asyncio.get_running_loop()
        self._waiting = waiting = loop.create_future()
        timer = None if within is None else loop.call_later(within, _resolve, waiting)
        try:
            await waiting
        finally:
            self._waiting = None
            if timer is not None:
                timer.cancel()
        return self._notified

    def wake(self) -> None:
        """Wake the waiting watcher, even without a change."""
        self._notified = True
        if self._waiting is not None:
            _resolve(self._waiting)

    def close(self) -> "_WatchedSession":
        self._watched.watchers.discard(self)
        return self._watched


def _resolve(waiting: asyncio.Future[None]) -> None:
    if not waiting.done():
        waiting.set_result(None)


class Watch:
    """Reads watched sessions. Open it in the event loop of the watchers."""

    def __init__(self, store: Store, notifier: Notifier, clock: Clock, outage: StoreOutage | None = None) -> None:
        self._outage = outage
        self._store = store
        self._notifier = notifier
        self._clock = clock
        self._start_times = StartTimes(clock)
        self._watched: dict[str, _WatchedSession] = {}
        self._stale: set[str] = set()
        self._following: dict[str, set[str]] = {}
        """The watched sessions that follow a run, by the run."""
        self._runs: dict[str, int] = {}
        """The versions of these runs that were read last."""
        self._wake = asyncio.Event()
        self._workers: Sequence[WorkerInfo] = ()
        self._pauses: Collection[Pause] = ()
        self._workers_read = self._pauses_read = float("-inf")
        self._positions: dict[str, tuple[float, int | None]] = {}
        self._position_turns: deque[str] = deque()
        self._positions_read_at = self._refreshed_at = clock.monotonic()
        self._subscription: Subscription | None = None
        self._reader: asyncio.Task[None] | None = None

    async def open(self) -> None:
        self._subscription = await self._notifier.subscribe([Topic.CHANGED], self._on_hint)
        self._reader = asyncio.create_task(run_forever("The reader of watched sessions", self._read, self._outage))

    async def close(self) -> None:
        if self._reader is not None:
            self._reader.cancel()
            with suppress(asyncio.CancelledError):
                await self._reader
        if self._subscription is not None:
            await self._subscription.close()

    async def view(self, session: AnalysisSession) -> SessionView:
        """Return the view of a session: the shared one if it is watched and the shared view is not older."""
        watched = self._watched.get(session.id)
        if watched is not None and watched.view.session.version >= session.version:
            if len(session.input) <= LARGEST_INPUT:
                return watched.view
            return replace(watched.view, session=replace(watched.view.session, input=session.input))
        return await self._build_view(session)

    def follow(self, session: AnalysisSession) -> "WatcherContext":
        """Watch this session within a block."""
        return WatcherContext(self, session)

    async def enter(self, session: AnalysisSession) -> Watcher:
        """Start watching; for `WatcherContext`."""
        watched = self._watched.get(session.id)
        if watched is None:
            watched = self._watched.setdefault(
                session.id, _WatchedSession(_without_large_input(await self.view(session)))
            )
            self._follow_run(watched.view.session)
        # it may have changed between the caller's read and this
        self._stale.add(session.id)
        self._wake.set()
        return Watcher(watched)

    def leave(self, watcher: Watcher) -> None:
        """Stop watching; for `WatcherContext`."""
        watched = watcher.close()
        session_id = watched.view.session.id
        if not watched.watchers and self._watched.get(session_id) is watched:
            del self._watched[session_id]
            self._leave_run(watched.view.session)

    def _follow_run(self, session: AnalysisSession) -> None:
        """Derive the views of a session that follows a run from the run, which is read once for all of them."""
        if session.run_id is not None and session.follows:
            self._following.setdefault(session.run_id, set()).add(session.id)

    def _leave_run(self, session: AnalysisSession) -> None:
        following = self._following.get(session.run_id or "")
        if session.run_id is not None and following is not None:
            following.discard(session.id)
            if not following:
                del self._following[session.run_id]
                self._runs.pop(session.run_id, None)

    def wake_all(self) -> None:
        """Wake every watcher before closing."""
        for watched in self._watched.values():
            watched.wake()

    async def living_workers(self) -> Sequence[WorkerInfo]:
        """Return the living workers that claim sessions, cached for at most a second."""
        now = self._clock.monotonic()
        if now - self._workers_read >= POLL_EVERY:
            self._workers_read = now
            self._workers = [w for w in await self._store.workers() if w.takes_sessions]
        return self._workers

    async def is_paused(self, session: AnalysisSession) -> bool:
        """Return whether its queue or its analysis is paused; read at most once a second."""
        now = self._clock.monotonic()
        if now - self._pauses_read >= POLL_EVERY:
            self._pauses_read = now
            self._pauses = await self._store.pauses()
        return any(pause.covers(session.queue, session.analysis) for pause in self._pauses)

    def _on_hint(self, topic: Topic, key: str) -> None:  # noqa: ARG002 - only one topic is subscribed
        if not key and self._watched:
            self._stale.update(self._watched)
        elif key in self._watched or key in self._following:
            self._stale.add(key)
        else:
            return
        self._wake.set()

    async def _read(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(POLL_EVERY):
                await self._wake.wait()
            await asyncio.sleep(HINT_DELAY)
        self._wake.clear()
        if not self._watched:
            self._stale.clear()
            return
        now = self._clock.monotonic()
        if now - self._refreshed_at >= REFRESH_EVERY:
            self._refreshed_at = now
            self._stale.update(self._watched)
            await self._find_pruned()
        await self._refresh()
        if now - self._positions_read_at >= POLL_EVERY:
            self._positions_read_at = now
            await self._refresh_positions()

    async def _refresh(self) -> None:
        stale, self._stale = self._stale, set()
        known = {i: self._watched[i].view.session.version for i in stale if i in self._watched}
        runs = {i: self._runs.get(i, -1) for i in stale if i in self._following}
        if runs:
            known |= await self._refresh_runs(runs)
        if not known:
            return
        for session in await self._store.changed(known):
            watched = self._watched.get(session.id)
            if watched is not None and session.version > watched.view.session.version:
                self._publish(watched, await self._build_view(session))

    async def _refresh_runs(self, runs: Mapping[str, int]) -> Mapping[str, int]:
        """Show the progress of these runs; return the versions of the sessions that have ended with one."""
        ended: dict[str, int] = {}
        for run in await self._store.changed(runs):
            following = [self._watched[i] for i in self._following.get(run.id, ()) if i in self._watched]
            if following:
                self._runs[run.id] = run.version
            for watched in following:
                session = watched.view.session
                if run.status.final:
                    ended[session.id] = session.version
                elif run.version > session.version:
                    self._publish(watched, await self._build_view(with_progress_of(session, run)))
        return ended

    async def _refresh_positions(self) -> None:
        waiting = {i for i, s in self._watched.items() if s.view.session.status is Status.PENDING}
        self._position_turns = deque(i for i in self._position_turns if i in waiting)
        self._position_turns.extend(waiting - set(self._position_turns))
        for _ in range(min(POSITIONS_PER_REFRESH, len(self._position_turns))):
            session_id = self._position_turns.popleft()
            self._position_turns.append(session_id)
            watched = self._watched.get(session_id)
            if watched is not None:
                session = watched.view.session
                position, paused = await self._position(session), await self.is_paused(session)
                stalled = not paused and not await self._is_served(session)
                view = watched.view
                if (position, stalled, paused) != (view.queue_position, view.stalled, view.paused):
                    self._publish(
                        watched,
                        replace(view, queue_position=position, stalled=stalled, paused=paused, encoded={}),
                    )

    async def _find_pruned(self) -> None:
        for session_id in await self._store.find_missing(list(self._watched)):
            watched = self._watched.get(session_id)
            if watched is not None and not watched.pruned:
                watched.pruned = True
                self._publish(watched, watched.view)

    def _publish(self, watched: _WatchedSession, view: SessionView) -> None:
        before = watched.view.session
        if not view.session.follows or view.session.run_id != before.run_id:
            self._leave_run(before)
        watched.view = _without_large_input(view)
        if self._watched.get(view.session.id) is watched:  # its last watcher may have left meanwhile
            self._follow_run(view.session)
        watched.wake()

    async def _build_view(self, session: AnalysisSession) -> SessionView:
        began = self._start_times.of(session)
        if session.status is not Status.PENDING:
            return SessionView(session, began=began)
        paused = await self.is_paused(session)
        stalled = not paused and not await self._is_served(session)
        return SessionView(session, await self._position(session), stalled, paused, began)

    async def _position(self, session: AnalysisSession) -> int | None:
        now = self._clock.monotonic()
        waiting = session.run_id or session.id
        read, position = self._positions.get(waiting, (float("-inf"), None))
        if now - read >= POLL_EVERY:
            if len(self._positions) > 10 * POSITIONS_PER_REFRESH:
                self._positions.clear()
            position = await self._store.queue_position(waiting)
            self._positions[waiting] = (now, position)
        return position

    async def _is_served(self, session: AnalysisSession) -> bool:
        return any(
            session.queue in w.queues and session.analysis in w.analyses for w in await self.living_workers()
        )


def _without_large_input(view: SessionView) -> SessionView:
    """Drop a large input, which watchers do not need."""
    if len(view.session.input) <= LARGEST_INPUT:
        return view
    return replace(view, session=replace(view.session, input=""))


class WatcherContext:
    """The `async with` block of one watcher. It drops its own copy of the session to save memory."""

    __slots__ = ("_session", "_watch", "_watcher")

    def __init__(self, watch: Watch, session: AnalysisSession) -> None:
        self._watch = watch
        self._session: AnalysisSession | None = session

    async def __aenter__(self) -> Watcher:
        session, self._session = self._session, None
        assert session is not None  # noqa: S101 - a block is entered once
        self._watcher = await self._watch.enter(session)
        return self._watcher

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._watch.leave(self._watcher)
