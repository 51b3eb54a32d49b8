"""A place for an analysis's own facts: a cache, what was seen before; shared by all sessions."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

from outlast.core.running import context
from outlast.domain.errors import TooLarge
from outlast.ports.clock import Clock
from outlast.ports.facts import FactStore, StoredFact

T = TypeVar("T")

MAX_NAME = 200
"""Characters of a space, key or item."""
MAX_VALUE = 1 << 20
"""Bytes of a value as JSON."""
AT_ONCE = 1_000
"""Facts per transaction."""


@dataclass(frozen=True, slots=True)
class Fact:
    """A value under a key; `item` tells several under one key apart."""

    key: str
    value: Any
    """Anything that JSON can say."""
    item: str = ""


Opened = Callable[[], Awaitable[tuple[FactStore, Clock]]]


class Facts:
    """One space of facts. They belong to nobody: never keep what only one visitor may see, nor trust what any
    visitor may have put there. `of_owner` is for both.

    Keys are compared exactly. A fact is forgotten when its time is over, or with `forget`.
    """

    def __init__(self, space: str, opened: Opened, *, owned: bool = False) -> None:
        self._space = _name(space, "space")
        self._opened = opened
        self._owned = owned

    @property
    def of_owner(self) -> "Facts":
        """The same space apart for each owner: only sessions of one owner see and write its facts.

        Works inside an analysis alone, which knows whose it is. They stay behind when a session is adopted.
        """
        return Facts(self._space, self._opened, owned=True)

    async def put(self, facts: Iterable[Fact], *, keep: timedelta) -> None:
        """Write all, in place of what stands under the same key and item.

        Raises `TooLarge`, `ValueError` when a value is not JSON, `StoreUnavailable`.
        """
        stored = [StoredFact(_name(f.key, "key"), _name(f.item, "item"), _json(f)) for f in facts]
        store, clock = await self._opened()
        until = clock.now() + keep
        for start in range(0, len(stored), AT_ONCE):
            await store.remember(self._where, stored[start : start + AT_ONCE], until=until)

    async def get(self, keys: Iterable[str]) -> Mapping[str, Sequence[Fact]]:
        """The facts under these keys, ordered by item; keys without any are not there."""
        wanted = list(dict.fromkeys(keys))
        store, _ = await self._opened()
        found: dict[str, Sequence[Fact]] = {}
        for start in range(0, len(wanted), AT_ONCE):
            some = await store.recall(self._where, wanted[start : start + AT_ONCE])
            found |= {
                key: [Fact(f.key, json.loads(f.value), f.item) for f in facts] for key, facts in some.items()
            }
        return found

    async def forget(self, keys: Iterable[str]) -> None:
        """Delete all that stands under these keys."""
        wanted = list(dict.fromkeys(keys))
        store, _ = await self._opened()
        for start in range(0, len(wanted), AT_ONCE):
            await store.forget(self._where, wanted[start : start + AT_ONCE])

    @property
    def _where(self) -> str:
        return f"{self._space}/{context.current_or_raise().owner[:32]}" if self._owned else self._space

    @property
    def blocking(self) -> "BlockingFacts":
        """The same for plain `def` steps, which run in threads."""
        return BlockingFacts(self)


class BlockingFacts:
    """`Facts` for code in a thread of an analysis."""

    def __init__(self, facts: Facts) -> None:
        self._facts = facts

    def put(self, facts: Iterable[Fact], *, keep: timedelta) -> None:
        """As `Facts.put`."""
        _wait(self._facts.put(facts, keep=keep))

    def get(self, keys: Iterable[str]) -> Mapping[str, Sequence[Fact]]:
        """As `Facts.get`."""
        return _wait(self._facts.get(keys))

    def forget(self, keys: Iterable[str]) -> None:
        """As `Facts.forget`."""
        _wait(self._facts.forget(keys))


def _wait(call: "Awaitable[T]") -> T:
    """Outside an analysis the call has a loop of its own; inside, that of the worker."""

    async def answer() -> T:
        return await call

    attempt = context.current()
    if attempt is None:
        return asyncio.run(answer())
    return asyncio.run_coroutine_threadsafe(answer(), attempt.loop_for_threads("facts.blocking")).result()


def _name(name: str, what: str) -> str:
    if len(name) > MAX_NAME:
        raise TooLarge(f"A {what} of a fact has at most {MAX_NAME} characters; hash what is longer.")
    return name


def _json(fact: Fact) -> str:
    text = json.dumps(fact.value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    if len(text.encode()) > MAX_VALUE:
        raise TooLarge(f"The fact {fact.key!r} is larger than {MAX_VALUE:,} bytes.")
    return text
