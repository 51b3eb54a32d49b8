"""Deletion of sessions on request, in memory."""

from collections.abc import Iterable

from outlast.backends.memory.shared_runs import orphaned_runs
from outlast.backends.memory.tables import MemoryPart
from outlast.backends.uploads_in_input import uploads_in
from outlast.ports.deletions import DeleteAnswer, Deleted


class MemoryDeletions(MemoryPart):
    """`Deletions`."""

    async def delete(self, session_id: str, *, owner: str | None) -> DeleteAnswer | None:
        tables = self._tables
        with tables.lock:
            session = tables.find(session_id, owner)
            if session is not None and not session.status.final:
                return DeleteAnswer.IN_FLIGHT
            result = tables.results.get(session_id)
            if session is None and (result is None or owner not in {None, result[0]}):
                return None
            tables.drop_result(session_id)
            self._delete_facts({session_id})
            if session is not None:
                tables.forget(session_id)
                self._delete_uploads(session.owner, uploads_in(session.input))
                self._delete_orphaned_runs()
            return DeleteAnswer.DELETED

    async def delete_all(self, owner: str) -> Deleted:
        tables = self._tables
        with tables.lock:
            ended = [row.id for row in tables.sessions.values() if row.owner == owner and row.status.final]
            results = [session_id for session_id, (of, _) in tables.results.items() if of == owner]
            for session_id in results:
                tables.drop_result(session_id)
            for session_id in ended:
                tables.forget(session_id)
            facts = self._delete_facts({*ended, *results}) + self._delete_orphaned_runs()
            uploads = self._delete_uploads(owner, [sha256 for of, sha256 in tables.uploads if of == owner])
            for key in [key for key in tables.start_keys if key[0] == owner]:
                del tables.start_keys[key]
            remaining = tuple(row.id for row in tables.in_flight(owner))
            return Deleted(len(ended), len(results), uploads, facts, remaining)

    def _delete_orphaned_runs(self) -> int:
        """Delete the runs of deleted sessions; return how many facts they had."""
        runs = orphaned_runs(self._tables)
        for run_id in runs:
            self._tables.forget(run_id)
        return self._delete_facts(set(runs))

    def _delete_facts(self, session_ids: set[str]) -> int:
        found = [
            (items, item)
            for keys in self._tables.facts.values()
            for items in keys.values()
            for item, (_, _, session_id) in items.items()
            if session_id in session_ids
        ]
        for items, item in found:
            del items[item]
        return len(found)

    def _delete_uploads(self, owner: str, uploads: Iterable[str]) -> int:
        used = {
            sha256
            for row in self._tables.sessions.values()
            if row.owner == owner
            for sha256 in uploads_in(row.input)
        }
        unused = [sha256 for sha256 in uploads if sha256 not in used and (owner, sha256) in self._tables.uploads]
        for sha256 in unused:
            del self._tables.uploads[owner, sha256]
        return len(unused)
