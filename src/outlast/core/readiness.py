"""The readiness check: whether the store responds and can be written."""

import asyncio
import logging

from outlast.domain.errors import SchemaOutdated, StoreUnavailable
from outlast.ports.store import Store

log = logging.getLogger(__name__)

ANSWER_WITHIN = 0.8
"""Seconds until a store counts as unresponsive, so that a probe gets its response within one second."""


class Readiness:
    """Checks the store, once for all concurrent callers of one event loop."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._check: asyncio.Task[None] | None = None
        self._logged: str | None = None

    async def problem(self) -> str | None:
        """Return a public description of what is wrong with the store, or `None` if it is ready.

        The original error may name hosts and files, so it is only logged.
        """
        if self._check is None or self._check.done():
            self._check = asyncio.create_task(self._store.check())
            self._check.add_done_callback(_retrieve_exception)
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
        """Log an error once, not at every probe."""
        if str(error) != self._logged:
            self._logged = str(error)
            log.error("Not ready: %s", error)

    def close(self) -> None:
        """Cancel a pending check."""
        if self._check is not None:
            self._check.cancel()


def _retrieve_exception(check: "asyncio.Task[None]") -> None:
    """Retrieve the exception, in case no caller awaited the check."""
    if not check.cancelled():
        check.exception()
