"""Groups of calls that stop together, and the exceptions that end their code."""

from collections.abc import Callable, Generator
from contextlib import contextmanager, nullcontext, suppress
from contextvars import ContextVar
from threading import Lock


class AttemptStopped(BaseException):
    """Ends a thread whose attempt was stopped. Not an `Exception`, so that analysis code does not swallow it."""


class TryOverdue(BaseException):
    """Ends a thread in a try of a step that has exceeded its timeout. Not an `Exception`, for the same reason."""

    def __init__(self, branch: "Branch") -> None:
        super().__init__()
        self.branch = branch
        """The branch of that try."""


class Branch:
    """Calls that stop together: the remaining calls of a `map` after its first failure, or one try of a step.

    Thread-safe.
    """

    def __init__(self, outer: "Branch | None") -> None:
        self._outer = outer
        self._lock = Lock()
        self._stopped = False
        self._listeners: list[Callable[[], None]] = []
        self.overdue = False
        """The try has exceeded its timeout."""

    def stop(self) -> None:
        """Stop the calls: those that wait at once, the others at their next report or step."""
        with self._lock:
            self._stopped = True
            listeners, self._listeners = self._listeners, []
        for listener in listeners:
            listener()

    def expire(self) -> None:
        """Stop the calls because the timeout has passed."""
        self.overdue = True
        self.stop()

    @property
    def stopped_by(self) -> "Branch | None":
        """The outermost stopped branch among this one and those around it."""
        outer = None if self._outer is None else self._outer.stopped_by
        return outer or (self if self._stopped else None)

    @property
    def stopped(self) -> bool:
        return self.stopped_by is not None

    @contextmanager
    def on_stop(self, listener: Callable[[], None]) -> Generator[None]:
        """Call `listener` once this branch, or one around it, is stopped within the block; from any thread."""
        outer = nullcontext() if self._outer is None else self._outer.on_stop(listener)
        with outer:
            with self._lock:
                stopped = self._stopped
                if not stopped:
                    self._listeners.append(listener)
            if stopped:
                listener()
            try:
                yield
            finally:
                with self._lock, suppress(ValueError):
                    self._listeners.remove(listener)


_branch: ContextVar[Branch | None] = ContextVar("outlast_branch", default=None)


def current_branch() -> Branch | None:
    """Return the innermost branch that the calling code belongs to."""
    return _branch.get()


def leave_branches() -> None:
    """Let the calling context belong to no branch."""
    _branch.set(None)


def branch_off() -> Branch:
    """Create a branch of the current one for further calls in this context."""
    branch = Branch(_branch.get())
    _branch.set(branch)
    return branch


@contextmanager
def branching_off() -> Generator[Branch]:
    """Create a branch of the current one for the calls within the block."""
    branch = Branch(_branch.get())
    token = _branch.set(branch)
    try:
        yield branch
    finally:
        _branch.reset(token)
