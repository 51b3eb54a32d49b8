"""A queue per owner for concurrent starts, so that parallel starts do not exceed the rate limit."""

import asyncio
from collections import Counter, deque
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from limits import RateLimitItem
from starlette.requests import ClientDisconnect

from outlast.domain.messages import message
from outlast.web.problems import Problem
from outlast.web.rates import Rates

MAX_CONCURRENT = 500
"""Starts of one owner that the store processes at the same time: what it writes in one batch."""
MAX_WAITING = 500
"""Starts of one owner that wait for earlier ones; beyond it starts get 429."""
LONGEST_WAIT = 5.0
"""Seconds that a start waits in its queue."""


@dataclass(slots=True)
class _OwnerQueue:
    members: int = 0
    under_way: int = 0
    """Starts that the store is processing."""
    reserved: int = 0
    """Starts under way that may create a session and so count towards the rate limit."""
    waiting: "deque[asyncio.Future[None]]" = field(default_factory=deque["asyncio.Future[None]"])

    def wake_next(self) -> None:
        while self.waiting:
            ticket = self.waiting.popleft()
            if not ticket.done():
                ticket.set_result(None)
                return


class StartQueues:
    """The queues of all owners of one process; holds no lock while the store works."""

    def __init__(self, rates: Rates, per_owner: RateLimitItem, per_address: RateLimitItem) -> None:
        self._rates = rates
        self._per_owner = per_owner
        self._per_address = per_address
        self._queues: dict[str, _OwnerQueue] = {}
        self._addresses: Counter[str] = Counter()

    @asynccontextmanager
    async def turn(
        self, owner: str, address: str, disconnected: Callable[[], Awaitable[None]]
    ) -> AsyncGenerator[bool]:
        """Wait for a turn; yield whether the rate limits allow a new session. Start within the block.

        Each start under way counts as if it created a session; a start that exceeds the limit only because of
        those waits until they have ended. `disconnected` returns when the client disconnects, which ends the wait
        too. Raises `Problem` (429, 503) and `ClientDisconnect`.
        """
        queue = self._queues.setdefault(owner, _OwnerQueue())
        queue.members += 1
        try:
            allowed = await self._admit(queue, owner, disconnected)
            self._addresses[address] += 1
            try:
                fits = allowed and (
                    not address
                    or await self._rates.allows(
                        self._per_address, "address", address, cost=self._addresses[address]
                    )
                )
                yield fits
            finally:
                queue.under_way -= 1
                queue.reserved -= allowed
                self._addresses[address] -= 1
                if not self._addresses[address]:
                    del self._addresses[address]
        finally:
            queue.wake_next()
            queue.members -= 1
            if not queue.members:
                del self._queues[owner]

    async def _admit(self, queue: _OwnerQueue, owner: str, disconnected: Callable[[], Awaitable[None]]) -> bool:
        """Wait until the rate limit decides; count the start as under way, and as reserved if allowed."""
        end = asyncio.get_running_loop().time() + LONGEST_WAIT
        waited = bool(queue.waiting)
        if waited:
            await self._wait(queue, disconnected, end, first=False)
        while True:
            decision = await self._decide(queue, owner)
            if decision is not None:
                queue.wake_next()  # the next one may pass for the same reason
                return decision
            if queue.under_way:  # else the starts to wait for ended during the check
                await self._wait(queue, disconnected, end, first=waited)
                waited = True

    async def _decide(self, queue: _OwnerQueue, owner: str) -> bool | None:
        """Whether the rate limit allows one more start; `None` if that depends on those under way."""
        if queue.under_way >= MAX_CONCURRENT:
            return None
        queue.under_way += 1
        queue.reserved += 1
        decision: bool | None = None
        try:
            if await self._rates.allows(self._per_owner, "owner", owner, cost=queue.reserved):
                decision = True
            elif queue.reserved == 1 or not await self._rates.allows(self._per_owner, "owner", owner):
                decision = False
        finally:
            queue.under_way -= decision is None
            queue.reserved -= not decision
        return decision

    async def _wait(
        self, queue: _OwnerQueue, disconnected: Callable[[], Awaitable[None]], end: float, *, first: bool
    ) -> None:
        """Wait in the queue: `first` at its head, for a start that has waited before."""
        if len(queue.waiting) >= MAX_WAITING:
            raise Problem(
                429,
                message("Many starts of yours are waiting already. Please try again in a moment."),
                retry_after=2,
            )
        ticket: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        (queue.waiting.appendleft if first else queue.waiting.append)(ticket)
        disconnecting = asyncio.ensure_future(disconnected())
        has_turn = False
        try:
            timeout = max(0.0, end - asyncio.get_running_loop().time())
            await asyncio.wait((ticket, disconnecting), timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
            has_turn = ticket.done()
        finally:
            is_disconnected = disconnecting.done()
            disconnecting.cancel()
            if not ticket.done():
                ticket.cancel()
                queue.waiting.remove(ticket)
        if is_disconnected:
            raise ClientDisconnect
        if not has_turn:
            raise Problem(
                503,
                message("Your earlier starts are still being stored. Please try again in a moment."),
                retry_after=5,
            )
