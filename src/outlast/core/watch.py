"""One process's view of the sessions that somebody watches: one reader for all, the latest value for each."""

import asyncio
import logging
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from types import TracebackType

from outlast.core.running.service_loop import serve_rounds
from outlast.core.running.step_journal import Store
from outlast.core.start_times import StartTimes
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
LARGEST_INPUT = 4_000
"""Characters of an input that is kept with what is watched: a stranger's may have a million."""
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
    began: float = 0.0  # on the monotonic clock of this process
    encoded: dict[str, bytes] = field(default_factory=dict[str, bytes], compare=False)
    """What the edge has made of it, so that it is encoded once for all who watch."""

    @property
    def time_left(self) -> TimeLeft | None:
        return time_left(self.session.progress.steps) if self.session.status is Status.PROCESSING else None

    def elapsed_ms(self, now: float) -> int:
        """Until the end or `now`, which is monotonic."""
        return self.session.elapsed_ms if self.session.status.final else max(0, round((now - self.began) * 1000))

    @property
    def tag(self) -> str:
        """Differs whenever anything but the elapsed time does."""
        place = "" if self.queue_position is None else self.queue_position
        return f"{self.session.version}.{place}.{int(self.stalled)}"


@dataclass(slots=True)
class _Slot:
    view: SessionView
    watchers: "set[Watched]" = field(default_factory=set["Watched"])
    gone: bool = False

    def ring(self) -> None:
        for watched in self.watchers:
            watched.ring()


class Watched:
    """One watcher's hold on one session: the latest view, and waiting for the next.

    There are ten thousand of these: a future while it waits is a tenth of an `asyncio.Event`.
    """

    __slots__ = ("_rung", "_slot", "_waiting")

    def __init__(self, slot: _Slot) -> None:
        self._slot = slot
        self._rung = False
        self._waiting: asyncio.Future[None] | None = None
        slot.watchers.add(self)

    @property
    def view(self) -> SessionView:
        self._rung = False
        return self._slot.view

    @property
    def gone(self) -> bool:
        """It was cleaned up meanwhile."""
        return self._slot.gone

    async def changed(self, within: float | None = None) -> bool:
        """Wait for a view newer than the one last read; False when `within` seconds passed first."""
        if self._rung:
            return True
        loop = asyncio.get_running_loop()
        self._waiting = waiting = loop.create_future()
        timer = None if within is None else loop.call_later(within, _end, waiting)
        try:
            await waiting
        finally:
            self._waiting = None
            if timer is not None:
                timer.cancel()
        return self._rung

    def ring(self) -> None:
        """Wake who waits here, also where nothing has changed."""
        self._rung = True
        if self._waiting is not None:
            _end(self._waiting)

    def close(self) -> "_Slot":
        self._slot.watchers.discard(self)
        return self._slot


def _end(waiting: asyncio.Future[None]) -> None:
    if not waiting.done():
        waiting.set_result(None)


class Watch:
    """The reader. Open it in the event loop of those who watch."""

    def __init__(self, store: Store, notifier: Notifier, clock: Clock) -> None:
        self._store = store
        self._notifier = notifier
        self._clock = clock
        self._beginnings = StartTimes(clock)
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
            if len(session.input) <= LARGEST_INPUT:
                return slot.view
            return replace(slot.view, session=replace(slot.view.session, input=session.input))
        return await self._seen(session)

    def follow(self, session: AnalysisSession) -> "Following":
        """Keep an eye on this session for as long as the block lasts."""
        return Following(self, session)

    async def enter(self, session: AnalysisSession) -> Watched:
        """Begin to watch; for `Following`."""
        slot = self._slots.get(session.id)
        if slot is None:
            slot = self._slots.setdefault(session.id, _Slot(_lean(await self.view(session))))
        # it may have changed between the caller's read and this
        self._heard.add(session.id)
        self._wake.set()
        return Watched(slot)

    def leave(self, watched: Watched) -> None:
        """Watch no more; for `Following`."""
        slot = watched.close()
        session_id = slot.view.session.id
        if not slot.watchers and self._slots.get(session_id) is slot:
            del self._slots[session_id]

    def ring_all(self) -> None:
        """Wake everybody who waits for a change, as we are about to close."""
        for slot in self._slots.values():
            slot.ring()

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
            async with asyncio.timeout(LOOK_EVERY):
                await self._wake.wait()
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
                self._show(slot, await self._seen(session))

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
        slot.view = _lean(view)
        slot.ring()

    async def _seen(self, session: AnalysisSession) -> SessionView:
        began = self._beginnings.of(session)
        if session.status is not Status.PENDING:
            return SessionView(session, began=began)
        return SessionView(session, await self._position(session), not await self._served(session), began)

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


def _lean(view: SessionView) -> SessionView:
    """Without a large input, which watchers have no use for."""
    if len(view.session.input) <= LARGEST_INPUT:
        return view
    return replace(view, session=replace(view.session, input=""))


class Following:
    """One watcher's block. It keeps no session: each has read one of its own, and thousands watch for hours."""

    __slots__ = ("_session", "_watch", "_watched")

    def __init__(self, watch: Watch, session: AnalysisSession) -> None:
        self._watch = watch
        self._session: AnalysisSession | None = session

    async def __aenter__(self) -> Watched:
        session, self._session = self._session, None
        assert session is not None  # noqa: S101 - a block is entered once
        self._watched = await self._watch.enter(session)
        return self._watched

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._watch.leave(self._watched)
