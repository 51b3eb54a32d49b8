"""How a Celery worker tells its child processes to stop, whose signals belong to Celery."""

import asyncio
import os
from collections.abc import Callable


class StopPipe:
    """Made before the fork. Nobody reads from the pipes: once blown, every child sees it, later ones too."""

    def __init__(self) -> None:
        self._pipes = [os.pipe(), os.pipe()]
        self._blown = 0

    def blow(self) -> None:
        """In the parent; safe in a signal handler. The first asks to drain, the second to stop at once."""
        if self._blown < len(self._pipes):
            os.write(self._pipes[self._blown][1], b".")
            self._blown += 1

    def listen(self, hear: Callable[[], None]) -> None:
        """In a child: call `hear` in this event loop, once for each request."""
        loop = asyncio.get_running_loop()
        for end, _ in self._pipes:

            def heard(end: int = end) -> None:
                loop.remove_reader(end)
                hear()

            loop.add_reader(end, heard)

    def close(self) -> None:
        """In the parent, at the end."""
        for pipe in self._pipes:
            for end in pipe:
                os.close(end)
