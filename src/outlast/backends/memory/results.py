"""Results and step durations in memory."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from outlast.backends.memory.tables import MemoryPart
from outlast.ports.results import StepSample, StoredResult


class MemoryResults(MemoryPart):
    """`Results` and `Shares`."""

    async def result(self, session_id: str, *, owner: str | None) -> StoredResult | None:
        with self._tables.lock:
            found = self._tables.results.get(session_id)
        return found[1] if found and owner in {None, found[0]} else None

    async def share(self, session_id: str, token: str, *, owner: str | None) -> str | None:
        with self._tables.lock:
            found = await self.result(session_id, owner=owner)
            if found is not None and found.share is None:
                found = self._link(found, token)
            return found.share if found else None

    async def unshare(self, session_id: str, *, owner: str | None) -> bool:
        with self._tables.lock:
            found = await self.result(session_id, owner=owner)
            if found is not None:
                self._link(found, None)
            return found is not None

    async def shared(self, token: str) -> StoredResult | None:
        with self._tables.lock:
            results = [result for _, result in self._tables.results.values()]
        return next((result for result in results if result.share == token), None)

    async def record_durations(self, samples: Sequence[StepSample]) -> None:
        with self._tables.lock:
            for sample in samples:
                self._tables.samples[sample.analysis][sample.step].append(sample.duration_ms)

    async def durations(self, analysis: str) -> Mapping[str, Sequence[int]]:
        with self._tables.lock:
            return {step: list(kept) for step, kept in self._tables.samples.get(analysis, {}).items()}

    def _link(self, result: StoredResult, token: str | None) -> StoredResult:
        owner, _ = self._tables.results[result.session_id]
        linked = replace(result, share=token)
        self._tables.results[result.session_id] = owner, linked
        return linked
