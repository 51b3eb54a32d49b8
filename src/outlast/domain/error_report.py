"""What operators read about an error: its class, message and traceback, without secrets and limited in size."""

import traceback
from dataclasses import dataclass
from typing import Final

from outlast.domain.printable import printable, printable_lines
from outlast.domain.scrubbing import Scrubber

MAX_CLASS: Final = 200
"""Maximum bytes of a class name."""
MAX_MESSAGE: Final = 2_048
"""Maximum bytes of a message."""
MAX_TRACEBACK: Final = 16_384
"""Maximum bytes of a traceback; its beginning and its end are kept."""
MAX_SCRUBBED: Final = 65_536
"""Characters at each end of a text that are searched for secrets; what is between them is omitted."""


@dataclass(frozen=True, slots=True)
class ErrorReport:
    """One error for operators; it is never sent to visitors."""

    exception: str
    """The class, with its module."""
    message: str
    traceback: str


def report_of(error: BaseException, scrubber: Scrubber) -> ErrorReport:
    """Describe an error. May raise whatever the error's own methods raise."""
    return error_report(
        class_name(error), str(error), "".join(traceback.format_exception(error, limit=-200)), scrubber
    )


def error_report(exception: str, message: str, trace: str, scrubber: Scrubber) -> ErrorReport:
    """Return the report with these texts scrubbed, without control characters, and shortened."""
    return ErrorReport(
        shortened(printable(scrubber.scrub(shortened(exception, MAX_CLASS))), MAX_CLASS),
        clean(message, MAX_MESSAGE, scrubber),
        clean(trace, MAX_TRACEBACK, scrubber),
    )


def class_name(error: BaseException) -> str:
    """Return the name of the error's class with its module, or without it for a built-in one."""
    kind = type(error)
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


def clean(text: str, limit: int, scrubber: Scrubber) -> str:
    """Return the text without secrets and control characters, of at most `limit` bytes."""
    if len(text) > 2 * MAX_SCRUBBED:
        text = text[:MAX_SCRUBBED] + _omission(len(text) - 2 * MAX_SCRUBBED) + text[-MAX_SCRUBBED:]
    return shortened(printable_lines(scrubber.scrub(text)), limit)


def shortened(text: str, limit: int) -> str:
    """Return the text with at most `limit` bytes in UTF-8: its beginning and its end."""
    whole = text.encode(errors="replace")
    if len(whole) <= limit:
        return whole.decode()
    omission = _omission(len(whole) - limit)
    half = (limit - len(omission.encode()) - 8) // 2
    return whole[:half].decode(errors="ignore") + omission + whole[-half:].decode(errors="ignore")


def _omission(size: int) -> str:
    return f"\n[{size} or more omitted]\n"
