"""Results and step durations in memory."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from outlast.backends.memory.tables import MemoryPart
from outlast.ports.results import LinkCursor, ShareLink, StepSample, StoredResult


class MemoryResults(MemoryPart):
    """`Results` and `Shares`."""

    async def result(self, session_id: str, *, owner: str | None) -> StoredResult | None:
        with self._tables.lock:
            found = self._tables.results.get(session_id)
        return self._without_expired(found[1]) if found and owner in {None, found[0]} else None

    async def share(
        self, session_id: str, token: str, *, owner: str | None, expires_at: datetime | None = None
    ) -> ShareLink | None:
        with self._tables.lock:
            found = await self.result(session_id, owner=owner)
            if found is None:
                return None
            return _link_of(self._link(found, found.share or token, expires_at or found.share_expires_at))

    async def share_links(
        self, owner: str, *, limit: int, before: LinkCursor | None = None
    ) -> Sequence[ShareLink]:
        with self._tables.lock:
            owned = [self._without_expired(result) for of, result in self._tables.results.values() if of == owner]
        links = [_link_of(result) for result in owned if result.share is not None]
        if before is not None:
            place = (before.completed_at, before.session_id)
            links = [link for link in links if (link.completed_at, link.session_id) < place]
        return sorted(links, key=lambda link: (link.completed_at, link.session_id), reverse=True)[:limit]

    async def unshare(self, session_id: str, *, owner: str | None) -> bool:
        with self._tables.lock:
            found = await self.result(session_id, owner=owner)
            if found is not None:
                self._link(found, None, None)
            return found is not None

    async def shared(self, token: str) -> StoredResult | None:
        with self._tables.lock:
            results = [self._without_expired(result) for _, result in self._tables.results.values()]
        return next((result for result in results if result.share == token), None)

    async def record_durations(self, samples: Sequence[StepSample]) -> None:
        with self._tables.lock:
            for sample in samples:
                self._tables.samples[sample.analysis][sample.step].append(sample.duration_ms)

    async def durations(self, analysis: str) -> Mapping[str, Sequence[int]]:
        with self._tables.lock:
            return {step: list(kept) for step, kept in self._tables.samples.get(analysis, {}).items()}

    def _without_expired(self, result: StoredResult) -> StoredResult:
        if result.share_expires_at is not None and result.share_expires_at <= self._tables.clock.now():
            return replace(result, share=None, share_expires_at=None)
        return result

    def _link(self, result: StoredResult, token: str | None, expires_at: datetime | None) -> StoredResult:
        owner, _ = self._tables.results[result.session_id]
        linked = replace(result, share=token, share_expires_at=expires_at)
        self._tables.results[result.session_id] = owner, linked
        return linked


def _link_of(result: StoredResult) -> ShareLink:
    assert result.share is not None  # noqa: S101 - the callers ensure it
    return ShareLink(
        result.session_id,
        result.analysis,
        result.subject,
        result.share,
        result.share_expires_at,
        result.completed_at,
    )
