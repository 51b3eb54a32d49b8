"""Copies a store into another one while it is in use, then shuts it briefly to copy the remaining changes."""

import hashlib
import tempfile
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import IO, BinaryIO, Protocol, TypeVar, cast

from outlast.domain.errors import OutlastError
from outlast.ports.copying import Copyable, OwnedResult, SpacedFact, WholeSession
from outlast.ports.facts import StoredFact
from outlast.ports.store import Store

T = TypeVar("T")

PAGE = 500
"""Number of sessions compared per page."""
RESULTS_PAGE = 20
"""Number of results copied per page; each may take some megabytes."""
FILLING = "It is being filled from another store by `outlast store copy`."
SPOOL = 8 << 20
"""Bytes of an upload held in memory before it spills to a temporary file."""


class MovableStore(Store, Copyable, Protocol):
    """A store that can be moved."""


class CopyError(OutlastError):
    """The copy failed or differs from its source; the text says why and what to do."""


@dataclass(frozen=True, slots=True)
class Copied:
    """The verified contents of a finished copy."""

    sessions: int
    results: int
    uploads: int
    facts: int
    given_back: int
    """Sessions that were processing and are pending again, unspent."""
    checksum: str
    """Checksum of the contents, equal in source and target."""


OnProgress = Callable[[str, int, int], None]
"""Called with a description of the phase, the number of items done, and their total."""


class StoreCopy:
    """Copies a store in use into an empty one. A repeated run resumes an interrupted one."""

    def __init__(self, source: MovableStore, target: MovableStore, on_progress: OnProgress) -> None:
        self._source = source
        self._target = target
        self._on_progress = on_progress

    async def run(self, moved_to: str) -> Copied:
        """Copy, shut the source for good, copy what changed meanwhile, compare, and open the target.

        Raises `CopyError`.
        """
        await self._prepare()
        await self._synchronize("Copying while it is in use")
        given_back = await self._source.shut(f"Its content has moved to {moved_to}.")
        await self._synchronize("Copying what changed")
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

    async def _synchronize(self, what: str) -> None:
        """Make the target equal to the current source."""
        counted = await self._source.count()
        total, done = sum(counted.values()), 0
        async for in_source, in_target in _paired(self._source.versions, self._target.versions, PAGE):
            missing = [i for i, version in in_source.items() if in_target.get(i) != version]
            deleted = [i for i in in_target if i not in in_source]
            if missing or deleted:
                await self._target.take_sessions(await self._source.whole_sessions(missing), deleted)
            done += len(in_source)
            self._on_progress(f"{what}: sessions", done, max(total, done))
        await self._results(what)
        await self._uploads(what)
        await self._facts(what)
        if not await self._target.samples():
            await self._target.learn(await self._source.samples())

    async def _results(self, what: str) -> None:
        done = 0
        async for in_source, in_target in _paired(self._source.result_owners, self._target.result_owners, PAGE):
            missing = [i for i, owner in in_source.items() if in_target.get(i) != owner]
            deleted = [i for i in in_target if i not in in_source]
            for start in range(0, len(missing), RESULTS_PAGE):
                results = await self._source.whole_results(missing[start : start + RESULTS_PAGE])
                await self._target.take_results(results, [])
            await self._target.take_results([], deleted)
            done += len(in_source)
            self._on_progress(f"{what}: results", done, done)

    async def _uploads(self, what: str) -> None:
        stored = {(u.owner, u.stored.sha256) for u in await self._target.uploads()}
        uploads = await self._source.uploads()
        for number, upload in enumerate(uploads, start=1):
            if (upload.owner, upload.stored.sha256) not in stored:
                with tempfile.SpooledTemporaryFile(SPOOL) as file:
                    try:
                        await self._fetch(upload.owner, upload.stored.sha256, file)
                    except KeyError:  # the upload has expired meanwhile
                        continue
                    await self._target.put(upload.owner, upload.stored.name, cast("BinaryIO", file))
            self._on_progress(f"{what}: uploads", number, len(uploads))

    async def _facts(self, what: str) -> None:
        done = 0
        async for page in _facts(self._source):
            by_time: defaultdict[tuple[str, datetime], list[StoredFact]] = defaultdict(list)
            for fact in page:
                by_time[fact.space, fact.until].append(fact.stored)
            for (space, until), facts in by_time.items():
                await self._target.remember(space, facts, until=until)
            done += len(page)
            self._on_progress(f"{what}: facts", done, done)

    async def _fetch(self, owner: str, sha256: str, file: IO[bytes]) -> None:
        async for chunk in self._source.chunks(owner, sha256):
            file.write(chunk)
        file.seek(0)

    async def _compare(self, given_back: int) -> Copied:
        source = await self._summarize(self._source, "Checking the source")
        target = await self._summarize(self._target, "Checking the target")
        if source != target:
            raise CopyError(
                f"The copy differs from its source (source: {source}, target: {target}). Nothing is lost: the "
                "source is whole, the target stays shut. Run the command again; if it differs again, report it."
            )
        counts, checksum = source
        return Copied(
            counts["sessions"], counts["results"], counts["uploads"], counts["facts"], given_back, checksum
        )

    async def _summarize(self, store: MovableStore, what: str) -> tuple[Mapping[str, int], str]:
        """Return the counts and a checksum of everything in a store."""
        counts: Counter[str] = Counter()
        digest = hashlib.blake2b(digest_size=16)
        total = sum((await store.count()).values())
        async for session_ids in _ids(store.versions, PAGE):
            for whole in await store.whole_sessions(session_ids):
                digest.update(_canonical(whole))
                counts["sessions"] += 1
            self._on_progress(f"{what}: sessions", counts["sessions"], max(total, counts["sessions"]))
        async for session_ids in _ids(store.result_owners, RESULTS_PAGE):
            for result in await store.whole_results(session_ids):
                digest.update(_canonical(result))
                counts["results"] += 1
            self._on_progress(f"{what}: results", counts["results"], counts["results"])
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
    """Return bytes that depend on the content alone, not on the kind of store."""
    if isinstance(value, WholeSession) and not value.session.status.final:
        # these times grow until the row is read
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


async def _paired(
    source: Page[T], target: Page[T], limit: int
) -> AsyncIterator[tuple[Mapping[str, T], Mapping[str, T]]]:
    """Yield, for consecutive ranges of ids, the entries of the source and of the target."""
    after = ""
    while True:
        in_source, in_target = await source(after, limit), await target(after, limit)
        if not in_source and not in_target:
            return
        # a full page is complete only up to its last id: use the smaller of the two
        ends = [max(page) for page in (in_source, in_target) if len(page) == limit]
        end = min(ends) if ends else max([*in_source, *in_target])
        yield {i: v for i, v in in_source.items() if i <= end}, {i: v for i, v in in_target.items() if i <= end}
        after = end
