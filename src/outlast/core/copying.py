"""Moves a whole store into another while people use it: first at leisure, then, shut for a moment, the rest."""

import hashlib
import tempfile
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import IO, BinaryIO, Protocol, TypeVar, cast

from outlast.core.running.step_journal import Store
from outlast.domain.errors import OutlastError
from outlast.ports.copying import Copyable, OwnedResult, SpacedFact, WholeSession
from outlast.ports.facts import StoredFact

T = TypeVar("T")

PAGE = 500
"""Sessions compared at once."""
RESULTS_PAGE = 20
"""Results carried at once: each may be some megabytes."""
FILLING = "It is being filled from another store by `outlast store copy`."
SPOOL = 8 << 20
"""Bytes of an upload that are held in memory on its way."""


class MovableStore(Store, Copyable, Protocol):
    """A store that can be moved."""


class CopyError(OutlastError):
    """The copy cannot be made, or is not equal; the text says why and what to do."""


@dataclass(frozen=True, slots=True)
class Copied:
    """What a copy moved, both sides compared."""

    sessions: int
    results: int
    uploads: int
    facts: int
    given_back: int
    """Sessions that were at work and wait again, unspent."""
    checksum: str
    """Of all that was copied, the same on both sides."""


Tell = Callable[[str, int, int], None]
"""Called with what is being done, how much is done, and of how much."""


class StoreCopy:
    """One move from a store that is in use to one that is not. Repeated, it goes on where it ended."""

    def __init__(self, source: MovableStore, target: MovableStore, tell: Tell) -> None:
        self._source = source
        self._target = target
        self._tell = tell

    async def run(self, moved_to: str) -> Copied:
        """Copy, shut the source (for good: it has moved), copy what changed meanwhile, compare, open the target.

        Raises `CopyError`.
        """
        await self._prepare()
        await self._pass("Copying while it is in use")
        given_back = await self._source.shut(f"Its content has moved to {moved_to}.")
        await self._pass("Copying what changed")
        copied = await self._compare(given_back)
        await self._target.reopen()
        return copied

    async def _prepare(self) -> None:
        if await self._target.shut_because() is None:
            if await self._target.versions("", 1) or await self._target.result_owners("", 1):
                raise CopyError(
                    "The target holds sessions already. Copy into an empty store; a copy that was interrupted is "
                    "taken up again by the same command."
                )
            await self._target.shut(FILLING)
        elif await self._target.shut_because() != FILLING:
            raise CopyError("The target is shut itself: its content has moved elsewhere.")

    async def _pass(self, what: str) -> None:
        """Make the target equal to the source as it is now."""
        counted = await self._source.count()
        total, done = sum(counted.values()), 0
        async for theirs, ours in _side_by_side(self._source.versions, self._target.versions, PAGE):
            wanted = [i for i, version in theirs.items() if ours.get(i) != version]
            gone = [i for i in ours if i not in theirs]
            if wanted or gone:
                await self._target.take_sessions(await self._source.whole_sessions(wanted), gone)
            done += len(theirs)
            self._tell(f"{what}: sessions", done, max(total, done))
        await self._results(what)
        await self._uploads(what)
        await self._facts(what)
        if not await self._target.samples():
            await self._target.learn(await self._source.samples())

    async def _results(self, what: str) -> None:
        done = 0
        async for theirs, ours in _side_by_side(self._source.result_owners, self._target.result_owners, PAGE):
            wanted = [i for i, owner in theirs.items() if ours.get(i) != owner]
            gone = [i for i in ours if i not in theirs]
            for start in range(0, len(wanted), RESULTS_PAGE):
                some = await self._source.whole_results(wanted[start : start + RESULTS_PAGE])
                await self._target.take_results(some, [])
            await self._target.take_results([], gone)
            done += len(theirs)
            self._tell(f"{what}: results", done, done)

    async def _uploads(self, what: str) -> None:
        there = {(u.owner, u.stored.sha256) for u in await self._target.uploads()}
        uploads = await self._source.uploads()
        for number, upload in enumerate(uploads, start=1):
            if (upload.owner, upload.stored.sha256) not in there:
                with tempfile.SpooledTemporaryFile(SPOOL) as file:
                    try:
                        await self._fetch(upload.owner, upload.stored.sha256, file)
                    except KeyError:  # it expired meanwhile
                        continue
                    await self._target.put(upload.owner, upload.stored.name, cast("BinaryIO", file))
            self._tell(f"{what}: uploads", number, len(uploads))

    async def _facts(self, what: str) -> None:
        done = 0
        async for page in _facts(self._source):
            by_time: defaultdict[tuple[str, datetime], list[StoredFact]] = defaultdict(list)
            for fact in page:
                by_time[fact.space, fact.until].append(fact.stored)
            for (space, until), facts in by_time.items():
                await self._target.remember(space, facts, until=until)
            done += len(page)
            self._tell(f"{what}: facts", done, done)

    async def _fetch(self, owner: str, sha256: str, file: IO[bytes]) -> None:
        async for chunk in self._source.chunks(owner, sha256):
            file.write(chunk)
        file.seek(0)

    async def _compare(self, given_back: int) -> Copied:
        one = await self._described(self._source, "Checking the source")
        other = await self._described(self._target, "Checking the target")
        if one != other:
            raise CopyError(
                f"The copy differs from its source ({one} there, {other} here). Nothing is lost: the source is "
                "whole, the target stays shut. Run the command again; should it differ again, report it."
            )
        counts, checksum = one
        return Copied(
            counts["sessions"], counts["results"], counts["uploads"], counts["facts"], given_back, checksum
        )

    async def _described(self, store: MovableStore, what: str) -> tuple[Mapping[str, int], str]:
        """How much of everything there is, and a checksum of it all."""
        counts: Counter[str] = Counter()
        digest = hashlib.blake2b(digest_size=16)
        total = sum((await store.count()).values())
        async for session_ids in _ids(store.versions, PAGE):
            for whole in await store.whole_sessions(session_ids):
                digest.update(_canonical(whole))
                counts["sessions"] += 1
            self._tell(f"{what}: sessions", counts["sessions"], max(total, counts["sessions"]))
        async for session_ids in _ids(store.result_owners, RESULTS_PAGE):
            for result in await store.whole_results(session_ids):
                digest.update(_canonical(result))
                counts["results"] += 1
            self._tell(f"{what}: results", counts["results"], counts["results"])
        async for page in _facts(store):
            digest.update(repr(page).encode("utf-8", "surrogatepass"))
            counts["facts"] += len(page)
        uploads = sorted((u.owner, u.stored.sha256, u.stored.bytes) for u in await store.uploads())
        digest.update(repr(uploads).encode())
        counts["uploads"] = len(uploads)
        return dict(counts) | {
            k: counts[k] for k in ("sessions", "results", "uploads", "facts")
        }, digest.hexdigest()


def _canonical(value: WholeSession | OwnedResult) -> bytes:
    """The same bytes for the same content, whatever store it comes from."""
    if isinstance(value, WholeSession) and not value.session.status.final:
        # how long it has waited and worked grows until it is read
        value = replace(value, session=replace(value.session, waited_ms=0, worked_ms=0))
    return repr(value).encode("utf-8", "surrogatepass")


Page = Callable[[str, int], Awaitable[Mapping[str, T]]]


async def _ids(page: Page[T], limit: int) -> AsyncIterator[Sequence[str]]:
    after = ""
    while found := await page(after, limit):
        yield list(found)
        after = max(found)


async def _facts(store: Copyable) -> AsyncIterator[Sequence[SpacedFact]]:
    space = key = item = ""
    while page := await store.facts_after(space, key, item, PAGE):
        yield page
        space, key, item = page[-1].space, page[-1].stored.key, page[-1].stored.item


async def _side_by_side(
    source: Page[T], target: Page[T], limit: int
) -> AsyncIterator[tuple[Mapping[str, T], Mapping[str, T]]]:
    """Stretch by stretch of ids, what each of the two has in it."""
    after = ""
    while True:
        theirs, ours = await source(after, limit), await target(after, limit)
        if not theirs and not ours:
            return
        # both are known up to the smaller end of the two pages, unless a page was the last of its side
        ends = [max(page) for page in (theirs, ours) if len(page) == limit]
        end = min(ends) if ends else max([*theirs, *ours])
        yield {i: v for i, v in theirs.items() if i <= end}, {i: v for i, v in ours.items() if i <= end}
        after = end
