"""The store in memory: sessions, results, uploads, facts and workers behind one lock."""

from collections.abc import Sequence
from typing import ClassVar

from outlast.backends.memory.api_keys import MemoryApiKeys
from outlast.backends.memory.audit import MemoryAuditLog
from outlast.backends.memory.blobs import MemoryBlobs
from outlast.backends.memory.callbacks import MemoryCallbacks
from outlast.backends.memory.deletions import MemoryDeletions
from outlast.backends.memory.facts import MemoryFacts
from outlast.backends.memory.failures import MemoryFailures
from outlast.backends.memory.metrics import MemoryMetrics
from outlast.backends.memory.overview import MemoryOverview
from outlast.backends.memory.pauses import MemoryPauses
from outlast.backends.memory.recovery import MemoryRecovery
from outlast.backends.memory.results import MemoryResults
from outlast.backends.memory.reuse import MemoryReuse
from outlast.backends.memory.sessions import MemorySessions
from outlast.backends.memory.start_keys import MemoryStartKeys
from outlast.backends.memory.tables import MemoryTables
from outlast.backends.memory.verbs import MemoryVerbs
from outlast.backends.memory.workers import MemoryWorkers
from outlast.ports.clock import Clock


class MemoryStore(
    MemorySessions,
    MemoryReuse,
    MemoryVerbs,
    MemoryRecovery,
    MemoryFailures,
    MemoryDeletions,
    MemoryOverview,
    MemoryPauses,
    MemoryResults,
    MemoryBlobs,
    MemoryFacts,
    MemoryAuditLog,
    MemoryMetrics,
    MemoryStartKeys,
    MemoryCallbacks,
    MemoryApiKeys,
    MemoryWorkers,
):
    """`SessionStore` and the other ports of a store, in one process. Safe from any thread and event loop.

    Its content ends with the process, so "durable" only means visible to the next read.
    """

    concurrent_reads: ClassVar[bool] = True

    def __init__(self, clock: Clock) -> None:
        super().__init__(MemoryTables(clock))

    async def open(self, *, migrate: bool) -> Sequence[str]:  # noqa: ARG002 - the port's
        """Do nothing: there is no schema."""
        return ()

    async def enrol_key(self, fingerprints: Sequence[str]) -> bool:
        enrolled = self._tables.enrolled
        with self._tables.lock:
            if enrolled and enrolled.isdisjoint(fingerprints):
                return False
            enrolled.add(fingerprints[0])
            return True

    async def check(self) -> None:
        """Do nothing: memory is always writable."""

    async def close(self) -> None:
        """Do nothing: nothing is open."""
