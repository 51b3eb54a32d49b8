"""The store as those use it who cannot wait for long: every call goes through a circuit breaker."""

import asyncio
from collections.abc import AsyncIterator
from functools import partial
from inspect import iscoroutinefunction
from typing import Any, BinaryIO, Final, cast

from outlast.core.circuit_breaker import CircuitBreaker
from outlast.core.running.step_journal import Store

READS: Final = frozenset(
    {
        "changed",
        "count",
        "depths",
        "durations",
        "ended",
        "get",
        "gone",
        "history",
        "queue_position",
        "recall",
        "result",
        "select",
        "shared",
        "stored_bytes",
        "version",
        "workers",
    }
)
"""Go past the breaker where the store answers them without waiting for writers."""
PROMPT: Final = frozenset({"add"})
"""Wait for a batch of others, and need no task of their own to be given up."""
SLOW: Final = frozenset({"count", "depths", "ended", "select"})
"""Count or list all sessions, and may take long in a store that is well."""


class GuardedStore:
    """Every verb of `store`, guarded by `breaker`. Workers use the store itself: they have time."""

    def __init__(self, store: Store, breaker: CircuitBreaker) -> None:
        self._store = store
        self._breaker = breaker

    def __getattr__(self, name: str) -> Any:
        verb = getattr(self._store, name)
        if (name in READS and self._store.reads_at_once) or not iscoroutinefunction(verb):
            return verb
        if name in PROMPT:
            return partial(self._ask_prompt, verb)
        return partial(self._ask, verb, name in SLOW)

    def _ask(self, verb: Any, slow: bool, *args: Any, **kwargs: Any) -> Any:
        return self._breaker.ask(partial(verb, *args, **kwargs), slow=slow)

    def _ask_prompt(self, verb: Any, *args: Any, **kwargs: Any) -> Any:
        return self._breaker.ask_prompt(partial(verb, *args, **kwargs))

    async def put(self, owner: str, name: str, file: BinaryIO) -> Any:
        """An upload may take long, but not between two of its chunks."""
        read = _ReadFile(file)
        putting = partial(self._store.put, owner, name, cast("BinaryIO", read))
        return await self._breaker.ask(putting, moved_at=lambda: read.read_at)

    async def chunks(self, owner: str, sha256: str) -> AsyncIterator[bytes]:
        """An upload's content, each chunk in time."""
        chunks = aiter(self._store.chunks(owner, sha256))

        async def following() -> bytes | None:
            return await anext(chunks, None)

        while (chunk := await self._breaker.ask(following)) is not None:
            yield chunk


class _ReadFile:
    """Tells when it was last read from, which another thread may do."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._loop = asyncio.get_running_loop()
        self.read_at = self._loop.time()

    def read(self, size: int = -1) -> bytes:
        self.read_at = self._loop.time()
        return self._file.read(size)

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._file.seek(offset, whence)


def guarded(store: Store, breaker: CircuitBreaker) -> Store:
    """`store`, each of whose verbs goes through `breaker`."""
    return cast("Store", GuardedStore(store, breaker))
