"""The errors that steer an attempt or refuse a start, with sentences for people."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from outlast.domain.retry_after import seconds_to_wait


class OutlastError(Exception):
    """Any error that Outlast raises for its users to handle."""


class Permanent(OutlastError):
    """Raised by an analysis: trying again cannot help. The text is shown to the visitor."""


class RetryAfter(OutlastError):
    """Raised by an analysis: try again, but not before the given time; it costs an attempt as any failure.

    `wait` is seconds (a number or a numeric string), a `timedelta`, an aware `datetime` or an HTTP date, so that
    the value of a `Retry-After` header can be passed on as it came. Raises `ValueError` for anything else, for
    negative numbers, and for those that are not finite. The analysis's `longest_wait` caps it. The visitor reads
    `message` once no attempt is left.
    """

    def __init__(
        self,
        wait: float | str | timedelta | datetime,
        message: str = "The source asked us to come back later.",
    ) -> None:
        super().__init__(message)
        self.seconds = seconds_to_wait(wait)
        """Seconds from the moment in which this was raised, at least 0."""


@dataclass(frozen=True, slots=True)
class Question:
    """A choice that an input leaves open, for the form to ask and a program to answer.

    `name` is the key of the answer within the input at the fault's pointer, which is an object of texts; `options`
    are pairs of a value and what the visitor reads; `chosen` is the value that stands there at first.
    """

    name: str
    label: str
    options: Sequence[tuple[str, str]]
    chosen: str | None = None
    required: bool = False


class InvalidInput(OutlastError):
    """Refuses a start: `detail` says what is wrong with the input and what to do.

    `pointer` is a JSON pointer into the input; `others` are further faults found at the same time. `questions`
    are what the visitor can answer to mend it: the form asks them in the place of the field that `pointer` names.
    """

    def __init__(
        self,
        detail: str,
        pointer: str = "",
        others: Sequence[tuple[str, str]] = (),
        *,
        questions: Sequence[Question] = (),
    ) -> None:
        super().__init__(detail)
        self.questions = tuple(questions)
        self.faults: Sequence[tuple[str, str]] = [(pointer, detail), *others]
        """Each (pointer, detail), at least one."""


class UnknownAnalysis(OutlastError):
    """No analysis of that name is registered."""


class TooManyActive(OutlastError):
    """The owner has as many sessions in flight as the limit allows."""


class QueueFull(OutlastError):
    """As many sessions wait as the limit allows."""


class TooLarge(OutlastError):
    """Something is larger than its limit allows; the text names both."""


class ClaimLost(OutlastError):
    """A write was refused because another has the session now; the attempt must stop."""


class StoreUnavailable(OutlastError):
    """The store cannot write now, or does not answer (disk full, database away); nothing was acknowledged."""


class DiskAlmostFull(OutlastError):
    """Nothing new is accepted, so that what has been started can end; nothing was stored."""

    def __init__(self) -> None:
        super().__init__(
            "The disk of this site is almost full, so nothing new is accepted just now. "
            "What has been started goes on."
        )


class QuotaExceeded(OutlastError):
    """The files of one owner, or of all, would take more space than the settings allow; the text says which."""


class StoreRefused(StoreUnavailable):
    """The store does not let this process in (a wrong password, no such database): waiting cannot help."""


class ForeignKey(OutlastError):
    """This process signs with a key that the other processes of the store do not know."""


class SchemaOutdated(OutlastError):
    """The database's schema is not the one this version needs; `outlast migrate` brings it up to date."""


class SchemaDiffers(SchemaOutdated):
    """The database's schema was made by migrations that this version does not have; migrating cannot mend it."""


class MachineUnknown(OutlastError):
    """What tells this boot of this machine from others cannot be read; the text says why."""


class PackageMissing(OutlastError):
    """A setting needs packages that are not installed; the text says how to install them."""

    def __init__(self, setting: str, extra: str) -> None:
        super().__init__(f"{setting} needs packages that are not installed: pip install 'outlast[{extra}]'")
