"""The exceptions that control an attempt or refuse a start, with messages for people."""

import math
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Self

from outlast.domain.messages import message
from outlast.domain.questions import Question
from outlast.domain.retry_after import seconds_to_wait

ASKED_TO_WAIT = message("The source asked us to come back later.")


class OutlastError(Exception):
    """Any error that Outlast raises for its users to handle."""


class Permanent(OutlastError):
    """Raised by an analysis when a retry cannot help. The text is shown to the visitor."""


class RetryAfter(OutlastError):
    """Raised by an analysis to retry no earlier than the given time; it spends an attempt like any failure.

    `wait` is seconds (a number or a numeric string), a `timedelta`, an aware `datetime` or an HTTP date, so the
    value of a `Retry-After` header can be passed unchanged. Raises `ValueError` for anything else, including
    negative and non-finite numbers. The analysis's `longest_wait` caps the wait. The visitor reads `message` once
    no attempt is left.
    """

    def __init__(
        self,
        wait: float | str | timedelta | datetime,
        message: str = ASKED_TO_WAIT,
    ) -> None:
        super().__init__(message)
        self.seconds: float = seconds_to_wait(wait)
        """Seconds from the moment when this was raised, at least 0."""

    def __reduce__(self) -> tuple[type[Self], tuple[object, ...]]:
        """Let it pass between processes, as from a pool of an analysis."""
        return type(self), (self.seconds, *self.args)


class InvalidInput(OutlastError):
    """Refuses an input; `detail` says what is wrong with it and what to do.

    `pointer` is a JSON pointer into the input, such as `/url`; `""` is the whole input. `others` are further
    faults, each a pair of pointer and detail. The visitor can answer `questions` to fix the input: the form shows
    them in place of the field at `pointer`.

    An analysis raises it before the start, from `check`. Its own code and its steps may also raise it with
    `questions`, for what only the whole input shows: the session then fails with the code `question`, its page
    asks, and the answer restarts it after its kept steps.

    `help` is safe HTML, which the form shows below the detail: what people can do instead.

    Outlast raises it when a start's input does not match the annotations, when an uploaded file is missing or has
    expired, and at a retry whose input this version cannot read.
    """

    def __init__(
        self,
        detail: str,
        pointer: str = "",
        others: Sequence[tuple[str, str]] = (),
        *,
        questions: Sequence[Question] = (),
        help: str = "",  # noqa: A002 - the word for it
    ) -> None:
        super().__init__(detail)
        self.help = help
        """Safe HTML; empty if there is nothing else to do."""
        self.questions: Sequence[Question] = tuple(questions)
        """The questions to the visitor, perhaps none."""
        self.faults: Sequence[tuple[str, str]] = [(pointer, detail), *others]
        """Pairs of (pointer, detail), at least one."""


class AnalysisFailed(OutlastError):
    """Raised where code waits for the result of a session that failed or was cancelled.

    `code` is the session's `error_code`, `cancelled`, or `unreadable` if the kept result is not of the type that
    the analysis declares now. `reference` identifies the exception in the log of the worker, if there was one. The
    message is the one for visitors.
    """

    def __init__(
        self, code: str, reference: str | None = None, message: str = "", questions: Sequence[Question] = ()
    ) -> None:
        super().__init__(code, reference, message, questions)
        self.code = code
        """The kind of the failure, for programs."""
        self.reference = reference
        """Identifies the exception in the log of the worker."""
        self.message = message
        """What visitors read."""
        self.questions: Sequence[Question] = tuple(questions)
        """With the code `question`, what `SessionHandle.answer` answers."""

    def __str__(self) -> str:
        told = f"{self.message} ({self.code})" if self.message else self.code
        return f"{told} [reference {self.reference}]" if self.reference else told


class SessionGone(OutlastError):
    """The session has been cleaned up or deleted.

    Raised by the methods of a `SessionHandle`. By id, `Outlast.get` and its like return `None` instead.
    """


class UnknownAnalysis(OutlastError):
    """No analysis of that name is registered.

    Raised by a start by name, by `Outlast.handle`, and by the retry of a session whose analysis has been removed.
    """


class TooManyActive(OutlastError):
    """The owner has as many sessions in flight as the limit allows.

    Raised by a start with an owner; the limit is `ANALYSIS_MAX_ACTIVE_PER_OWNER`.
    """

    @classmethod
    def beside(cls, active: int) -> "TooManyActive":
        """The error for an owner with `active` sessions in flight."""
        return cls(
            message(
                "You already have {active:d} running or waiting. Wait until one has ended, or cancel one.",
                active=active,
            )
        )


class QueueFull(OutlastError):
    """As many sessions wait as the limit allows.

    Raised by every start, with or without an owner; the limit is `ANALYSIS_MAX_PENDING`.
    """

    @classmethod
    def beside(cls, waiting: int) -> "QueueFull":
        """The error of a start while `waiting` sessions wait."""
        return cls(message("{waiting:d} analyses are waiting, and no more are allowed.", waiting=waiting))


class RefreshTooSoon(OutlastError):
    """A start asks for a new result (`refresh`) before the latest one is as old as `refresh_after` demands.

    Raised by a start with an owner.
    """

    def __init__(self, age: float, seconds: float) -> None:
        super().__init__(age, seconds)
        self.seconds = seconds
        """Seconds until a new result may be asked for."""
        self._age = age

    def __str__(self) -> str:
        ago, wait = math.floor(self._age), math.ceil(self.seconds)
        return message(
            "This was analysed {ago:d} s ago. Wait {wait:d} s before you analyse it again.", ago=ago, wait=wait
        )


class TooLarge(OutlastError):
    """Something is larger than its limit allows; the text names both.

    Raised by a step or an analysis whose result is too large, which fails the attempt, and by `Facts.put`.
    """


class StepTimeout(OutlastError, TimeoutError):
    """A call of a step took longer than the step's `timeout`; the text names both."""


class ClaimLost(OutlastError):
    """A write was refused because the claim is no longer valid; the attempt must stop."""


class StoreUnavailable(OutlastError):
    """The store cannot write or does not respond (disk full, database down); nothing was acknowledged.

    Any use of the store may raise it. The same call may succeed later.
    """


class DiskAlmostFull(OutlastError):
    """Nothing new is accepted, so that started sessions can finish; nothing was stored.

    Raised by starts and uploads while less than `ANALYSIS_MIN_FREE_MB` are free on the disk of the SQLite file.
    """

    def __init__(self) -> None:
        super().__init__(
            message(
                "The disk of this site is almost full, so nothing new is accepted just now. "
                "What has been started goes on."
            )
        )


class QuotaExceeded(OutlastError):
    """The files of one owner, or of all owners, would exceed the configured space; the text says which.

    Raised by uploads; the limits are `ANALYSIS_MAX_STORED_MB_PER_OWNER` and `ANALYSIS_MAX_STORED_MB`.
    """

    def __init__(self, message: str, *, of_owner: bool = False) -> None:
        super().__init__(message)
        self.of_owner = of_owner
        """Whether the files of this owner reach the limit, so that deleting some helps."""


class StoreRefused(StoreUnavailable):
    """The store rejects the connection (wrong password, no such database): a retry cannot help."""


class ForeignKey(OutlastError):
    """This process uses another signing key than the other processes of the store."""


class SchemaOutdated(OutlastError):
    """The database's schema is not the one this version needs; `outlast migrate` brings it up to date."""


class SchemaDiffers(SchemaOutdated):
    """The database's schema has migrations that this version does not know; migrating cannot fix it."""


class MachineUnknown(OutlastError):
    """The boot id of this machine cannot be read; the text says why."""


class PackageMissing(OutlastError):
    """A setting requires packages that are not installed; the text says how to install them."""

    def __init__(self, setting: str, extra: str) -> None:
        super().__init__(f"{setting} needs packages that are not installed: pip install 'outlast[{extra}]'")
