"""Turns JSON objects, whatever their keys, into rows."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import islice
from sys import getsizeof
from typing import Any, NoReturn, cast

from outlast import message
from outlast_reviews.sources.formats.column_contents import corrected, likely
from outlast_reviews.sources.formats.columns import (
    LONGEST_NAME,
    NO_MAPPING,
    ColumnNames,
    Columns,
    Part,
    columns_of,
    may_hold,
    plain_name,
    refuse_columns,
    refuse_missing,
)
from outlast_reviews.sources.formats.rows import ReviewCollector
from outlast_reviews.sources.limits import MIB

_DEEPEST = 3
_MEMORY = 4 * MIB
"""Of the sets of keys whose meaning is remembered."""
_MOST_KEYS = 1_000
_MOST_LISTS = 20
_ENOUGH = 50_000
_LOOK_AT = 200
"""Entries whose contents are looked at."""
_LOOK_AT_LENGTH = MIB
"""Characters of these entries, which wait in memory."""
_BEST = frozenset({"bestrating", "max", "maxrating", "ratingmax", "ratingrange", "outof"})


class JsonRows:
    """Objects in, rows out; the keys of every object may differ."""

    def __init__(self, rows: ReviewCollector, mapping: Mapping[Part, str] = NO_MAPPING) -> None:
        self._rows = rows
        self._mapping = mapping
        self._missing: Mapping[Part, str] = mapping
        self._columns: dict[tuple[str, ...], tuple[Columns, int | None]] = {}
        self._relevance: dict[str, bool] = {}
        self._wanted = {*mapping.values(), *map(plain_name, mapping.values())} - {""}
        self._remembered = 0
        self._moved: Mapping[str, str | None] = {}
        """The parts whose keys the contents have corrected, by the names of their fields."""
        self._waiting: list[tuple[dict[str, Any], str]] | None = []
        """The first objects, and the reasons of what is skipped between them, until their contents are known."""
        self._waiting_length = 0
        self._first: tuple[Columns, Sequence[str]] | None = None
        self.has_stars = self.has_words = False

    def columns(self, item: object) -> Columns:
        """What the keys of an object mean; nothing for anything else."""
        return self._parts(cast("dict[str, Any]", item))[0] if isinstance(item, dict) else Columns()

    def within(self, item: object) -> tuple[str, list[object]] | None:
        """The list of reviews in an object that is something else, such as a product or a page of them."""
        if not isinstance(item, dict):
            return None
        looked_at = 0
        for key, value in cast("dict[str, Any]", item).items():
            if isinstance(value, list) and "review" in key.lower() and looked_at < _MOST_LISTS:
                looked_at += 1
                listed = cast("list[object]", value)
                if listed and self.columns(listed[0]).hold_reviews:
                    return key, listed
        return None

    def add(self, item: object, length: int = 0) -> None:
        """Add an entry, `length` characters long; the first ones wait until their contents are looked at."""
        if not isinstance(item, dict):
            self.skip(message("the entry is not a review but a bare value"))
        elif self._waiting is None:
            self._add(cast("dict[str, Any]", item))
        else:
            self._waiting_length += length
            self._wait(cast("dict[str, Any]", item), "")

    def skip(self, reason: str) -> None:
        """Skip an entry."""
        if self._waiting is None:
            self._rows.skip(reason)
        else:
            self._wait({}, reason)

    def _wait(self, item: dict[str, Any], reason: str) -> None:
        """Keep an entry until there are enough to look at; one that is skipped counts too, as it takes memory."""
        waiting = self._waiting = self._waiting or []
        waiting.append((item, reason))
        if len(waiting) >= _LOOK_AT or self._waiting_length > _LOOK_AT_LENGTH:
            self.end()

    def end(self) -> None:
        """Look at the contents of the entries that wait, and add them."""
        waiting, self._waiting = self._waiting or [], None
        self._look_at([item for item, reason in waiting if not reason])
        for item, reason in waiting:
            if reason:
                self._rows.skip(reason)
            else:
                self._add(item)

    def named_columns(self) -> Mapping[str, str]:
        """For each part of a review the key that it was read from in the first entry that has all."""
        return self._first[0].named(self._first[1]) if self._first else {}

    def _look_at(self, items: Sequence[dict[str, Any]]) -> None:
        names, rows = _as_table(items)
        found = columns_of(names, self._mapping)
        right = corrected(found, rows, self._mapping)
        changed = [part for part in Columns.__slots__ if getattr(found, part) != getattr(right, part)]
        if changed:
            places: dict[str, int | None] = {part: getattr(right, part) for part in changed}
            self._moved = {part: None if at is None else names[at] for part, at in places.items()}
            self._wanted |= {name for name in self._moved.values() if name}
            self._columns.clear()
            self._relevance.clear()

    def _add(self, item: dict[str, Any]) -> None:
        columns, values = self._parts(item)
        if self._first is None and columns.hold_reviews:
            self._first = columns, list(_flat(item))
        rated = columns.rating is not None or columns.recommended is not None or columns.starless
        self.has_stars = self.has_stars or rated
        self.has_words = self.has_words or columns.text is not None
        if len(values) > _MOST_KEYS:
            self._rows.skip(message("the entry has more than {most:,} fields", most=_MOST_KEYS))
        else:
            self._rows.add(columns, values)

    @property
    def lacks_reviews(self) -> bool:
        """Whether so many entries had no stars, or no words, that the others will have none either."""
        return not (self.has_stars and self.has_words) and self._rows.count >= _ENOUGH

    def refuse(self, about: str, entries: Sequence[object]) -> NoReturn:
        """Raises `UnknownColumns`; `about` says what it is whose first `entries` these are."""
        names, rows = _as_table([cast("dict[str, Any]", entry) for entry in entries if isinstance(entry, dict)])
        refuse_missing(self._mapping, names)
        found = corrected(columns_of(names, self._mapping), rows, self._mapping)
        refuse_columns(about, names, found, likely(found, rows), rows)

    def refuse_missing(self) -> None:
        """Raises `NotReviews` when a key that a person named was in no entry at all."""
        if self._missing and self._columns:
            refuse_missing(self._missing, next(iter(self._columns)))

    def _parts(self, item: dict[str, Any]) -> tuple[Columns, list[object]]:
        flat = _flat(item)
        names = tuple(flat)
        found = self._columns.get(names)
        if found is None:
            relevant = self._relevant(names)
            found = self._columns.get(relevant) or self._understood(relevant)
            for keys in (names, relevant):
                if self._remembered < _MEMORY and keys not in self._columns:
                    self._remembered += sum(map(getsizeof, keys))
                    self._columns[keys] = found
        columns, best = found
        values = list(flat.values())
        if best is not None and columns.rating is not None and values[best] not in (None, "", 5, "5", 5.0):
            values[columns.rating] = f"{values[columns.rating]}/{values[best]}"
        return columns, values

    def _relevant(self, names: tuple[str, ...]) -> tuple[str, ...]:
        """With "" for all that hold nothing: objects that differ in those alone mean the same."""
        kept: list[str] = []
        for name in names:
            is_relevant = self._relevance.get(name)
            if is_relevant is None:
                plain = plain_name(name)
                is_relevant = may_hold(name, plain) or plain in self._wanted or name in self._wanted
                is_relevant = is_relevant or plain_name(name.rpartition(".")[2]) in _BEST
                if self._remembered < _MEMORY:
                    self._remembered += getsizeof(name)
                    self._relevance[name] = is_relevant
            kept.append(name if is_relevant else "")
        return tuple(kept)

    def _understood(self, names: tuple[str, ...]) -> tuple[Columns, int | None]:
        parsed = ColumnNames(names)
        columns = parsed.columns(self._mapping)
        if self._moved:
            places = {name: at for at, name in enumerate(names) if name}
            columns = replace(columns, **{p: None if n is None else places.get(n) for p, n in self._moved.items()})
        if self._missing:
            self._missing = {part: name for part, name in self._missing.items() if parsed.position(name) is None}
        return columns, _position_of_best(names, parsed.plain, columns.rating)


def _position_of_best(names: Sequence[str], plain: Sequence[str], rating: int | None) -> int | None:
    """Where the best rating of the scale stands, beside the rating itself."""
    if rating is None:
        return None
    prefix = "".join(names[rating].rpartition(".")[:2])
    if prefix:
        plain = [plain_name(name[len(prefix) :]) if name.startswith(prefix) else "" for name in names]
    if _BEST.isdisjoint(plain):
        return None
    last = len(prefix)
    return next((at for at, name in enumerate(plain) if name in _BEST and "." not in names[at][last:]), None)


def entry_keys(item: object) -> list[str]:
    """The keys of an object, for a sentence; none of anything else."""
    return list(cast("dict[str, Any]", item)) if isinstance(item, dict) else []


def _flat(item: dict[str, Any]) -> dict[str, object]:
    """The object without objects in it: their keys follow a dot."""
    if dict not in map(type, item.values()) and len(item) <= _MOST_KEYS:
        return item
    flat: dict[str, object] = {}
    _flatten(item, "", flat, _DEEPEST)
    return flat


def _as_table(items: Sequence[dict[str, Any]]) -> tuple[list[str], list[list[object]]]:
    """The keys of all objects, and the values of each under these."""
    flat = [_flat(item) for item in items]
    names = list(islice(dict.fromkeys(name for values in flat for name in values), _MOST_KEYS))
    return names, [[values.get(name) for name in names] for values in flat]


def _flatten(item: dict[str, Any], prefix: str, into: dict[str, object], depth: int) -> None:
    for key, value in item.items():
        if len(into) > _MOST_KEYS:
            return
        name = f"{prefix}{key[:LONGEST_NAME]}"
        if isinstance(value, dict) and depth > 0:
            _flatten(cast("dict[str, Any]", value), f"{name}.", into, depth - 1)
        else:
            into[name] = value
