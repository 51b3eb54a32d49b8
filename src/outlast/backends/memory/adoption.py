"""Adoption of an anonymous visitor's sessions, results and uploads on login, in memory."""

from outlast.backends.memory.tables import MemoryPart


class MemoryAdoption(MemoryPart):
    """`adopt` of `SessionStore`."""

    async def adopt(self, anonymous: str, owner: str) -> int:
        tables = self._tables
        if anonymous == owner:
            return 0
        with tables.lock:
            moved = [
                row
                for row in tables.sessions.values()
                if row.owner == anonymous
                and (row.status.final or tables.answering(owner, row.analysis, row.subject) is None)
            ]
            for row in moved:
                tables.write(row, owner=owner)
            for session_id, (holder, result) in tables.results.items():
                if holder == anonymous:
                    tables.results[session_id] = (owner, result)
            for key in [key for key in tables.uploads if key[0] == anonymous]:
                if (owner, key[1]) not in tables.uploads:
                    tables.uploads[owner, key[1]] = tables.uploads.pop(key)
            return len(moved)
