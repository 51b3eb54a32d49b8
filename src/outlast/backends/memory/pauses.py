"""Pauses of queues and analyses in memory."""

from collections.abc import Sequence

from outlast.backends.memory.tables import MemoryPart
from outlast.domain.pauses import Pause


class MemoryPauses(MemoryPart):
    """`Pauses`."""

    async def pause(self, pause: Pause) -> bool:
        with self._tables.lock:
            added = pause not in self._tables.pauses
            self._tables.pauses.add(pause)
            return added

    async def resume(self, pause: Pause) -> bool:
        with self._tables.lock:
            removed = pause in self._tables.pauses
            self._tables.pauses.discard(pause)
            return removed

    async def pauses(self) -> Sequence[Pause]:
        with self._tables.lock:
            return sorted(self._tables.pauses, key=lambda pause: (pause.kind, pause.name))
