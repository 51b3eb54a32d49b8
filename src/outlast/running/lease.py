"""Renews a worker's lease from a dedicated thread, which also detects a blocked event loop."""

import asyncio
import logging
import sys
import threading
import traceback
from collections.abc import Callable, Sequence
from typing import Protocol, Self

from outlast.core.store_outage import StoreOutage
from outlast.domain.errors import StoreUnavailable
from outlast.domain.outcome import End
from outlast.domain.session import Claim
from outlast.ports.clock import Clock
from outlast.ports.workers import LEASE, RENEW_EVERY, Lease, Renewal, WorkerInfo, WorkerRegistry, WorkerReport

log = logging.getLogger(__name__)

MAX_PROBE_GAP = 1.0
"""A longer gap in seconds between two probes means that the thread itself was delayed, by a slow store or a
suspended process."""
CHECK_EVERY = 0.5
"""Seconds between checks of the event loop."""
BLOCKED_AFTER = 5.0
"""Seconds without a response of the event loop after which the blocking stack is logged."""
RENEWALS = "The renewal of a lease"
"""What waits for the store, for the log."""
MARGIN = 3.0
"""An unrenewed lease counts as lost this many seconds before it expires."""


class LoopWatch:
    """Measures for how long an event loop has been blocked: from a probe until its acknowledgement.

    One thread calls `probe` and `blocked_for`; the loop calls `acknowledge`.
    """

    def __init__(self) -> None:
        self._number = 0
        self._probe_sent_at: float | None = None
        """Time of the unacknowledged probe."""
        self._last_probe_at = float("-inf")

    @property
    def responsive(self) -> bool:
        """Whether the loop has acknowledged the last probe."""
        return self._probe_sent_at is None

    def probe(self, now: float) -> int | None:
        """Return the number of a probe for the loop to acknowledge, or `None` while an earlier one is pending.

        `now` is monotonic. The measurement restarts if the thread itself was delayed since its last probe, since
        it cannot tell what the loop did meanwhile.
        """
        overslept = now - self._last_probe_at > MAX_PROBE_GAP
        self._last_probe_at = now
        if self._probe_sent_at is not None and not overslept:
            return None
        self._number += 1
        self._probe_sent_at = now
        return self._number

    def acknowledge(self, number: int) -> None:
        """Acknowledge the probe with this number. Called in the loop."""
        if number == self._number:
            self._probe_sent_at = None

    def blocked_for(self, now: float) -> float:
        """Return for how many seconds the last probe has been pending."""
        sent_at = self._probe_sent_at
        return 0.0 if sent_at is None else now - sent_at


class LeaseListener(Protocol):
    """The holder of the claims. Called in the event loop, except where a method says otherwise."""

    def on_renewal(self, renewal: Renewal) -> None: ...

    def on_lost(self) -> None:
        """The lease has lapsed or is about to: stop every attempt and write nothing."""
        ...

    def overdue(self) -> Sequence[tuple[Claim, End]]:
        """Return the attempts past their timeout and grace, with their outcomes. Called from the thread."""
        ...

    def on_check(self) -> None:
        """Called from the thread, about twice a second."""
        ...

    def report(self) -> WorkerReport:
        """Return what the worker says about itself with this renewal. Called from the thread."""
        ...

    def on_stuck(self) -> None:
        """Called from the thread after an attempt past its timeout blocked the event loop. The thread has ended
        that attempt in the store and released the others: the worker holds no claims.
        """
        ...


class LeaseKeeper:
    """One worker's lease, from `start` until `stop` or `on_lost`.

    `previous_id`: the id under which this worker was registered before it lost its lease.
    """

    def __init__(
        self,
        registry: WorkerRegistry,
        worker: WorkerInfo,
        listener: LeaseListener,
        clock: Clock,
        outage: StoreOutage | None = None,
        *,
        previous_id: str | None = None,
    ) -> None:
        self._outage = outage or StoreOutage()
        self._registry = registry
        self._worker = worker
        self._listener = listener
        self._clock = clock
        self._previous_id = previous_id
        self._loop = asyncio.get_running_loop()
        self._loop_watch = LoopWatch()
        self._stop = threading.Event()
        self._renewed_at = clock.monotonic()
        self._renew_soon = False
        self._block_logged = False
        self._thread = threading.Thread(target=self._keep, name=f"lease-{worker.id}", daemon=True)
        self._loop_thread = threading.get_ident()

    async def start(self) -> Self:
        """Register the worker and start renewing; raises `StoreUnavailable`."""
        registered = self._loop.create_future()

        def resolve(error: Exception | None) -> None:
            if registered.done():
                return
            if error is None:
                registered.set_result(None)
            else:
                registered.set_exception(error)

        self._resolve_start = resolve
        self._thread.start()
        await registered
        return self

    def has_lapsed(self) -> bool:
        """Return whether other workers may have claimed the sessions. Thread-safe."""
        return self._clock.monotonic() - self._renewed_at > LEASE

    def renew_soon(self) -> None:
        """Renew before the next renewal is due: something has changed, or an operator has asked something."""
        self._renew_soon = True

    def stop(self) -> None:
        self._stop.set()

    def _keep(self) -> None:
        lease = self._registry.lease()
        try:
            try:
                lease.register(self._worker, self._previous_id)
            except StoreUnavailable as error:
                self._call(self._resolve_start, error)
                return
            self._call(self._resolve_start, None)
            stuck = self._renew_until_lost(lease)
            if self._stop.is_set():
                return
            self._call(self._listener.on_lost)
            if not stuck:
                self._watch_until_responsive(lease)
        finally:
            lease.close()

    def _renew_until_lost(self, lease: Lease) -> bool:
        """Renew until stopped or lost; return True if the worker was stuck and everything was released."""
        while not self._stop.wait(CHECK_EVERY):
            if self._is_stuck() and self._release_all(lease):
                return True
            self._listener.on_check()
            renewing_at = self._clock.monotonic()
            if renewing_at - self._renewed_at < RENEW_EVERY and not self._renew_soon:
                continue
            self._renew_soon = False
            try:
                beat = lease.renew(self._worker.id, self._listener.report())
                self._outage.answered(RENEWALS)
                if beat is None:
                    log.warning("Worker %s lost its lease and stops its attempts.", self._worker.id)
                    return False
                self._renewed_at = renewing_at
                self._call(self._listener.on_renewal, beat)
            except StoreUnavailable as error:
                self._outage.failed(RENEWALS, error)
                if self._clock.monotonic() - self._renewed_at > LEASE - MARGIN:
                    return False
        return False

    def _watch_until_responsive(self, lease: Lease) -> None:
        """Keep watching a blocked loop after the lease was lost, until the loop responds."""
        self._loop_watch = LoopWatch()
        self._is_stuck()
        while not self._stop.wait(CHECK_EVERY) and not self._loop_watch.responsive:
            if self._is_stuck() and self._release_all(lease):
                return

    def _release_all(self, lease: Lease) -> bool:
        """End overdue attempts in the store and release the others; return False if the store is unavailable."""
        try:
            lease.finish(self._listener.overdue())
            released = lease.release(self._worker.id)
        except StoreUnavailable as error:
            log.warning("Worker %s cannot end its overdue attempts: %s", self._worker.id, error)
            return False
        log.error("Worker %s is stuck; it released %d other session(s) unspent.", self._worker.id, released)
        self._listener.on_stuck()
        return True

    def _is_stuck(self) -> bool:
        """Return whether the loop is blocked and an attempt is overdue."""
        now = self._clock.monotonic()
        number = self._loop_watch.probe(now)
        if number is not None:
            self._call(self._loop_watch.acknowledge, number)
        blocked = self._loop_watch.blocked_for(now)
        if blocked < BLOCKED_AFTER:
            self._block_logged = False
            return False
        if not self._block_logged:
            self._block_logged = True
            log.error("The event loop has been blocked for %.0f s at:\n%s", blocked, self._loop_stack())
        return bool(self._listener.overdue())

    def _loop_stack(self) -> str:
        frame = sys._current_frames().get(self._loop_thread)  # noqa: SLF001  # pyright: ignore[reportPrivateUsage] - the only way
        return "".join(traceback.format_stack(frame)[-5:]) if frame else "(unknown)"

    def _call(self, function: Callable[..., None], *arguments: object) -> None:
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(function, *arguments)
