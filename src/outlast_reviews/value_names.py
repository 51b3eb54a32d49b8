"""What tells one value that a step has made from any other, so that nothing large needs to be hashed for it.

Megabytes of reviews go from step to step. Each set of them carries a name of its own, given when it was made and
kept with it; the steps that take it are kept by that name. A set that is made again has another name, and what was
kept of the earlier one is not used for it.
"""

import secrets
from typing import Protocol


class NamedValue(Protocol):
    """A value that a step has made."""

    @property
    def made(self) -> str: ...


def new_name() -> str:
    return secrets.token_hex(16)


def by_name(made: NamedValue, *besides: str) -> tuple[str, ...]:
    """The key of a step that takes such a value and small ones."""
    return made.made, *besides
