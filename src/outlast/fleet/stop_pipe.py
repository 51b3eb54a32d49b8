"""Pipes through which a Celery worker asks its child processes to stop, as Celery handles their signals."""

import asyncio
import os
from collections.abc import Callable


class StopPipe:
    """Created before the fork. Nobody reads from the pipes, so later children see the requests too."""

    def __init__(self) -> None:
        self._pipes = [os.pipe(), os.pipe()]
        self._requests = 0

    def request_stop(self) -> None:
        """Ask the children to drain; the second time, to stop at once. Safe in a signal handler."""
        if self._requests < len(self._pipes):
            os.write(self._pipes[self._requests][1], b".")
            self._requests += 1

    def listen(self, callback: Callable[[], None]) -> None:
        """Call `callback` in the running event loop of a child, once for each request."""
        loop = asyncio.get_running_loop()
        for end, _ in self._pipes:

            def on_request(end: int = end) -> None:
                loop.remove_reader(end)
                callback()

            loop.add_reader(end, on_request)

    def close(self) -> None:
        """Close the pipes, in the parent, once its children have ended."""
        for pipe in self._pipes:
            for end in pipe:
                os.close(end)
