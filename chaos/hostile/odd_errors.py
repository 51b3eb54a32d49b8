"""Errors that are hard to map to an outcome: odd waits, unreadable errors, groups, subclasses."""

import asyncio
import math
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

from hostile.row import POSTPONED, Table
from outlast import Permanent, RetryAfter


class PermanentSubclass(Permanent):
    """A plain subclass of `Permanent`."""


class Busy(RetryAfter):
    """A subclass of `RetryAfter` with another signature."""

    def __init__(self) -> None:
        super().__init__(30, "The vendor is busy.")


class Picky(Permanent):
    """A subclass that cannot be created from a text alone."""

    def __init__(self, code: int, *, vendor: str) -> None:
        super().__init__(f"{vendor} said {code}")
        self.code = code


class StrRaises(Permanent):
    def __str__(self) -> str:
        raise ValueError("no text for you")


class StrExits(Permanent):
    def __str__(self) -> str:
        raise SystemExit(3)


class StrNone(Permanent):
    def __str__(self) -> str:
        return None  # noqa: PLE0307 - the row under test


class StrSubclass(Permanent):
    def __str__(self) -> str:
        class Text(str):  # noqa: SLOT000 - one is made
            def __str__(self) -> str:
                raise ValueError("again")

            def __bool__(self) -> bool:
                raise ValueError("neither true nor false")

        return Text("text")


class StrRecurses(Permanent):
    def __str__(self) -> str:
        return str(self)


class StrBlocks(Permanent):
    """`__str__` blocks for a second."""

    def __str__(self) -> str:
        import time

        time.sleep(1)
        return "slow"


class ReprRaises(Exception):
    def __repr__(self) -> str:
        raise ValueError("no repr")

    __str__ = __repr__


class ReprExits(Exception):
    def __repr__(self) -> str:
        raise SystemExit(3)

    __str__ = __repr__


class SecondsRaise(RetryAfter):
    """`seconds` is a property that raises."""

    def __init__(self) -> None:
        Exception.__init__(self, "later")

    @property
    def seconds(self) -> float:
        raise RuntimeError("no seconds")


class NoInit(RetryAfter):
    """Does not call `super().__init__`, so it has no `seconds`."""

    def __init__(self) -> None:
        pass


class ClassLies(Exception):
    """`__class__` raises."""

    @property
    def __class__(self) -> type:
        raise RuntimeError("no class")


class AttributesRaise(Exception):
    def __getattribute__(self, name: str) -> Any:
        raise RuntimeError(f"no {name}")


class EqRaises(Exception):
    def __eq__(self, other: object) -> bool:
        raise RuntimeError("not comparable")

    __hash__ = None


def raises(make: Callable[[], BaseException]) -> Callable[[str], Any]:
    def hostile(tag: str) -> None:
        raise make()

    return hostile


def cyclic() -> BaseException:
    first, second = ValueError("first"), ValueError("second")
    first.__cause__, second.__cause__ = second, first
    first.__context__, second.__context__ = second, first
    return first


def long_chain() -> BaseException:
    error: BaseException = ValueError("0")
    for n in range(3_000):
        following = ValueError(str(n))
        following.__cause__ = error
        error = following
    return error


def deep_group(leaf: BaseException, depth: int) -> BaseException:
    for n in range(depth):
        leaf = BaseExceptionGroup(f"level {n}", [leaf])
    return leaf


def group_of_itself() -> BaseException:
    members: list[BaseException] = [ValueError("a")]
    group = ExceptionGroup("g", members)
    group.__cause__ = group
    return group


def huge_text() -> BaseException:
    return Permanent("x" * (32 << 20))


def odd_text() -> BaseException:
    return Permanent("a\x00b\ud800c\x1b[31m\u202e</script><script>alert(1)</script>")


def notes_lie() -> BaseException:
    error = ValueError("notes")
    error.__notes__ = 7
    return error


def long_traceback() -> BaseException:
    def down(n: int) -> None:
        if n == 0:
            raise ValueError("deep down")
        down(n - 1)

    try:
        down(900)
    except ValueError as error:
        return error
    return ValueError


async def leaked(tag: str) -> None:
    """Await a task that was cancelled elsewhere."""
    task = asyncio.create_task(asyncio.sleep(60))
    asyncio.get_running_loop().call_later(0.05, task.cancel)
    await task


async def cancels_itself(tag: str) -> None:
    task = asyncio.current_task()
    if task:
        task.cancel()
    await asyncio.sleep(1)


async def cancels_and_returns(tag: str) -> str:
    """Cancel the current task and return before the cancellation is delivered."""
    task = asyncio.current_task()
    if task:
        task.cancel()
    return "done"


async def leaks_a_timeout(tag: str) -> None:
    async with asyncio.timeout(0.05):
        await asyncio.sleep(60)


def add_to(table: Table) -> None:
    again = {"attempts": 2}
    later = (POSTPONED, "retry_after")
    refused = ("error", "retry_after", POSTPONED)
    at = datetime(2030, 1, 1, tzinfo=UTC)
    soon = datetime.now(UTC) + timedelta(hours=1)
    pauses: list[tuple[str, str, Callable[[], BaseException], tuple[str, ...]]] = [
        ("retry_30", "RetryAfter(30)", lambda: RetryAfter(30), later),
        ("retry_text", 'RetryAfter("30")', lambda: RetryAfter("30"), later),
        ("retry_blank_text", 'RetryAfter(" 30 ")', lambda: RetryAfter(" 30 "), refused),
        ("retry_timedelta", "RetryAfter(timedelta(seconds=30))", lambda: RetryAfter(timedelta(seconds=30)), later),
        (
            "retry_date",
            "RetryAfter with an HTTP date",
            lambda: RetryAfter(format_datetime(soon, usegmt=True)),
            later,
        ),
        (
            "retry_far_date",
            "RetryAfter with an HTTP date years away",
            lambda: RetryAfter(format_datetime(at, usegmt=True)),
            refused,
        ),
        (
            "retry_past_date",
            "RetryAfter with an HTTP date of 1999",
            lambda: RetryAfter("Fri, 31 Dec 1999 23:59:59 GMT"),
            refused,
        ),
        ("retry_epoch", "RetryAfter(1764446400), an epoch", lambda: RetryAfter(1764446400), refused),
        ("retry_1e12", "RetryAfter(1e12)", lambda: RetryAfter(1e12), refused),
        ("retry_huge", "RetryAfter(10**400)", lambda: RetryAfter(10**400), refused),
        ("retry_inf", "RetryAfter(inf)", lambda: RetryAfter(math.inf), refused),
        ("retry_nan", "RetryAfter(nan)", lambda: RetryAfter(math.nan), refused),
        ("retry_text_inf", 'RetryAfter("inf")', lambda: RetryAfter("inf"), refused),
        ("retry_negative", "RetryAfter(-1)", lambda: RetryAfter(-1), refused),
        ("retry_word", 'RetryAfter("soon")', lambda: RetryAfter("soon"), refused),
        ("retry_none", "RetryAfter(None)", lambda: RetryAfter(None), refused),
        ("retry_huge_text", "RetryAfter of 5,000 digits", lambda: RetryAfter("9" * 5_000), refused),
        ("retry_huge_delta", "RetryAfter(timedelta.max)", lambda: RetryAfter(timedelta.max), refused),
        ("retry_message", "RetryAfter(1, message=an object)", lambda: RetryAfter(1, object()), refused),
        ("retry_no_seconds", "RetryAfter whose __init__ was never called", NoInit, refused),
        ("retry_seconds_raise", "RetryAfter whose seconds raise", SecondsRaise, refused),
        ("retry_subclass", "a subclass of RetryAfter", Busy, later),
        ("retry_group", "RetryAfter in an ExceptionGroup", lambda: ExceptionGroup("g", [RetryAfter(30)]), later),
        ("retry_nested", "RetryAfter, 3 ExceptionGroups deep", lambda: deep_group(Busy(), 3), later),
        (
            "retry_mixed",
            "RetryAfter and ValueError in a group",
            lambda: ExceptionGroup("g", [ValueError("x"), RetryAfter(30)]),
            refused,
        ),
    ]
    for name, what, make, ends in pauses:
        table.both(name, what, raises(make), *ends, **again)
    errors: list[tuple[str, str, Callable[[], BaseException], tuple[str, ...]]] = [
        ("permanent_subclass", "a subclass of Permanent", lambda: PermanentSubclass("gone"), ("permanent",)),
        (
            "permanent_signature",
            "a subclass of Permanent with a signature of its own",
            lambda: Picky(7, vendor="v"),
            ("permanent",),
        ),
        (
            "permanent_group",
            "Permanent in an ExceptionGroup",
            lambda: ExceptionGroup("g", [PermanentSubclass("gone")]),
            ("permanent",),
        ),
        (
            "permanent_nested",
            "Permanent, 3 ExceptionGroups deep",
            lambda: deep_group(Permanent("gone"), 3),
            ("permanent",),
        ),
        (
            "permanent_deep",
            "Permanent, 500 ExceptionGroups deep",
            lambda: deep_group(Permanent("gone"), 500),
            ("permanent", "error"),
        ),
        (
            "permanent_mixed",
            "Permanent and ValueError in a group",
            lambda: ExceptionGroup("g", [ValueError("x"), Permanent("gone")]),
            ("permanent", "error"),
        ),
        ("permanent_empty", "Permanent without a text", Permanent, ("permanent",)),
        ("permanent_object", "Permanent(object())", lambda: Permanent(object()), ("permanent", "error")),
        ("permanent_bytes", "Permanent(b'...') ", lambda: Permanent(b"\xff\xfe"), ("permanent", "error")),
        ("permanent_huge", "Permanent with 32 MiB of text", huge_text, ("permanent", "error", "not_written")),
        ("permanent_odd", "Permanent with NUL, a lone surrogate and markup", odd_text, ("permanent", "error")),
        ("str_raises", "Permanent whose __str__ raises", StrRaises, ("permanent", "error")),
        ("str_exits", "Permanent whose __str__ calls sys.exit", StrExits, ("permanent", "error", "crashed")),
        ("str_none", "Permanent whose __str__ returns None", StrNone, ("permanent", "error")),
        (
            "str_odd",
            "Permanent whose __str__ returns a hostile subclass of str",
            StrSubclass,
            ("permanent", "error"),
        ),
        ("str_recurses", "Permanent whose __str__ never ends", StrRecurses, ("permanent", "error")),
        ("str_slow", "Permanent whose __str__ takes a second", StrBlocks, ("permanent", "error")),
        ("repr_raises", "an error whose __repr__ and __str__ raise", ReprRaises, ("error",)),
        ("repr_exits", "an error whose __repr__ and __str__ call sys.exit", ReprExits, ("error", "crashed")),
        ("class_lies", "an error whose __class__ raises", ClassLies, ("error", "crashed")),
        ("attributes_raise", "an error whose every attribute raises", AttributesRaise, ("error", "crashed")),
        ("eq_raises", "an error that cannot be compared or hashed", EqRaises, ("error",)),
        ("cause_cycle", "an error that is its cause's cause", cyclic, ("error",)),
        ("cause_chain", "an error with 3,000 causes", long_chain, ("error", "crashed")),
        (
            "group_deep",
            "2,000 ExceptionGroups, one in another",
            lambda: deep_group(ValueError("leaf"), 2_000),
            ("error", "crashed"),
        ),
        ("group_cause", "a group that is its own cause", group_of_itself, ("error",)),
        (
            "basegroup_exit",
            "SystemExit in a BaseExceptionGroup",
            lambda: BaseExceptionGroup("g", [SystemExit(3)]),
            ("error", "crashed"),
        ),
        (
            "basegroup_cancelled",
            "CancelledError in a BaseExceptionGroup",
            lambda: BaseExceptionGroup("g", [asyncio.CancelledError()]),
            ("error", "crashed"),
        ),
        ("notes_lie", "an error whose __notes__ is a number", notes_lie, ("error",)),
        ("long_traceback", "an error from 900 calls deep", long_traceback, ("error",)),
        ("not_an_error", "raises a class that is no exception", lambda: 7, ("error",)),
    ]
    for name, what, make, ends in errors:
        table.both(name, what, raises(make), *ends)
    table.coroutine("leaked_cancel", "awaits a task that was cancelled elsewhere", leaked, "error")
    table.coroutine("cancels_itself", "cancels its own task", cancels_itself, "error")
    table.coroutine(
        "cancels_returns", "cancels its own task and returns", cancels_and_returns, "error", "completed"
    )
    table.coroutine("leaked_timeout", "lets a TimeoutError of its own out", leaks_a_timeout, "error")
