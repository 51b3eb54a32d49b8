"""Limits that an analysis declares, and the keys of a session for them."""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass
from difflib import get_close_matches
from typing import Any, Final, cast

from outlast.core.analyses.declarations import kind_of, require_number, require_taking, require_text, require_whole
from outlast.domain.limits import KeyLimit
from outlast.domain.storable_text import storable_text

LONGEST_KEY: Final = 200
"""Characters of a key; the end of a longer one is replaced by a hash."""
MOST_PERMITS: Final = 1_000_000
MOST_PER_MINUTE: Final = 1_000_000.0
HASHED: Final = 64

PerFunction = Callable[..., str | None]
"""Takes the validated input as keyword arguments."""


@dataclass(frozen=True, slots=True)
class Limit:
    """How much of something runs at once, and begins within a minute, on all workers of the store together.

    `Limit(20)` lets 20 sessions of the analysis run at once. `Limit(20, per="vendor")` lets 20 run at once for
    each value of the input field `vendor`; `Limit(20, per="vendor", per_minute=500)` also lets at most 500
    attempts begin for it within any minute. A session that has to wait for a limit delays no other, and takes no
    place of a worker. A waiting session keeps the limits that were declared when it was started.

    Raises `TypeError` or `ValueError` for a mistake, when the analysis is declared at the latest.
    """

    most: int | None = None
    """Sessions that run at once, at least 1; `None`: any number."""
    _: KW_ONLY
    per: str | PerFunction | None = None
    """What is counted together. The name of an input field: the sessions of this analysis with the same value. A
    function that takes the input by name and returns text: the sessions of this analysis with the same text. Any
    other text: the sessions of all analyses that name it, `per="openai"`. `None`: the sessions of this analysis.
    If the field or the text is `None`, the limit does not apply to the session."""
    per_minute: float | None = None
    """Attempts that begin within any minute, more than 0, evenly spread; `None`: any number."""

    def __post_init__(self) -> None:
        if self.most is None and self.per_minute is None:
            raise TypeError("A Limit needs a number: Limit(20), or Limit(per_minute=500).")
        if self.most is not None:
            require_whole("most of a Limit", self.most, least=1, most=MOST_PERMITS)
        if self.per_minute is not None:
            require_number("per_minute of a Limit", self.per_minute, above=0, most=MOST_PER_MINUTE)
        if self.per is not None and not callable(self.per):
            require_text("per of a Limit", self.per)


def require_limits(of: str, limits: object, fields: Mapping[str, object]) -> None:
    """Raise `TypeError` or `ValueError` unless these are limits on an analysis with these input fields."""
    if not isinstance(limits, Sequence) or isinstance(limits, str):
        raise TypeError(f"limits {of} is {kind_of(limits)}; it is a list: limits=[Limit(20)].")
    for limit in cast("Sequence[object]", limits):
        if not isinstance(limit, Limit):
            raise TypeError(f"limits {of} has {limit!r}, which is not a Limit: limits=[Limit(20)].")
        if callable(limit.per):
            require_taking(f"per of a Limit {of}", limit.per, fields)
        elif limit.per is not None and limit.per not in fields:
            close = get_close_matches(limit.per, fields, 1)
            if close:
                raise ValueError(
                    f"per of a Limit {of} is {limit.per!r}, no input field. Did you mean {close[0]!r}?"
                )


def key_limits(
    analysis: str, limits: Sequence[Limit], values: Mapping[str, Any], as_json: Mapping[str, Any]
) -> list[KeyLimit]:
    """Return the keys of a session with this input, each once, with the lowest of its limits.

    `values` is the input by name, and `as_json` the same as JSON data.
    """
    found: dict[str, KeyLimit] = {}
    for number, limit in enumerate(limits):
        key = _key(analysis, number, limit.per, values, as_json)
        if key is not None:
            same = found.get(key)
            most = [n for n in (limit.most, same and same.most) if n is not None]
            rates = [n for n in (limit.per_minute, same and same.per_minute) if n is not None]
            found[key] = KeyLimit(key, min(most, default=None), min(rates, default=None))
    return list(found.values())


def _key(
    analysis: str,
    number: int,
    per: str | PerFunction | None,
    values: Mapping[str, Any],
    as_json: Mapping[str, Any],
) -> str | None:
    if per is None:
        return f"analysis {analysis}"
    if callable(per):
        text = per(**values)
        if text is None:
            return None
        if not isinstance(text, str):  # pyright: ignore[reportUnnecessaryIsInstance] - code without type checker
            raise TypeError(
                f"per of a Limit of the analysis {analysis!r} returned {text!r}; it returns text or None."
            )
        return _bounded(f"analysis {analysis} limit {number + 1}: {text}")
    if per not in as_json:
        return _bounded(f"shared {per}")
    value = as_json[per]
    if value is None:
        return None
    text = json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return _bounded(f"analysis {analysis} {per}={text}")


def _bounded(key: str) -> str:
    storable = storable_text(key)
    if len(storable) <= LONGEST_KEY:
        return storable
    digest = hashlib.sha256(storable.encode(errors="surrogatepass")).hexdigest()
    return storable[: LONGEST_KEY - HASHED] + digest
