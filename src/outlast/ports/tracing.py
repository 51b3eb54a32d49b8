"""Traces: one for each start, which its attempts and their steps belong to, in whatever process they run."""

from contextlib import AbstractContextManager
from typing import Protocol

from outlast.domain.outcome import Outcome
from outlast.domain.session import AnalysisSession


class AttemptTrace(Protocol):
    """The trace of one attempt, from its creation to `end`."""

    def enter(self) -> None:
        """Make the attempt the current span of the running context, so that those of analysis code are in it."""
        ...

    def step(self, name: str) -> AbstractContextManager[object]:
        """Trace one call of a step, in the context of the calling code."""
        ...

    def end(self, outcome: Outcome) -> None:
        """End the attempt."""
        ...


class Tracing(Protocol):
    """Creates traces."""

    def start(self, analysis: str, traceparent: str | None) -> AbstractContextManager[str | None]:
        """Trace the start of a session within the block; yields the value to store with the session.

        The start belongs to the current span of the caller, else to the `traceparent` of the request. The value is
        in the format of W3C Trace Context, or `None` if nobody collects traces.
        """
        ...

    def attempt(self, session: AnalysisSession) -> AttemptTrace:
        """Trace an attempt that begins now, as part of the trace of the session's start."""
        ...
