"""The starts of one owner: as many at once as its pace has left, and a bounded line for the next ones."""

import asyncio
from collections import Counter, deque
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from limits import RateLimitItem
from starlette.requests import ClientDisconnect

from outlast.web.problems import Problem
from outlast.web.rates import Rates

AT_ONCE = 500
"""Starts of one owner under way at the same time: what a store writes together."""
WAITING = 500
"""Starts of one owner that wait for others of it to be decided; whoever comes then is asked to come again."""
LONGEST_WAIT = 5.0
"""Seconds that a start waits in the line."""


@dataclass(slots=True)
class _OwnerQueue:
    present: int = 0
    under_way: int = 0
    """Starts that the store is working on."""
    reserved: int = 0
    """Those of them that may become new sessions, and count when they do."""
    waiting: "deque[asyncio.Future[None]]" = field(default_factory=deque["asyncio.Future[None]"])

    def call_next(self) -> None:
        while self.waiting:
            place = self.waiting.popleft()
            if not place.done():
                place.set_result(None)
                return


class StartQueues:
    """The lines of all owners of one process; no lock is held while the store works."""

    def __init__(self, rates: Rates, per_owner: RateLimitItem, per_address: RateLimitItem) -> None:
        self._rates = rates
        self._per_owner = per_owner
        self._per_address = per_address
        self._lines: dict[str, _OwnerQueue] = {}
        self._addresses: Counter[str] = Counter()

    @asynccontextmanager
    async def turn(self, owner: str, address: str, left: Callable[[], Awaitable[None]]) -> AsyncGenerator[bool]:
        """Whether the pace allows a new session, for a start that is decided within the block.

        Starts under way are counted as if each made a session, so that parallel ones do not outrun the pace; one
        that would exceed it only because of them waits until they are decided. `left` returns when the client has
        gone, who then leaves the line too. Raises `Problem` (429, 503) and `ClientDisconnect`.
        """
        line = self._lines.setdefault(owner, _OwnerQueue())
        line.present += 1
        try:
            room = await self._admitted(line, owner, left)
            self._addresses[address] += 1
            try:
                fits = room and (
                    not address
                    or await self._rates.room(self._per_address, "address", address, cost=self._addresses[address])
                )
                yield fits
            finally:
                line.under_way -= 1
                line.reserved -= room
                self._addresses[address] -= 1
                if not self._addresses[address]:
                    del self._addresses[address]
        finally:
            line.call_next()
            line.present -= 1
            if not line.present:
                del self._lines[owner]

    async def _admitted(self, line: _OwnerQueue, owner: str, left: Callable[[], Awaitable[None]]) -> bool:
        """Whether the pace allows one more, once that is sure; it is then under way, and reserved where it is."""
        end = asyncio.get_running_loop().time() + LONGEST_WAIT
        waited = bool(line.waiting)
        if waited:
            await self._wait(line, left, end, first=False)
        while True:
            judged = await self._judged(line, owner)
            if judged is not None:
                line.call_next()  # what lets this one pass may let the next one pass too
                return judged
            if line.under_way:  # else those that decided have gone meanwhile
                await self._wait(line, left, end, first=waited)
                waited = True

    async def _judged(self, line: _OwnerQueue, owner: str) -> bool | None:
        """`None`: those under way decide."""
        if line.under_way >= AT_ONCE:
            return None
        line.under_way += 1
        line.reserved += 1
        judged: bool | None = None
        try:
            if await self._rates.room(self._per_owner, "owner", owner, cost=line.reserved):
                judged = True
            elif line.reserved == 1 or not await self._rates.room(self._per_owner, "owner", owner):
                judged = False
        finally:
            line.under_way -= judged is None
            line.reserved -= not judged
        return judged

    async def _wait(
        self, line: _OwnerQueue, left: Callable[[], Awaitable[None]], end: float, *, first: bool
    ) -> None:
        """For one's turn in the line, at its head for who was there already."""
        if len(line.waiting) >= WAITING:
            raise Problem(
                429, "Many starts of yours are waiting already. Please try again in a moment.", retry_after=2
            )
        place: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        (line.waiting.appendleft if first else line.waiting.append)(place)
        leaving = asyncio.ensure_future(left())
        called = False
        try:
            timeout = max(0.0, end - asyncio.get_running_loop().time())
            await asyncio.wait((place, leaving), timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
            called = place.done()
        finally:
            gone = leaving.done()
            leaving.cancel()
            if not place.done():
                place.cancel()
                line.waiting.remove(place)
        if gone:
            raise ClientDisconnect
        if not called:
            raise Problem(
                503, "Your earlier starts are still being stored. Please try again in a moment.", retry_after=5
            )
