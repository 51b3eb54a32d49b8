"""The keys of repeated starts."""

from outlast.backends.postgres.database import PostgresPart
from outlast.ports.start_keys import HOLD_START_KEY, KEEP_START_KEY, StartKey


class PostgresStartKeys(PostgresPart):
    """`StartKeys`."""

    async def take_start_key(self, owner: str, key: str, fingerprint: str, session_id: str) -> StartKey:
        values = {
            "owner": owner,
            "key": key,
            "fingerprint": fingerprint,
            "session_id": session_id,
            "hold": HOLD_START_KEY,
            "keep": KEEP_START_KEY,
        }
        while True:
            taken = await self._db.one("take_start_key", values)
            if taken is not None:
                return StartKey(**taken, held=True)
            found = await self._db.one("find_start_key", values)
            if found is not None:  # else its holder has released it meanwhile
                # the statement is repeated if its response was lost: the key may be this caller's own
                own = not found["settled"] and found["session_id"] == session_id
                return StartKey(**found, held=own and found["fingerprint"] == fingerprint)

    async def settle_start_key(self, owner: str, key: str, session_id: str) -> None:
        await self._db.all("settle_start_key", {"owner": owner, "key": key, "session_id": session_id})

    async def release_start_key(self, owner: str, key: str) -> None:
        await self._db.all("release_start_key", {"owner": owner, "key": key})
