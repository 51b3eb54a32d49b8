"""The keys of repeated starts, in memory."""

from dataclasses import replace
from datetime import timedelta

from outlast.backends.memory.tables import MemoryPart, StartKeyRow
from outlast.ports.start_keys import HOLD_START_KEY, KEEP_START_KEY, StartKey


class MemoryStartKeys(MemoryPart):
    """`StartKeys`."""

    async def take_start_key(self, owner: str, key: str, fingerprint: str, session_id: str) -> StartKey:
        tables = self._tables
        with tables.lock:
            now = tables.clock.now()
            row = tables.start_keys.get((owner, key))
            if row is not None and row.until > now:
                lapsed = row.held_until is not None and row.held_until <= now
                if not lapsed or row.fingerprint != fingerprint:
                    settled = row.held_until is None
                    return StartKey(row.session_id, row.fingerprint, held=False, settled=settled)
                session_id = row.session_id
            tables.start_keys[owner, key] = StartKeyRow(
                session_id,
                fingerprint,
                now + timedelta(seconds=HOLD_START_KEY),
                now + timedelta(seconds=KEEP_START_KEY),
            )
            return StartKey(session_id, fingerprint, held=True)

    async def settle_start_key(self, owner: str, key: str, session_id: str) -> None:
        with self._tables.lock:
            row = self._tables.start_keys.get((owner, key))
            if row is not None:
                self._tables.start_keys[owner, key] = replace(row, session_id=session_id, held_until=None)

    async def release_start_key(self, owner: str, key: str) -> None:
        with self._tables.lock:
            row = self._tables.start_keys.get((owner, key))
            if row is not None and row.held_until is not None:
                del self._tables.start_keys[owner, key]
