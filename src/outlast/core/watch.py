"""One process's view of the sessions that somebody watches: one reader for all, the latest value for each."""

import asyncio
import logging
from collections import deque
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace

from outlast.core.journal import Store
from outlast.core.rounds import serve_rounds
from outlast.domain.progress import TimeLeft, time_left
from outlast.domain.session import AnalysisSession
from outlast.domain.status import Status
from outlast.ports.clock import Clock
from outlast.ports.notifier import Notifier, Subscription, Topic
from outlast.ports.workers import WorkerInfo

log = logging.getLogger(__name__)

GATHER = 0.015
"""Seconds that a look waits for further hints."""
LOOK_EVERY = 1.0
"""Seconds between looks at what no hint tells: place in the queue, living workers."""
LOOK_AT_ALL_EVERY = 2.0
"""Seconds between looks at every watched session, in case hints were lost."""
POSITIONS_PER_LOOK = 200
"""Places in the queue asked for at one look, in turn."""


@dataclass(frozen=True, slots=True)
class SessionView:
    """A session with what is derived from its surroundings."""

    session: AnalysisSession
    queue_position: int | None = None
    """From 1 for the next; `None` when it does not wait or it is not known."""
    stalled: bool = False
    """It waits, and no living worker knows its analysis and looks at its queue."""
    encoded: dict[str, bytes] = field(default_factory=dict[str, bytes], compare=False)
    """What the edge has made of it, so that it is encoded once for all who watch."""

    @property
    def time_left(self) -> TimeLeft | None:
        return time_left(self.session.progress.steps) if self.session.status is Status.PROCESSING else None

    @property
    def tag(self) -> str:
        """Differs whenever anything but the elapsed time does."""
        place = "" if self.queue_position is None else self.queue_position
        return f"{self.session.version}.{place}.{int(self.stalled)}"


@dataclass(slots=True)
class _Slot:
    view: SessionView
    ears: set[asyncio.Event] = field(default_factory=set[asyncio.Event])
    gone: bool = False


class Watched:
    """One watcher's hold on one session: the latest view, and waiting for the next."""

    def __init__(self, slot: _Slot) -> None:
        self._slot = slot
        self._ear = asyncio.Event()
        slot.ears.add(self._ear)

    @property
    def view(self) -> SessionView:
        self._ear.clear()
        return self._slot.view

    @property
    def gone(self) -> bool:
        """It was cleaned up meanwhile."""
        return self._slot.gone

    async def changed(self, within: float | None = None) -> bool:
        """Wait for a view newer than the one last read; False when `within` seconds passed first."""
        with suppress(TimeoutError):
            async with asyncio.timeout(within):  # not wait_for: it makes a task for each wait
                await self._ear.wait()
        return self._ear.is_set()

    def close(self) -> None:
        self._slot.ears.discard(self._ear)


class Watch:
    """The reader. Open it in the event loop of those who watch."""

    def __init__(self, store: Store, notifier: Notifier, clock: Clock) -> None:
        self._store = store
        self._notifier = notifier
        self._clock = clock
        self._slots: dict[str, _Slot] = {}
        self._heard: set[str] = set()
        self._wake = asyncio.Event()
        self._workers: Sequence[WorkerInfo] = ()
        self._workers_read = float("-inf")
        self._positions: dict[str, tuple[float, int | None]] = {}
        self._turn: deque[str] = deque()
        self._looked = self._looked_at_all = clock.monotonic()
        self._ears: Subscription | None = None
        self._reader: asyncio.Task[None] | None = None

    async def open(self) -> None:
        self._ears = await self._notifier.subscribe([Topic.CHANGED], self._hear)
        self._reader = asyncio.create_task(serve_rounds("The reader of watched sessions", self._read))

    async def close(self) -> None:
        if self._reader is not None:
            self._reader.cancel()
            with suppress(asyncio.CancelledError):
                await self._reader
        if self._ears is not None:
            await self._ears.close()

    async def view(self, session: AnalysisSession) -> SessionView:
        """The session as it stands, with what is derived; of a watched one the shared view, if not older."""
        slot = self._slots.get(session.id)
        if slot is not None and slot.view.session.version >= session.version:
            return slot.view
        position = await self._position(session) if session.status is Status.PENDING else None
        stalled = session.status is Status.PENDING and not await self._served(session)
        return SessionView(session, position, stalled)

    @asynccontextmanager
    async def follow(self, session: AnalysisSession) -> AsyncGenerator[Watched]:
        """Keep an eye on this session for as long as the block lasts."""
        slot = self._slots.get(session.id)
        if slot is None:
            view = await self.view(session)
            slot = self._slots.setdefault(session.id, _Slot(view))
        watched = Watched(slot)
        # it may have changed between the caller's read and this
        self._heard.add(session.id)
        self._wake.set()
        try:
            yield watched
        finally:
            watched.close()
            if not slot.ears and self._slots.get(session.id) is slot:
                del self._slots[session.id]

    async def alive(self) -> Sequence[WorkerInfo]:
        """The living workers, at most a second old."""
        now = self._clock.monotonic()
        if now - self._workers_read >= LOOK_EVERY:
            self._workers_read = now
            self._workers = [w for w in await self._store.workers() if w.alive]
        return self._workers

    def _hear(self, topic: Topic, key: str) -> None:  # noqa: ARG002 - it listens to one topic
        if not key and self._slots:
            self._heard.update(self._slots)
        elif key in self._slots:
            self._heard.add(key)
        else:
            return
        self._wake.set()

    async def _read(self) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._wake.wait(), LOOK_EVERY)
            await asyncio.sleep(GATHER)
        self._wake.clear()
        if not self._slots:
            self._heard.clear()
            return
        now = self._clock.monotonic()
        if now - self._looked_at_all >= LOOK_AT_ALL_EVERY:
            self._looked_at_all = now
            self._heard.update(self._slots)
            await self._find_gone()
        await self._look()
        if now - self._looked >= LOOK_EVERY:
            self._looked = now
            await self._derive()

    async def _look(self) -> None:
        heard, self._heard = self._heard, set()
        seen = {i: self._slots[i].view.session.version for i in heard if i in self._slots}
        if not seen:
            return
        for session in await self._store.changed(seen):
            slot = self._slots.get(session.id)
            if slot is not None and session.version > slot.view.session.version:
                waiting = session.status is Status.PENDING
                position = await self._position(session) if waiting else None
                stalled = waiting and not await self._served(session)
                self._show(slot, SessionView(session, position, stalled))

    async def _derive(self) -> None:
        waiting = {i for i, s in self._slots.items() if s.view.session.status is Status.PENDING}
        self._turn = deque(i for i in self._turn if i in waiting)
        self._turn.extend(waiting - set(self._turn))
        for _ in range(min(POSITIONS_PER_LOOK, len(self._turn))):
            session_id = self._turn.popleft()
            self._turn.append(session_id)
            slot = self._slots.get(session_id)
            if slot is not None:
                session = slot.view.session
                position, served = await self._position(session), await self._served(session)
                if (position, not served) != (slot.view.queue_position, slot.view.stalled):
                    self._show(slot, replace(slot.view, queue_position=position, stalled=not served, encoded={}))

    async def _find_gone(self) -> None:
        for session_id in await self._store.gone(list(self._slots)):
            slot = self._slots.get(session_id)
            if slot is not None and not slot.gone:
                slot.gone = True
                self._show(slot, slot.view)

    def _show(self, slot: _Slot, view: SessionView) -> None:
        slot.view = view
        for ear in slot.ears:
            ear.set()

    async def _position(self, session: AnalysisSession) -> int | None:
        now = self._clock.monotonic()
        read, position = self._positions.get(session.id, (float("-inf"), None))
        if now - read >= LOOK_EVERY:
            if len(self._positions) > 10 * POSITIONS_PER_LOOK:
                self._positions.clear()
            position = await self._store.queue_position(session.id)
            self._positions[session.id] = (now, position)
        return position

    async def _served(self, session: AnalysisSession) -> bool:
        return any(session.queue in w.queues and session.analysis in w.analyses for w in await self.alive())
