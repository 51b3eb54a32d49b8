"""Facts that analyses store."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime

from outlast.backends.postgres.database import PostgresPart
from outlast.ports.facts import StoredFact


class PostgresFacts(PostgresPart):
    """`FactStore`."""

    async def remember(
        self, space: str, facts: Sequence[StoredFact], *, until: datetime, session_id: str | None = None
    ) -> None:
        latest = {(fact.key, fact.item): fact for fact in facts}.values()
        values = {
            "space": space,
            "keys": [fact.key for fact in latest],
            "items": [fact.item for fact in latest],
            "values": [fact.value for fact in latest],
            "until": until,
            "session_id": session_id,
        }
        await self._db.all("remember", values)

    async def recall(self, space: str, keys: Sequence[str]) -> Mapping[str, Sequence[StoredFact]]:
        found: defaultdict[str, list[StoredFact]] = defaultdict(list)
        for row in await self._db.all("recall", {"space": space, "keys": list(dict.fromkeys(keys))}):
            found[row["key"]].append(StoredFact(**row))
        return dict(found)

    async def take(self, space: str, key: str) -> Sequence[StoredFact]:
        rows = await self._db.all("take", {"space": space, "key": key})
        return [StoredFact(**row) for row in sorted(rows, key=lambda row: row["item"])]

    async def forget(self, space: str, keys: Sequence[str]) -> None:
        await self._db.all("forget", {"space": space, "keys": list(keys)})
