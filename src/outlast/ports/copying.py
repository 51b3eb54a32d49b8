"""Moving a whole store into another: read by pages, written as it was, and shut while it moves."""

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
    """A session with all that hangs on it."""

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
    """A fact with its space and its time."""

    space: str
    stored: StoredFact
    until: datetime


class Copyable(Protocol):
    """What a store gives and takes when it moves. Pages are in the order of session ids.

    A shut store answers reads and refuses every other change of a session (a start, a claim, a cancel) with
    `StoreUnavailable`: nothing that is written to it could be lost on the way.
    """

    async def shut(self, reason: str) -> int:
        """Give back unspent all that is at work, and refuse changes from now on; answers how many were given
        back. The reason is for operators. Idempotent.
        """
        ...

    async def reopen(self) -> None:
        """Take changes again. Idempotent."""
        ...

    async def shut_because(self) -> str | None:
        """The reason; `None`: it is open."""
        ...

    async def versions(self, after: str, limit: int) -> Mapping[str, int]:
        """The next sessions after this id, with their versions."""
        ...

    async def whole_sessions(self, session_ids: Sequence[str]) -> Sequence[WholeSession]:
        """These, as far as they are there, by id."""
        ...

    async def take_sessions(self, sessions: Sequence[WholeSession], gone: Sequence[str]) -> None:
        """Write these as they are, in place of what there was, and delete those that are gone; also while shut.

        What has the same owner, analysis and subject in flight under another id makes way: its own turn comes.
        """
        ...

    async def result_owners(self, after: str, limit: int) -> Mapping[str, str]:
        """The next results' session ids, with what may change of them: the hash of their owner, then the link."""
        ...

    async def whole_results(self, session_ids: Sequence[str]) -> Sequence[OwnedResult]: ...

    async def take_results(self, results: Sequence[OwnedResult], gone: Sequence[str]) -> None:
        """As `take_sessions`."""
        ...

    async def uploads(self) -> Sequence[OwnedUpload]:
        """All that are whole; their content comes from `Blobs.chunks`."""
        ...

    async def facts_after(self, space: str, key: str, item: str, limit: int) -> Sequence[SpacedFact]:
        """The next facts, ordered by space, key and item; written by `FactStore.remember`."""
        ...

    async def samples(self) -> Sequence[StepSample]:
        """All remembered durations, each analysis and step oldest first."""
        ...
