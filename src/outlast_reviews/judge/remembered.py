"""Judgements that were paid for once: kept under a hash, without a word of any review."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import timedelta
from typing import Any, Protocol

from pydantic import TypeAdapter, ValidationError

from outlast import Fact
from outlast_reviews.judge.answer import Judgement
from outlast_reviews.judge.dialect import Dialect, dialect_from
from outlast_reviews.judge.question import REASONS, Text

SPACE = "reviews: model's judgements"
KEEP = timedelta(days=90)
KEEP_DIALECT = timedelta(days=7)
"""A server may learn more in time."""
AT_ONCE = 1_000
_JUDGEMENT = TypeAdapter(Judgement)


class Memory(Protocol):
    """`outlast.facts(SPACE).blocking`."""

    def put(self, facts: Iterable[Fact], *, keep: timedelta) -> None: ...

    def get(self, keys: Iterable[str]) -> Mapping[str, Sequence[Fact]]: ...


class Remembered:
    """What one model at one server said earlier, to whomever."""

    def __init__(self, memory: Memory, base_url: str, model: str) -> None:
        self._memory = memory
        asked = f"{base_url}\n{model}"
        self._dialect = f"dialect {hashlib.sha256(asked.encode()).hexdigest()}"

    def judgements(self, texts: Mapping[str, Text]) -> dict[str, Judgement]:
        """Of these texts by their keys, as far as they are known."""
        found = self._memory.get(texts)
        told = {key: _judgement(facts[0].value, texts[key]) for key, facts in found.items()}
        return {key: judgement for key, judgement in told.items() if judgement}

    def keep(self, judged: Mapping[str, Judgement]) -> None:
        self._memory.put((Fact(key, asdict(judgement)) for key, judgement in judged.items()), keep=KEEP)

    def dialect(self) -> Dialect:
        found = self._memory.get([self._dialect])
        return dialect_from(found[self._dialect][0].value) if self._dialect in found else Dialect()

    def keep_dialect(self, dialect: Dialect) -> None:
        self._memory.put([Fact(self._dialect, dialect.told())], keep=KEEP_DIALECT)


def _judgement(told: Any, text: Text) -> Judgement | None:
    try:
        judgement = _JUDGEMENT.validate_python(told)
    except ValidationError:
        return None
    sound = 0 <= judgement.suspicion <= 100 and 0 <= judgement.start <= judgement.end <= len(text.shown)
    return judgement if sound and set(judgement.reasons) <= set(REASONS) else None
