"""The store behind a circuit breaker, for callers that cannot wait for long."""

import asyncio
from collections.abc import AsyncIterator
from functools import partial
from inspect import iscoroutinefunction
from typing import Any, BinaryIO, Final, cast

from outlast.core.circuit_breaker import CircuitBreaker
from outlast.core.quota import ReadNotifyingFile
from outlast.ports.store import Store

READS: Final = frozenset(
    {
        "actions",
        "api_keys",
        "changed",
        "count",
        "depths",
        "details",
        "durations",
        "ended",
        "failed",
        "failure_reasons",
        "find_api_key",
        "find_missing",
        "find_sessions",
        "get",
        "history",
        "last_attempts",
        "loads",
        "metric_samples",
        "metrics",
        "pauses",
        "queue_position",
        "recall",
        "result",
        "result_age",
        "search_sessions",
        "select",
        "share_links",
        "shared",
        "stored_bytes",
        "supervisors",
        "version",
        "workers",
    }
)
"""Methods that bypass the breaker if the store's reads never wait for writers."""
PROMPT: Final = frozenset({"add"})
"""Methods that end as soon as they are cancelled, so that they need no task of their own."""
SLOW: Final = frozenset(
    {
        *("actions", "count", "delete_all", "depths", "ended", "failed", "failure_reasons", "loads"),
        *("retry_each", "search_sessions", "select", "share_links"),
    }
)
"""Methods that count, list or delete many sessions and may take long even in a healthy store."""


class GuardedStore:
    """Every method of `store`, guarded by `breaker`. Workers use the store directly, since they can wait."""

    def __init__(self, store: Store, breaker: CircuitBreaker) -> None:
        self._store = store
        self._breaker = breaker

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._store, name)
        if (name in READS and self._store.concurrent_reads) or not iscoroutinefunction(method):
            return method
        if name in PROMPT:
            return partial(self._call_prompt, method)
        return partial(self._call, method, name in SLOW)

    def _call(self, method: Any, slow: bool, *args: Any, **kwargs: Any) -> Any:
        return self._breaker.call(partial(method, *args, **kwargs), slow=slow)

    def _call_prompt(self, method: Any, *args: Any, **kwargs: Any) -> Any:
        return self._breaker.call_prompt(partial(method, *args, **kwargs))

    async def put(self, owner: str, name: str, file: BinaryIO) -> Any:
        """Store an upload; the timeout applies between two chunks."""
        loop = asyncio.get_running_loop()
        read_at = loop.time()

        def on_read() -> None:
            nonlocal read_at
            read_at = loop.time()

        putting = partial(self._store.put, owner, name, cast("BinaryIO", ReadNotifyingFile(file, on_read)))
        return await self._breaker.call(putting, progressed_at=lambda: read_at)

    async def chunks(self, owner: str, sha256: str) -> AsyncIterator[bytes]:
        """Yield an upload's content; the timeout applies to each chunk."""
        chunks = aiter(self._store.chunks(owner, sha256))

        async def next_chunk() -> bytes | None:
            return await anext(chunks, None)

        while (chunk := await self._breaker.call(next_chunk)) is not None:
            yield chunk


def guard(store: Store, breaker: CircuitBreaker) -> Store:
    """Return `store` with every method guarded by `breaker`."""
    return cast("Store", GuardedStore(store, breaker))
