"""The keys of programs that use the API, in memory."""

from collections.abc import Sequence
from dataclasses import replace

from outlast.backends.memory.tables import MemoryPart
from outlast.ports.api_keys import ApiKey, newest_first


class MemoryApiKeys(MemoryPart):
    """`ApiKeys`."""

    async def add_api_key(self, key: ApiKey, digest: str) -> None:
        with self._tables.lock:
            self._tables.api_keys[digest] = key

    async def find_api_key(self, digest: str) -> ApiKey | None:
        with self._tables.lock:
            return self._tables.api_keys.get(digest)

    async def api_keys(self) -> Sequence[ApiKey]:
        with self._tables.lock:
            return newest_first(self._tables.api_keys.values())

    async def revoke_api_key(self, key_id: str) -> bool:
        with self._tables.lock:
            for digest, key in self._tables.api_keys.items():
                if key.id == key_id:
                    revoked_at = key.revoked_at or self._tables.clock.now()
                    self._tables.api_keys[digest] = replace(key, revoked_at=revoked_at)
                    return True
            return False
