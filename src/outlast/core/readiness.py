"""Whether this process may be sent visitors: its store can be written, its workers live, no shutdown has begun."""

import asyncio
import logging

from outlast.core.running.step_journal import Store
from outlast.domain.errors import SchemaOutdated, StoreUnavailable

log = logging.getLogger(__name__)

ANSWER_WITHIN = 0.8
"""Seconds after which a store counts as silent, so that whoever asks has an answer within one."""


class Readiness:
    """Asks the store, once for all who ask at the same time. For one event loop."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._check: asyncio.Task[None] | None = None
        self._logged: str | None = None

    async def trouble(self) -> str | None:
        """What is wrong with the store, for anybody to read; its own words name hosts and files and are logged.

        `None`: nothing is wrong.
        """
        if self._check is None or self._check.done():
            self._check = asyncio.create_task(self._store.check())
            self._check.add_done_callback(_look_at)
        check = self._check
        await asyncio.wait([check], timeout=ANSWER_WITHIN)
        if not check.done():
            return f"the store has not answered within {ANSWER_WITHIN:g} s."
        try:
            check.result()
        except StoreUnavailable as error:
            self._log(error)
            return "the store cannot be written."
        except SchemaOutdated as error:
            self._log(error)
            return "the schema of the store is not current."
        self._logged = None
        return None

    def _log(self, error: Exception) -> None:
        """Once, not at every probe."""
        if str(error) != self._logged:
            self._logged = str(error)
            log.error("Not ready: %s", error)

    def close(self) -> None:
        """Wait for no answer any more."""
        if self._check is not None:
            self._check.cancel()


def _look_at(check: "asyncio.Task[None]") -> None:
    """Nobody may have waited for its end."""
    if not check.cancelled():
        check.exception()
