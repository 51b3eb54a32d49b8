"""What `outlast doctor` finds: how a thing stands, and how to mend it."""

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """How serious a finding is."""

    OK = "ok"
    WARNING = "warning"
    """It works, but not for long, not for everyone or not safely."""
    PROBLEM = "problem"
    """Something does not work."""
    UNKNOWN = "unknown"
    """The check could not tell."""


@dataclass(frozen=True, slots=True)
class Finding:
    """The answer of one check."""

    check: str
    """What was looked at, such as `store`."""
    level: Level
    sentence: str
    mend: str | None = None
    """What to do about it."""


def ok(check: str, sentence: str) -> Finding:
    return Finding(check, Level.OK, sentence)


def warning(check: str, sentence: str, mend: str) -> Finding:
    return Finding(check, Level.WARNING, sentence, mend)


def problem(check: str, sentence: str, mend: str) -> Finding:
    return Finding(check, Level.PROBLEM, sentence, mend)


def unknown(check: str, sentence: str, mend: str) -> Finding:
    return Finding(check, Level.UNKNOWN, sentence, mend)


def exit_code(findings: list[Finding]) -> int:
    """1 if anything does not work, else 2 if a check could not tell, else 0."""
    levels = {finding.level for finding in findings}
    if Level.PROBLEM in levels:
        return 1
    return 2 if Level.UNKNOWN in levels else 0
