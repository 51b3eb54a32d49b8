"""Facts in memory."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from outlast.backends.memory.tables import MemoryPart
from outlast.ports.facts import StoredFact


class MemoryFacts(MemoryPart):
    """`FactStore`."""

    async def remember(
        self, space: str, facts: Sequence[StoredFact], *, until: datetime, session_id: str | None = None
    ) -> None:
        with self._tables.lock:
            for fact in facts:
                self._tables.facts[space][fact.key][fact.item] = (fact, until, session_id)

    async def recall(self, space: str, keys: Sequence[str]) -> Mapping[str, Sequence[StoredFact]]:
        with self._tables.lock:
            now = self._tables.clock.now()
            kept = self._tables.facts[space]
            found = {
                key: [fact for _, (fact, until, _) in sorted(kept[key].items()) if until > now]
                for key in dict.fromkeys(keys)
                if key in kept
            }
        return {key: facts for key, facts in found.items() if facts}

    async def take(self, space: str, key: str) -> Sequence[StoredFact]:
        with self._tables.lock:
            found = await self.recall(space, [key])
            await self.forget(space, [key])
        return found.get(key, ())

    async def forget(self, space: str, keys: Sequence[str]) -> None:
        with self._tables.lock:
            for key in keys:
                self._tables.facts[space].pop(key, None)
