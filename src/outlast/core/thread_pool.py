"""Threads of an event loop that know the attempt of whoever hands them work."""

import contextvars
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


class ContextThreadPool(ThreadPoolExecutor):
    """Runs what is submitted in the context of its submitter, which `loop.run_in_executor` does not by itself."""

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        scope = contextvars.copy_context()
        return super().submit(scope.run, fn, *args, **kwargs)
