"""Unique names of step results, used as step keys instead of hashing megabytes of reviews.

A value that is made again has another name, so stored results of later steps do not match it.
"""

import secrets
from typing import Protocol


class NamedValue(Protocol):
    """A step result with a unique name."""

    @property
    def made(self) -> str: ...


def unique_name() -> str:
    return secrets.token_hex(16)


def by_name(made: NamedValue, *others: str) -> tuple[str, ...]:
    """Key of a step that takes a named value and short strings."""
    return made.made, *others
