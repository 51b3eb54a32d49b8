"""Copying a whole store to another: read in pages, written unchanged, and shut at the end."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from outlast.domain.session import AnalysisSession, AttemptRecord, KeptStep
from outlast.ports.blobs import StoredUpload
from outlast.ports.facts import StoredFact
from outlast.ports.results import StepSample, StoredResult


@dataclass(frozen=True, slots=True)
class WholeSession:
    """A session with its history and its kept steps."""

    session: AnalysisSession
    history: tuple[AttemptRecord, ...]
    kept: tuple[KeptStep, ...]


@dataclass(frozen=True, slots=True)
class OwnedResult:
    """A result with its owner's hash."""

    owner: str
    stored: StoredResult


@dataclass(frozen=True, slots=True)
class OwnedUpload:
    """An upload with its owner's hash."""

    owner: str
    stored: StoredUpload


@dataclass(frozen=True, slots=True)
class SpacedFact:
    """A fact with its space and its expiry."""

    space: str
    stored: StoredFact
    until: datetime


class Copyable(Protocol):
    """Reads and writes a whole store. Pages are in the order of session ids.

    A shut store answers reads and refuses every other change of a session (a start, a claim, a cancel) with
    `StoreUnavailable`: no write can be lost during the move.
    """

    async def shut(self, reason: str) -> int:
        """Release all processing sessions unspent, and refuse changes from now on; return how many were released.
        The reason is for operators. Idempotent.
        """
        ...

    async def reopen(self) -> None:
        """Accept changes again. Idempotent."""
        ...

    async def shut_because(self) -> str | None:
        """Return the reason; `None` if the store is open."""
        ...

    async def versions(self, after: str, limit: int) -> Mapping[str, int]:
        """Return the next sessions after this id, with their versions."""
        ...

    async def whole_sessions(self, session_ids: Sequence[str]) -> Sequence[WholeSession]:
        """Return those of these sessions that exist, by id."""
        ...

    async def take_sessions(self, sessions: Sequence[WholeSession], gone: Sequence[str]) -> None:
        """Insert or replace these sessions unchanged, and delete those in `gone`; also while shut.

        Delete any other session in flight with the same owner, analysis and subject: it is copied again later.
        """
        ...

    async def result_owners(self, after: str, limit: int) -> Mapping[str, str]:
        """Return the next results' session ids, with what may change: the owner's hash, then the link."""
        ...

    async def whole_results(self, session_ids: Sequence[str]) -> Sequence[OwnedResult]: ...

    async def take_results(self, results: Sequence[OwnedResult], gone: Sequence[str]) -> None:
        """Do as `take_sessions` does."""
        ...

    async def uploads(self) -> Sequence[OwnedUpload]:
        """Return all complete uploads; `Blobs.chunks` reads their content."""
        ...

    async def facts_after(self, space: str, key: str, item: str, limit: int) -> Sequence[SpacedFact]:
        """Return the next facts, ordered by space, key and item; `FactStore.remember` writes them."""
        ...

    async def samples(self) -> Sequence[StepSample]:
        """Return all stored durations, oldest first for each analysis and step."""
        ...
