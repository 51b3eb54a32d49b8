"""Errors that once ended a worker or left their session processing, to be raised in every kind of code."""

import asyncio
import subprocess
import sys
import threading
from collections.abc import Callable
from datetime import timedelta
from email.utils import formatdate
from typing import Any

from pydantic import BaseModel, field_validator

from outlast import Permanent, RetryAfter


class Unreadable(Permanent):
    """Its text cannot be had."""

    def __str__(self) -> str:
        raise ValueError("no text")


class NoText(Permanent):
    """Its text is none."""

    def __str__(self) -> str:
        return 7  # noqa: PLE0307 # type: ignore[return-value]  # pyright: ignore[reportReturnType] - this is what it is about


class ExitWhenReadError(Exception):
    """Ends whoever reads it."""

    def __str__(self) -> str:
        raise SystemExit(5)


class Closed(Permanent):
    """A program's own kind of permanent error."""


class Busy(RetryAfter):
    """A program's own kind of error to come back later."""

    def __init__(self) -> None:
        super().__init__("30", "The shop is busy.")


class Odd(BaseException):
    """Neither an error nor an exit."""


class OneWay(BaseModel):
    """A result that refuses its own text."""

    n: int

    @field_validator("n")
    @classmethod
    def small(cls, n: int) -> int:
        if n > 5:
            raise ValueError("too large")
        return n


def throw(error: BaseException) -> Any:
    raise error


def grouped(*errors: BaseException) -> Any:
    raise BaseExceptionGroup("outer", [ValueError("beside"), BaseExceptionGroup("inner", list(errors))])


def nested(depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = [value]
    return value


def spoilt_retry() -> Any:
    error = RetryAfter(1)
    error.seconds = "soon"  # type: ignore[assignment]  # pyright: ignore[reportAttributeAccessIssue] - this is what it is about
    raise error


def in_a_thread(error: BaseException) -> Any:
    thread = threading.Thread(target=throw, args=(error,))
    thread.start()
    thread.join()
    return "its own thread"


def reads_input() -> Any:
    return subprocess.run(["cat"], check=True, capture_output=True).stdout.decode() + sys.stdin.read()


def recursion(n: int = 0) -> int:
    return recursion(n + 1) + 1


ERRORS: dict[str, tuple[Callable[[], Any], str]] = {
    "exit 0": (lambda: sys.exit(0), "error"),
    "exit 3": (lambda: sys.exit(3), "error"),
    "exit text": (lambda: sys.exit("bye"), "error"),
    "interrupt": (lambda: throw(KeyboardInterrupt()), "error"),
    "generator exit": (lambda: throw(GeneratorExit()), "error"),
    "cancelled": (lambda: throw(asyncio.CancelledError()), "error"),
    "stop iteration": (lambda: throw(StopIteration(1)), "error"),
    "stop async iteration": (lambda: throw(StopAsyncIteration(1)), "error"),
    "odd": (lambda: throw(Odd("odd")), "error"),
    "recursion": (recursion, "error"),
    "memory": (lambda: throw(MemoryError()), "error"),
    "unreadable": (lambda: throw(Unreadable()), "error"),
    "no text": (lambda: throw(NoText()), "error"),
    "exits when read": (lambda: throw(ExitWhenReadError()), "error"),
    "subclass": (lambda: throw(Closed("The shop has closed.")), "permanent"),
    "grouped": (lambda: grouped(KeyError("x"), Closed("The shop has closed.")), "permanent"),
    "grouped exit": (lambda: grouped(SystemExit(2)), "error"),
    "retry subclass": (lambda: throw(Busy()), "retry_after"),
    "retry grouped": (lambda: grouped(Busy(), RetryAfter(1)), "retry_after"),
    "retry text": (lambda: throw(RetryAfter("30")), "retry_after"),
    "retry date": (lambda: throw(RetryAfter(formatdate(4e9, usegmt=True))), "retry_after"),
    "retry duration": (lambda: throw(RetryAfter(timedelta(minutes=1))), "retry_after"),
    "retry epoch": (lambda: throw(RetryAfter(1764446400)), "retry_after"),
    "retry never": (lambda: throw(RetryAfter(float("inf"))), "error"),
    "retry spoilt": (spoilt_retry, "error"),
    "huge number": (lambda: 10**5000, "not_json"),
    "deep": (lambda: nested(250), "not_json"),
    "deeper": (lambda: nested(5000), "not_json"),
    "bytes": (lambda: b"\xff\xfe", "completed"),
    "surrogate": (lambda: "half \ud800 a pair", "not_json"),
    "not a number": (lambda: float("nan"), "not_json"),
    "large": (lambda: "x" * (64 << 20), "too_large"),
    "object": (object, "not_json"),
    "exit in a thread": (lambda: in_a_thread(SystemExit(1)), "completed"),
    "reads input": (reads_input, "completed"),
}
"""What to do, and the code that the session then has, or `completed`."""


async def harm(name: str) -> Any:
    return ERRORS[name][0]()


async def harm_in_a_child_task(name: str) -> Any:
    _, found = await asyncio.gather(asyncio.sleep(0), asyncio.create_task(harm(name)))
    return found


def harm_in_a_thread(name: str) -> Any:
    return ERRORS[name][0]()


def harm_in_a_process(name: str) -> Any:
    return ERRORS[name][0]()


async def harm_in_a_loop_of_a_process(name: str) -> Any:
    return await harm_in_a_child_task(name)


async def one_way() -> OneWay:
    return OneWay.model_construct(n=9)
