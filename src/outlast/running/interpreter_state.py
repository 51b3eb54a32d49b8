"""Restores interpreter-wide settings that analysis code may change to the harm of all other sessions."""

import sys
import threading
from dataclasses import dataclass
from typing import Any, Self


@dataclass(frozen=True, slots=True)
class InterpreterState:
    """Recursion limit, import paths and hooks, and the trace and profile functions of new threads."""

    recursion_limit: int
    imports: tuple[tuple[Any, ...], ...]
    """`sys.path`, `sys.meta_path` and `sys.path_hooks`."""
    trace: Any
    profile: Any

    @classmethod
    def capture(cls) -> Self:
        imports = tuple(tuple(found) for found in _import_lists())
        return cls(sys.getrecursionlimit(), imports, threading.gettrace(), threading.getprofile())

    def restore(self) -> None:
        """Restore the captured state; set only what differs."""
        if sys.getrecursionlimit() != self.recursion_limit:
            sys.setrecursionlimit(self.recursion_limit)
        for before, now in zip(self.imports, _import_lists(), strict=True):
            if not all(one in now for one in before):  # later imports would fail without the removed entries
                now[:] = [*before, *(one for one in now if one not in before)]
        if threading.gettrace() is not self.trace:
            threading.settrace(self.trace)
        if threading.getprofile() is not self.profile:
            threading.setprofile(self.profile)


def _import_lists() -> tuple[list[Any], ...]:
    return sys.path, sys.meta_path, sys.path_hooks
