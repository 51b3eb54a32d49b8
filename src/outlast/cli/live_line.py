"""One line in the terminal that shows the current state, below whatever else is printed there."""

import asyncio
import shutil
import sys
from collections.abc import Awaitable, Callable

from outlast.core.service_loop import run_forever
from outlast.core.store_outage import StoreOutage
from outlast.domain.printable import printable

SHOWN_EVERY = 1.0
"""Seconds between two states."""
SLOW_READ = 20
"""The pause is this many times as long as reading the state took."""


async def show_live(read: Callable[[], Awaitable[str]], outage: StoreOutage) -> None:
    """Show what `read` returns until cancelled. Only for a terminal on standard error.

    The cursor stays at the beginning of the line, so that log lines, of other processes too, replace it.
    """

    async def show() -> None:
        began = asyncio.get_running_loop().time()
        text = printable(await read())[: shutil.get_terminal_size().columns - 1]
        sys.stderr.write(f"\x1b[2K{text}\r")
        sys.stderr.flush()
        took = asyncio.get_running_loop().time() - began
        await asyncio.sleep(max(SHOWN_EVERY, SLOW_READ * took))

    try:
        await run_forever("The line with the current state", show, outage)
    finally:
        sys.stderr.write("\x1b[2K")
        sys.stderr.flush()
