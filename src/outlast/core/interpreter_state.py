"""Puts back what analysis code changes for its whole interpreter and would harm every other session in it."""

import sys
import threading
from dataclasses import dataclass
from typing import Any, Self


@dataclass(frozen=True, slots=True)
class InterpreterState:
    """The recursion limit, where modules are found, and the functions that trace and profile new threads."""

    recursion_limit: int
    path: tuple[str, ...]
    trace: Any
    profile: Any

    @classmethod
    def capture(cls) -> Self:
        return cls(sys.getrecursionlimit(), tuple(sys.path), threading.gettrace(), threading.getprofile())

    def restore(self) -> None:
        """Only what differs is set."""
        if sys.getrecursionlimit() != self.recursion_limit:
            sys.setrecursionlimit(self.recursion_limit)
        if not set(self.path) <= set(sys.path):  # what is imported when it is first needed would not be found
            sys.path[:] = [*self.path, *(place for place in sys.path if place not in self.path)]
        if threading.gettrace() is not self.trace:
            threading.settrace(self.trace)
        if threading.getprofile() is not self.profile:
            threading.setprofile(self.profile)
