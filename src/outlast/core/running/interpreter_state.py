"""Puts back what analysis code changes for its whole interpreter and would harm every other session in it."""

import sys
import threading
from dataclasses import dataclass
from typing import Any, Self


@dataclass(frozen=True, slots=True)
class InterpreterState:
    """The recursion limit, how modules are found, and the functions that trace and profile new threads."""

    recursion_limit: int
    imports: tuple[tuple[Any, ...], ...]
    """`sys.path`, `sys.meta_path` and `sys.path_hooks`."""
    trace: Any
    profile: Any

    @classmethod
    def capture(cls) -> Self:
        imports = tuple(tuple(found) for found in _of_imports())
        return cls(sys.getrecursionlimit(), imports, threading.gettrace(), threading.getprofile())

    def restore(self) -> None:
        """Only what differs is set."""
        if sys.getrecursionlimit() != self.recursion_limit:
            sys.setrecursionlimit(self.recursion_limit)
        for before, now in zip(self.imports, _of_imports(), strict=True):
            if not all(
                one in now for one in before
            ):  # what is imported when it is first needed would not be found
                now[:] = [*before, *(one for one in now if one not in before)]
        if threading.gettrace() is not self.trace:
            threading.settrace(self.trace)
        if threading.getprofile() is not self.profile:
            threading.setprofile(self.profile)


def _of_imports() -> tuple[list[Any], ...]:
    return sys.path, sys.meta_path, sys.path_hooks
