"""The pytest plugin: the fixture `outlast_app` runs analyses in memory, on a clock that skips every wait."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import pytest

if TYPE_CHECKING:  # a suite that does not use the fixture must not import Outlast
    from outlast.app import Outlast
    from outlast.memory_app import MemoryApp

OutlastApp: TypeAlias = "Callable[[Outlast], MemoryApp]"
"""The type of the fixture `outlast_app`."""


@pytest.fixture
def outlast_app(tmp_path: Path) -> "Iterator[OutlastApp]":
    """Open an `Outlast` object in memory, with one worker, until the end of a `with` block or of the test.

    Write `with outlast_app(outlast) as app:` in a `def` test, which gets a `MemoryApp`, and
    `async with outlast_app(outlast) as app:` in an `async def` test, which gets an `AsyncMemoryApp`.
    """
    from outlast.memory_app import MemoryApp  # noqa: PLC0415 - see above

    with ExitStack() as opened:

        def use(outlast: "Outlast") -> MemoryApp:
            app = MemoryApp(outlast, tmp_path)
            opened.callback(app.close)
            return app

        yield use
