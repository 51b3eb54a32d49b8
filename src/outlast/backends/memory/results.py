"""Results and step durations in memory."""

from collections.abc import Mapping, Sequence

from outlast.backends.memory.room import Room
from outlast.ports.results import StepSample, StoredResult


class MemoryResults(Room):
    """`Results`."""

    async def result(self, session_id: str, *, owner: str | None) -> StoredResult | None:
        with self._tables.lock:
            found = self._tables.results.get(session_id)
        return found[1] if found and owner in {None, found[0]} else None

    async def learn(self, samples: Sequence[StepSample]) -> None:
        with self._tables.lock:
            for sample in samples:
                self._tables.samples[sample.analysis][sample.step].append(sample.duration_ms)

    async def durations(self, analysis: str) -> Mapping[str, Sequence[int]]:
        with self._tables.lock:
            return {step: list(kept) for step, kept in self._tables.samples.get(analysis, {}).items()}
