"""Facts: a key-value store for analyses, shared by all sessions, for caches and earlier observations."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

from outlast.core.analyses import context
from outlast.domain.errors import TooLarge
from outlast.ports.clock import Clock
from outlast.ports.facts import FactStore, StoredFact

T = TypeVar("T")

MAX_NAME = 200
"""Maximum characters of a space, key or item."""
MAX_VALUE = 1 << 20
"""Maximum bytes of a value as JSON."""
BATCH = 1_000
"""Maximum number of facts per transaction."""


@dataclass(frozen=True, slots=True)
class Fact:
    """A value under a key; `item` distinguishes several values under one key."""

    key: str
    """At most 200 characters."""
    value: Any
    """Any JSON value, at most 1 MiB."""
    item: str = ""
    """Distinguishes the values under one key; at most 200 characters."""


Opened = Callable[[], Awaitable[tuple[FactStore, Clock]]]


class Facts:
    """One namespace of facts, shared by all owners: never store what only one visitor may see, nor trust what any
    visitor may have written. Use `of_owner` for both.

    Keys are compared exactly. The store deletes a fact when its time is over, or when the session that wrote it
    last is deleted on request; `forget` deletes it at once. What is written outside an analysis has no session.
    """

    def __init__(self, space: str, opened: Opened, *, owned: bool = False) -> None:
        self._space = _name(space, "space")
        self._opened = opened
        self._owned = owned

    @property
    def of_owner(self) -> "Facts":
        """The same space separated by owner: only sessions of one owner read and write its facts.

        Works only inside an analysis, which has an owner. Adopting a session does not move its facts.
        """
        return Facts(self._space, self._opened, owned=True)

    async def put(self, facts: Iterable[Fact], *, keep: timedelta) -> None:
        """Write all `facts`, replacing those with the same key and item, and keep them for the time `keep`.

        Raises `TooLarge`, `StoreUnavailable`, and `ValueError` or `TypeError` if a value is not JSON.
        """
        stored = [StoredFact(_name(f.key, "key"), _name(f.item, "item"), _json(f)) for f in facts]
        store, clock = await self._opened()
        until = clock.now() + keep
        attempt = context.current()
        session_id = None if attempt is None else attempt.session_id
        for start in range(0, len(stored), BATCH):
            batch = stored[start : start + BATCH]
            await store.remember(self._namespace, batch, until=until, session_id=session_id)

    async def get(self, keys: Iterable[str]) -> Mapping[str, Sequence[Fact]]:
        """Return the facts under these `keys`, ordered by item; keys without facts are missing.

        Raises `StoreUnavailable`.
        """
        unique_keys = list(dict.fromkeys(keys))
        store, _ = await self._opened()
        found: dict[str, Sequence[Fact]] = {}
        for start in range(0, len(unique_keys), BATCH):
            batch = await store.recall(self._namespace, unique_keys[start : start + BATCH])
            found |= {
                key: [Fact(f.key, json.loads(f.value), f.item) for f in facts] for key, facts in batch.items()
            }
        return found

    async def forget(self, keys: Iterable[str]) -> None:
        """Delete all facts under these `keys`. Raises `StoreUnavailable`."""
        unique_keys = list(dict.fromkeys(keys))
        store, _ = await self._opened()
        for start in range(0, len(unique_keys), BATCH):
            await store.forget(self._namespace, unique_keys[start : start + BATCH])

    @property
    def _namespace(self) -> str:
        return f"{self._space}/{context.current_or_raise().owner[:32]}" if self._owned else self._space

    @property
    def blocking(self) -> "BlockingFacts":
        """The same space for plain `def` steps, which run in threads."""
        return BlockingFacts(self)


class BlockingFacts:
    """A blocking interface to `Facts`, for code in a thread of an analysis."""

    def __init__(self, facts: Facts) -> None:
        self._facts = facts

    def put(self, facts: Iterable[Fact], *, keep: timedelta) -> None:
        """Like `Facts.put`."""
        _wait(self._facts.put(facts, keep=keep))

    def get(self, keys: Iterable[str]) -> Mapping[str, Sequence[Fact]]:
        """Like `Facts.get`."""
        return _wait(self._facts.get(keys))

    def forget(self, keys: Iterable[str]) -> None:
        """Like `Facts.forget`."""
        _wait(self._facts.forget(keys))


def _wait(call: "Awaitable[T]") -> T:
    """Run the call in the worker's event loop, or in a new one outside an analysis."""

    async def await_call() -> T:
        return await call

    attempt = context.current()
    if attempt is None:
        return asyncio.run(await_call())
    return asyncio.run_coroutine_threadsafe(await_call(), attempt.loop_for_threads("facts.blocking")).result()


def _name(name: str, what: str) -> str:
    if len(name) > MAX_NAME:
        raise TooLarge(f"A {what} of a fact has at most {MAX_NAME} characters; hash longer ones.")
    return name


def _json(fact: Fact) -> str:
    text = json.dumps(fact.value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    if len(text.encode()) > MAX_VALUE:
        raise TooLarge(f"The fact {fact.key!r} is larger than {MAX_VALUE:,} bytes.")
    return text
