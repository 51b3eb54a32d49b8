"""The site of the menagerie: each row in each kind is an analysis, `NAME.KIND`; hanging ones also `.long`."""

import asyncio
import os
from typing import Any

from hostile import ROWS, honest
from hostile.row import PROCESS, Code, Row, note
from outlast import Outlast

outlast = Outlast(title="Menagerie")
LONG = 3_600.0
"""Timeout in seconds of an attempt that its worker's stop interrupts."""


def name_of(row: Row, kind: str, *, long: bool = False) -> str:
    return f"{row.name}.{kind}" + (".long" if long else "")


def _noting(code: Code, name: str) -> Any:
    """Wrap the code so that it notes its start; an isolated process finds it by name in this module."""
    if asyncio.iscoroutinefunction(code):

        async def work(tag: str) -> Any:
            note("begun", tag, os.getpid())
            return await code(tag)
    else:

        def work(tag: str) -> Any:
            note("begun", tag, os.getpid())
            return code(tag)

    hints = {"tag": str, "return": code.__annotations__.get("return", Any)}
    work.__annotations__ = hints
    work.__qualname__ = work.__name__ = "".join(c if c.isalnum() else "_" for c in name)
    globals()[work.__name__] = work
    return work


def _register(row: Row, kind: str) -> None:
    isolation = "process" if kind == PROCESS else None
    name = name_of(row, kind)
    work = _noting(row.code[kind], name)
    attempts = row.attempts
    outlast.analysis(name, timeout=row.timeout, max_attempts=attempts, isolation=isolation)(work)
    if kind in row.hangs:
        long = name_of(row, kind, long=True)
        outlast.analysis(long, timeout=LONG, max_attempts=attempts, isolation=isolation)(work)


_served = os.environ.get("HOSTILE_ROWS", "").split(",")
for _row in [ROWS[name] for name in _served if name] or ROWS.values():
    for _kind in _row.code:
        _register(_row, _kind)
honest.register(outlast)
