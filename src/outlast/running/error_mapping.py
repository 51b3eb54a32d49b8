"""Maps whatever the code of an attempt raised to an outcome, as a value."""

import logging
import random
import reprlib
import secrets

from outlast.core.analyses.analysis import Analysis
from outlast.core.analyses.payload import NotJson, NotUnderstood
from outlast.domain.backoff import backoff
from outlast.domain.decisive_error import decisive
from outlast.domain.errors import ClaimLost, Permanent, RetryAfter, StepTimeout, TooLarge
from outlast.domain.outcome import Failed, Lost, Outcome, Postponed, Unreadable
from outlast.domain.progress import StepStatus
from outlast.domain.session import AnalysisSession
from outlast.domain.storable_text import storable_text
from outlast.running.isolation_parent import IsolatedDeathError
from outlast.running.progress_tracker import ProgressTracker

log = logging.getLogger(__name__)

MAX_MESSAGE = 2_000
"""Maximum characters kept of an error's text."""
INTERNAL_ERROR = "Something went wrong on our side."
NOT_STORED = "The result could not be stored. It is our fault, not yours."


class AnalysisExitError(Exception):
    """The analysis tried to end its process, by `sys.exit()` or as Ctrl-C does."""


class CancelLeakError(Exception):
    """The analysis was cancelled by its own code: it awaited a task that was cancelled elsewhere."""


class ErrorMapper:
    """Maps the errors of one attempt to its outcome."""

    def __init__(
        self, session: AnalysisSession, analysis: Analysis, tracker: ProgressTracker, rng: random.Random
    ) -> None:
        self._session = session
        self._analysis = analysis
        self._tracker = tracker
        self._rng = rng

    def timed_out(self) -> Failed | Postponed:
        return self._retry(f"It took longer than the {self._session.timeout:g} s that it may take.", "timeout")

    def outcome_of(self, raised: BaseException) -> Outcome:
        """Return the outcome for a raised error. Never raises, even if the error's own methods do."""
        try:
            return self._classify(decisive(raised))
        except BaseException as broken:  # noqa: BLE001 - the attempt: an error may raise anything while it is read
            reference = secrets.token_hex(4)
            log.warning(
                "Session %s (%s), attempt %d raised a %s whose text cannot be read (%s); reference %s",
                *self._log_args,
                type(raised).__name__,
                type(broken).__name__,
                reference,
            )
            return self._retry(INTERNAL_ERROR, "error", reference)

    @property
    def _log_args(self) -> tuple[str, str, int]:
        return self._session.id, self._session.analysis, self._session.attempt

    def _classify(self, error: BaseException) -> Outcome:
        match error:
            case ClaimLost():
                return Lost()
            case NotUnderstood():
                return Unreadable(storable_text(_text(error)))
            case Permanent():
                return self._fail(_text(error) or "The analysis cannot be done.", "permanent")
            case RetryAfter():
                wait = min(error.seconds, self._analysis.longest_wait)
                return self._retry(_text(error) or "It will be tried again later.", "retry_after", at_least=wait)
            case StepTimeout():
                log.warning("Session %s (%s), attempt %d: %s", *self._log_args, error)
                return self._retry(_text(error), "timeout")
            case IsolatedDeathError():
                log.error("Session %s (%s), attempt %d: %s", *self._log_args, error)
                return self._retry("The analysis broke down on this input.", "crashed")
            case TooLarge() | NotJson():
                log.error("Session %s (%s), attempt %d: %s", *self._log_args, error)
                code = "too_large" if isinstance(error, TooLarge) else "not_json"
                return self._fail(NOT_STORED, code)
            case _:
                reference = secrets.token_hex(4)
                log.error(
                    "Session %s (%s), attempt %d failed; reference %s", *self._log_args, reference, exc_info=error
                )
                return self._retry(INTERNAL_ERROR, "error", reference)

    def _retry(
        self, message: str, code: str, reference: str | None = None, *, at_least: float = 0.0
    ) -> Postponed | Failed:
        if self._session.attempt >= self._session.max_attempts:
            return self._fail(message, code, reference)
        delay = max(at_least, backoff(self._session.attempt, self._rng))
        return Postponed(storable_text(message), code, reference, delay, self._tracker.stop(StepStatus.FAILED))

    def _fail(self, message: str, code: str, reference: str | None = None) -> Failed:
        return Failed(storable_text(message), code, reference, self._tracker.stop(StepStatus.FAILED))


def exit_error(error: BaseException) -> AnalysisExitError:
    """Turn a `SystemExit` or `KeyboardInterrupt` of analysis code into an error that ends only its attempt."""
    if isinstance(error, SystemExit):
        return AnalysisExitError(f"The analysis called sys.exit({reprlib.repr(error.code)}).")
    return AnalysisExitError(f"The analysis raised {type(error).__name__}.")


def _text(error: Exception) -> str:
    text = str(error)
    return text if len(text) <= MAX_MESSAGE else text[:MAX_MESSAGE] + " (shortened)"
