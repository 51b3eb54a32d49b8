"""Facts that analyses remember."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime

from outlast.backends.postgres.room import Room
from outlast.backends.rows import as_json
from outlast.ports.facts import StoredFact


class PostgresFacts(Room):
    """`FactStore`."""

    async def remember(self, space: str, facts: Sequence[StoredFact], *, until: datetime) -> None:
        # in one order, as whoever writes several rows does
        latest = sorted({(f.key, f.item): f.value for f in facts}.items())
        flat = [{"key": key, "item": item, "value": value} for (key, item), value in latest]
        await self._db.all("remember", {"space": space, "facts": as_json(flat), "until": until})

    async def recall(self, space: str, keys: Sequence[str]) -> Mapping[str, Sequence[StoredFact]]:
        found: defaultdict[str, list[StoredFact]] = defaultdict(list)
        for key, item, value in await self._db.all("recall", {"space": space, "keys": list(set(keys))}):
            found[key].append(StoredFact(key, item, value))
        return dict(found)

    async def forget(self, space: str, keys: Sequence[str]) -> None:
        await self._db.all("forget", {"space": space, "keys": list(keys)})
