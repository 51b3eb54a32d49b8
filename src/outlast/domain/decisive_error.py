"""Selects the error of an exception group that determines the outcome of the attempt."""

from collections.abc import Iterator
from typing import cast

from outlast.domain.errors import ClaimLost, Permanent, RetryAfter


def decisive(error: BaseException) -> BaseException:
    """Return the error itself, or the decisive member of a group, however deeply nested.

    A `ClaimLost` comes first, since nothing may be written then; then a `Permanent`, since a retry cannot help;
    then the `RetryAfter` with the longest wait. A group without any of these is returned as it is.
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
