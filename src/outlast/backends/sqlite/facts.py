"""Facts that analyses store."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime

from outlast.backends.rows import as_json
from outlast.backends.sqlite.database import SQLitePart
from outlast.backends.sqlite.times import as_text
from outlast.ports.facts import StoredFact


class SQLiteFacts(SQLitePart):
    """`FactStore`."""

    async def remember(
        self, space: str, facts: Sequence[StoredFact], *, until: datetime, session_id: str | None = None
    ) -> None:
        latest = {(f.key, f.item): f.value for f in facts}
        flat = as_json([(key, item, value) for (key, item), value in latest.items()])
        values = {"space": space, "facts": flat, "until": as_text(until), "session_id": session_id}
        await self._db.write(lambda c: c.execute(self._sql["remember"], values))

    async def recall(self, space: str, keys: Sequence[str]) -> Mapping[str, Sequence[StoredFact]]:
        values = {"space": space, "keys": as_json(list(dict.fromkeys(keys))), "now": self._db.now()}
        rows = await self._db.read_in_thread(lambda c: self._db.rows_of(c, "recall", values))
        found: defaultdict[str, list[StoredFact]] = defaultdict(list)
        for row in sorted(rows, key=lambda row: (row["key"], row["item"])):
            found[row["key"]].append(StoredFact(**row))
        return dict(found)

    async def take(self, space: str, key: str) -> Sequence[StoredFact]:
        values = {"space": space, "key": key, "now": self._db.now()}
        rows = await self._db.write(lambda c: self._db.rows_of(c, "take", values))
        return [StoredFact(**row) for row in sorted(rows, key=lambda row: row["item"])]

    async def forget(self, space: str, keys: Sequence[str]) -> None:
        values = {"space": space, "keys": as_json(list(keys))}
        await self._db.write(lambda c: c.execute(self._sql["forget"], values))
