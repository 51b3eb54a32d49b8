"""A row of the menagerie: what one hostile analysis does, in which kinds, and how it may end."""

import errno
import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ASYNC, DEF, PROCESS = "async", "def", "process"
KINDS = (ASYNC, DEF, PROCESS)
COMPLETED = "completed"
POSTPONED = "postponed"
"""The session waits for its next attempt, at most a day."""
TIMEOUT = 3.0
"""Timeout in seconds of an attempt that is expected to time out."""
PATIENT = 20.0
"""Timeout in seconds of any other attempt, long enough to start a process on a busy machine."""

EFFECTS = Path(os.environ.get("HOSTILE_EFFECTS", "effects")).absolute()
"""Read at import, since analyses change the working directory and the environment."""

Code = Callable[[str], Any]
"""Takes the session's tag, which is unique."""


@dataclass(frozen=True, eq=False)
class Row:
    """One hostile analysis."""

    name: str
    what: str
    """Description, in one line."""
    code: Mapping[str, Code]
    """By kind. A coroutine function for `async`; `process` takes either."""
    ends: frozenset[str]
    """Error codes of a failure, `completed` or `postponed`."""
    alone: frozenset[str] = frozenset()
    """Kinds that harm the whole worker process, so they run in a server of their own."""
    hangs: frozenset[str] = frozenset()
    """Kinds whose code still runs after its timeout."""
    fatal: frozenset[str] = frozenset()
    """Kinds that may crash their worker, so they may end as `quarantined`."""
    attempts: int = 1
    timeout: float = PATIENT
    children: bool = False
    """It starts processes, which must have exited once its worker is replaced."""
    only: frozenset[str] = field(default_factory=frozenset)
    """Deployments where it makes sense; empty: all."""

    def expected(self, kind: str) -> frozenset[str]:
        return self.ends | {"quarantined"} if kind in self.fatal else self.ends


def note(*words: object) -> None:
    """Append a line to the file of effects: what really happened, independent of the store."""
    sink = _opened()
    try:
        os.write(sink, (" ".join(map(str, words)) + "\n").encode())
    finally:
        os.close(sink)


def _opened() -> int:
    """Open the file, retrying while a hostile analysis uses up the process's descriptors."""
    while True:
        try:
            return os.open(EFFECTS, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        except OSError as error:
            if error.errno != errno.EMFILE:
                raise
            time.sleep(0.05)


class Table:
    """Collects rows with unique names."""

    def __init__(self) -> None:
        self.rows: dict[str, Row] = {}

    def add(self, row: Row) -> None:
        if row.name in self.rows:
            raise ValueError(f"There is a row {row.name!r} already.")
        self.rows[row.name] = row

    def both(self, name: str, what: str, act: Code, *ends: str, **about: Any) -> None:
        """Add a row with the same blocking code in all kinds: event loop, thread, process."""

        async def on_the_loop(tag: str) -> Any:
            return act(tag)

        on_the_loop.__annotations__ = dict(act.__annotations__)
        self._add(name, what, {ASYNC: on_the_loop, DEF: act, PROCESS: on_the_loop}, ends, about)

    def coroutine(self, name: str, what: str, act: Code, *ends: str, **about: Any) -> None:
        """Add a row for coroutine code: `async` and `process`."""
        self._add(name, what, {ASYNC: act, PROCESS: act}, ends, about)

    def blocking(self, name: str, what: str, act: Code, *ends: str, **about: Any) -> None:
        """Add a row for code in a thread: `def` and `process`."""
        self._add(name, what, {DEF: act, PROCESS: act}, ends, about)

    def pair(self, name: str, what: str, coroutine: Code, act: Code, *ends: str, **about: Any) -> None:
        """Add a row whose code exists both as a coroutine and as a function."""
        self._add(name, what, {ASYNC: coroutine, DEF: act, PROCESS: coroutine}, ends, about)

    def isolated(self, name: str, what: str, act: Code, *ends: str, **about: Any) -> None:
        """Add a row that runs only with `isolation="process"`."""
        self._add(name, what, {PROCESS: act}, ends, about)

    def _add(
        self, name: str, what: str, code: dict[str, Code], ends: Sequence[str], about: dict[str, Any]
    ) -> None:
        for key in ("alone", "hangs", "fatal", "only"):
            about[key] = frozenset(about.get(key, ()))
        about["alone"] |= (about["hangs"] | about["fatal"]) - {PROCESS}
        if "timeout" in ends and "timeout" not in about:
            about["timeout"] = TIMEOUT
        kinds = about.pop("kinds", KINDS)
        chosen = {kind: work for kind, work in code.items() if kind in kinds}
        self.add(Row(name, what, chosen, frozenset(ends or ("error",)), **about))


IN_PROCESS = (ASYNC, DEF)
"""The kinds that share the worker's own process."""
