"""Maps whatever the code of an attempt raised to an outcome, as a value."""

import random
import reprlib
import secrets
from dataclasses import replace

from outlast.core.analyses.analysis import Analysis
from outlast.core.analyses.payload import NotJson, NotUnderstood
from outlast.domain.backoff import backoff
from outlast.domain.decisive_error import decisive
from outlast.domain.error_report import ErrorReport, class_name, error_report, report_of
from outlast.domain.errors import ClaimLost, InvalidInput, Permanent, RetryAfter, StepTimeout, TooLarge
from outlast.domain.messages import message
from outlast.domain.outcome import Failed, Lost, Outcome, Postponed, Unreadable
from outlast.domain.progress import StepStatus
from outlast.domain.questions import MAX_ASKED, Asked, dump_asked
from outlast.domain.scrubbing import Scrubber
from outlast.domain.session import AnalysisSession
from outlast.domain.storable_text import storable_text
from outlast.running.isolation_parent import IsolatedDeathError, IsolatedError
from outlast.running.progress_tracker import ProgressTracker

MAX_MESSAGE = 2_000
"""Maximum characters kept of an error's text."""
INTERNAL_ERROR = message("Something went wrong on our side.")
QUESTIONS_TOO_LARGE = message("There is a question about this input, which is too long to be asked.")
NOT_STORED = message("The result could not be stored. It is our fault, not yours.")


class AnalysisExitError(Exception):
    """The analysis tried to end its process, by `sys.exit()` or as Ctrl-C does."""


class CancelLeakError(Exception):
    """The analysis was cancelled by its own code: it awaited a task that was cancelled elsewhere."""


class ErrorMapper:
    """Maps the errors of one attempt to its outcome."""

    def __init__(
        self,
        session: AnalysisSession,
        analysis: Analysis,
        tracker: ProgressTracker,
        rng: random.Random,
        scrubber: Scrubber,
    ) -> None:
        self._session = session
        self._analysis = analysis
        self._tracker = tracker
        self._rng = rng
        self._scrubber = scrubber
        self.unexpected: BaseException | None = None
        """What was raised, if the analysis did not mean to: its traceback belongs in the log."""

    def timed_out(self) -> Failed | Postponed:
        return self._retry(
            message("It took longer than the {limit:g} s that it may take.", limit=self._session.timeout),
            "timeout",
            None,
        )

    def outcome_of(self, raised: BaseException) -> Outcome:
        """Return the outcome for a raised error. Never raises, even if the error's own methods do."""
        error = raised
        try:
            error = decisive(raised)
            return self._classify(error, self._report(error, raised))
        except BaseException as broken:  # noqa: BLE001 - the attempt: an error may raise anything while it is read
            name, fault = type(error).__name__, type(broken).__name__
            unreadable = ErrorReport(name, f"The text of this error cannot be read ({fault}).", "")
            return self._retry(INTERNAL_ERROR, "error", unreadable, secrets.token_hex(4))

    def _report(self, error: BaseException, raised: BaseException) -> ErrorReport:
        if isinstance(error, IsolatedError):
            return error_report(error.exception, error.message, str(error), self._scrubber)
        report = report_of(raised, self._scrubber)
        return report if error is raised else replace(report, exception=class_name(error), message=str(error))

    def _classify(self, error: BaseException, report: ErrorReport) -> Outcome:
        match error:
            case ClaimLost():
                return Lost()
            case NotUnderstood():
                return Unreadable(storable_text(_text(error)))
            case Permanent():
                return self._fail(_text(error) or message("The analysis cannot be done."), "permanent", report)
            case InvalidInput() if error.questions:
                asked = dump_asked(Asked(error.faults[0][0], error.questions))
                if len(asked) > MAX_ASKED:
                    return self._fail(QUESTIONS_TOO_LARGE, "too_large", report)
                return replace(self._fail(_text(error), "question", report), asked=asked)
            case RetryAfter():
                wait = min(error.seconds, self._analysis.longest_wait)
                told = _text(error) or message("It will be tried again later.")
                return self._retry(told, "retry_after", report, at_least=wait)
            case StepTimeout():
                return self._retry(_text(error), "timeout", report)
            case IsolatedDeathError():
                return self._retry(message("The analysis broke down on this input."), "crashed", report)
            case TooLarge() | NotJson():
                code = "too_large" if isinstance(error, TooLarge) else "not_json"
                return self._fail(NOT_STORED, code, report)
            case _:
                self.unexpected = error
                return self._retry(INTERNAL_ERROR, "error", report, secrets.token_hex(4))

    def _retry(
        self,
        sentence: str,
        code: str,
        report: ErrorReport | None,
        reference: str | None = None,
        *,
        at_least: float = 0.0,
    ) -> Postponed | Failed:
        if self._session.attempt >= self._session.max_attempts:
            return self._fail(sentence, code, report, reference)
        delay = max(at_least, backoff(self._session.attempt, self._rng))
        last_step, steps = self._tracker.last_step, self._tracker.stop(StepStatus.FAILED)
        return Postponed(storable_text(sentence), code, reference, delay, steps, last_step, report)

    def _fail(self, sentence: str, code: str, report: ErrorReport | None, reference: str | None = None) -> Failed:
        last_step, steps = self._tracker.last_step, self._tracker.stop(StepStatus.FAILED)
        return Failed(storable_text(sentence), code, reference, steps, last_step, report)


def exit_error(error: BaseException) -> AnalysisExitError:
    """Turn a `SystemExit` or `KeyboardInterrupt` of analysis code into an error that ends only its attempt."""
    if isinstance(error, SystemExit):
        return AnalysisExitError(f"The analysis called sys.exit({reprlib.repr(error.code)}).")
    return AnalysisExitError(f"The analysis raised {type(error).__name__}.")


def _text(error: Exception) -> str:
    text = str(error)
    return text if len(text) <= MAX_MESSAGE else text[:MAX_MESSAGE] + " (shortened)"
