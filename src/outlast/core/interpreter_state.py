"""Puts back what analysis code changes for its whole interpreter and would harm every other session in it."""

import sys
import threading
from dataclasses import dataclass
from typing import Any, Self


@dataclass(frozen=True, slots=True)
class InterpreterState:
    """The recursion limit, and the functions that trace and profile new threads."""

    recursion_limit: int
    trace: Any
    profile: Any

    @classmethod
    def capture(cls) -> Self:
        return cls(sys.getrecursionlimit(), threading.gettrace(), threading.getprofile())

    def restore(self) -> None:
        """Only what differs is set."""
        if sys.getrecursionlimit() != self.recursion_limit:
            sys.setrecursionlimit(self.recursion_limit)
        if threading.gettrace() is not self.trace:
            threading.settrace(self.trace)
        if threading.getprofile() is not self.profile:
            threading.setprofile(self.profile)
