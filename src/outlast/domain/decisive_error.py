"""Decides which of the errors in an exception group determines what happens to the session."""

from collections.abc import Iterator
from typing import cast

from outlast.domain.errors import ClaimLost, Permanent, RetryAfter


def decisive(error: BaseException) -> BaseException:
    """The error itself, or of a group, however nested, the member that decides.

    A lost claim comes first, as nothing may be written then; then a `Permanent`, as trying again cannot help;
    then the `RetryAfter` with the longest wait. A group without any of these stays the group.
    """
    leaves = list(_leaves(error))
    for kind in (ClaimLost, Permanent):
        for leaf in leaves:
            if isinstance(leaf, kind):
                return leaf
    waits = [leaf for leaf in leaves if isinstance(leaf, RetryAfter)]
    return max(waits, key=lambda leaf: leaf.seconds) if waits else error


def _leaves(error: BaseException) -> Iterator[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        group = cast("BaseExceptionGroup[BaseException]", error)
        for member in group.exceptions:
            yield from _leaves(member)
    else:
        yield error
