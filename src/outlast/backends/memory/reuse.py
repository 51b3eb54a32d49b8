"""Starts that reuse a fresh result, in memory."""

from dataclasses import replace

from outlast.backends.memory.tables import MemoryPart
from outlast.domain.progress import Progress, skipped_steps
from outlast.domain.session import AnalysisSession, NewSession, pending_session
from outlast.domain.status import Status
from outlast.ports.results import StoredResult
from outlast.ports.store import Added


class MemoryReuse(MemoryPart):
    """The part of `SessionStore` that answers starts with earlier results."""

    async def reuse(self, new: NewSession, *, fresh_for: float) -> Added | None:
        tables = self._tables
        with tables.lock:
            made = self._newest_reusable(new)
            if made is None or self._age(made) >= fresh_for:
                return None
            if tables.answering(new.owner, new.analysis, new.subject) is not None:
                return None
            known = self._known(new.owner, made.session_id)
            if known is not None:
                return Added(known, existing=True)
            now = tables.clock.now()
            row = replace(
                pending_session(new, now, tables.next_version(0)),
                status=Status.COMPLETED,
                progress=Progress(100.0, steps=skipped_steps(new.steps)),
                completed_at=now,
                redirect_url=made.redirect_url,
                result_bytes=len(made.result.encode()),
                result_of=made.session_id,
                result_at=made.completed_at,
            )
            tables.sessions[row.id] = row
            tables.timed_from[row.id] = tables.clock.monotonic()
            copy = replace(made, session_id=row.id, completed_at=now, share=None, share_expires_at=None)
            tables.results[row.id] = (row.owner, copy)
            return Added(row, existing=False)

    async def result_age(self, new: NewSession) -> float | None:
        with self._tables.lock:
            made = self._newest_reusable(new)
            return None if made is None else self._age(made)

    def _age(self, made: StoredResult) -> float:
        return (self._tables.clock.now() - made.completed_at).total_seconds()

    def _newest_reusable(self, new: NewSession) -> StoredResult | None:
        tables = self._tables
        made = [
            result
            for session_id, (_, result) in tables.results.items()
            if new.reuse_key is not None
            and tables.reuse_keys.get(session_id) == new.reuse_key
            and (result.analysis, result.subject) == (new.analysis, new.subject)
        ]
        return max(made, key=lambda result: result.completed_at, default=None)

    def _known(self, owner: str, made_by: str) -> AnalysisSession | None:
        for row in self._tables.sessions.values():
            if row.owner == owner and made_by in {row.id, row.result_of} and row.id in self._tables.results:
                return row
        return None
