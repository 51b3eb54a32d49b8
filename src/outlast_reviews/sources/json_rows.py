"""Turns JSON objects, whatever their keys, into rows."""

from collections.abc import Mapping, Sequence
from typing import Any, NoReturn, cast

from outlast_reviews.sources.columns import (
    NO_MAPPING,
    Columns,
    Part,
    columns_of,
    place_of,
    plain_name,
    refuse_columns,
    refuse_unseen,
)
from outlast_reviews.sources.rows import Rows

_DEEPEST = 3
_MEMORY = 2_000
_MOST_KEYS = 1_000
_BEST = frozenset({"bestrating", "max", "maxrating", "ratingmax", "ratingrange", "outof"})


class JsonRows:
    """Objects in, rows out; the keys of every object may differ."""

    def __init__(self, rows: Rows, mapping: Mapping[Part, str] = NO_MAPPING) -> None:
        self._rows = rows
        self._mapping = mapping
        self._unseen: Mapping[Part, str] = mapping
        self._columns: dict[tuple[str, ...], tuple[Columns, int | None]] = {}
        self.stars_seen = self.words_seen = False

    def columns(self, item: object) -> Columns:
        """What the keys of an object mean; nothing for anything else."""
        return self._parts(cast("dict[str, Any]", item))[0] if isinstance(item, dict) else Columns()

    def within(self, item: object) -> tuple[str, list[object]] | None:
        """The list of reviews in an object that is something else, such as a product or a page of them."""
        if not isinstance(item, dict):
            return None
        for key, value in cast("dict[str, Any]", item).items():
            if "review" in key.lower() and isinstance(value, list):
                listed = cast("list[object]", value)
                if listed and self.columns(listed[0]).hold_reviews:
                    return key, listed
        return None

    def add(self, item: object) -> None:
        if not isinstance(item, dict):
            self._rows.skip("the entry is not a review but a bare value")
            return
        columns, values = self._parts(cast("dict[str, Any]", item))
        self.stars_seen = self.stars_seen or columns.rating is not None
        self.words_seen = self.words_seen or columns.text is not None
        if len(values) > _MOST_KEYS:
            self._rows.skip(f"the entry has {len(values):,} fields")
        else:
            self._rows.add(columns, values)

    def refuse(self, what: str, entries: Sequence[object]) -> NoReturn:
        """Raises `UnknownColumns` about `what`, whose first `entries` these are."""
        flat: dict[str, list[object]] = {}
        for entry in entries[:3]:
            if isinstance(entry, dict):
                values: dict[str, object] = {}
                _flatten(cast("dict[str, Any]", entry), "", values, _DEEPEST)
                for name, value in values.items():
                    flat.setdefault(name, []).append(value)
        names = list(flat)
        refuse_unseen(self._mapping, names)
        rows = [[values[n] if n < len(values) else None for values in flat.values()] for n in range(3)]
        refuse_columns(what, names, columns_of(names, self._mapping), rows)

    def refuse_unseen(self) -> None:
        """Raises `NotReviews` when a key that a person named was in no entry at all."""
        if self._unseen and self._columns:
            refuse_unseen(self._unseen, next(iter(self._columns)))

    def _parts(self, item: dict[str, Any]) -> tuple[Columns, list[object]]:
        flat: dict[str, object] = item
        if dict in map(type, item.values()) or len(item) > _MOST_KEYS:
            flat = {}
            _flatten(item, "", flat, _DEEPEST)
        names = tuple(flat)
        found = self._columns.get(names)
        if found is None:
            columns = columns_of(names, self._mapping)
            found = columns, _place_of_best(names, columns.rating)
            unseen = self._unseen.items()
            self._unseen = {part: name for part, name in unseen if place_of(name, names) is None}
            if len(self._columns) < _MEMORY:
                self._columns[names] = found
        columns, best = found
        values = list(flat.values())
        if best is not None and columns.rating is not None and values[best] not in (None, "", 5, "5", 5.0):
            values[columns.rating] = f"{values[columns.rating]}/{values[best]}"
        return columns, values


def _place_of_best(names: Sequence[str], rating: int | None) -> int | None:
    """Where the best rating of the scale stands, beside the rating itself."""
    if rating is None:
        return None
    beside = names[rating].rpartition(".")[0]
    return next(
        (
            at
            for at, name in enumerate(names)
            if plain_name(name.rpartition(".")[2]) in _BEST and name.rpartition(".")[0] == beside
        ),
        None,
    )


def entry_keys(item: object) -> list[str]:
    """The keys of an object, for a sentence; none of anything else."""
    return list(cast("dict[str, Any]", item)) if isinstance(item, dict) else []


def _flatten(item: dict[str, Any], prefix: str, into: dict[str, object], depth: int) -> None:
    for key, value in item.items():
        if len(into) > _MOST_KEYS:
            return
        if isinstance(value, dict) and depth > 0:
            _flatten(cast("dict[str, Any]", value), f"{prefix}{key}.", into, depth - 1)
        else:
            into[f"{prefix}{key}"] = value
