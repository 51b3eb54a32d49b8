"""Judgements that were paid for once: kept under a hash, without a word of any review."""

import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import timedelta
from typing import Any, Protocol

from pydantic import TypeAdapter, ValidationError

from outlast import Fact
from outlast_reviews.judge.answer import SUSPICIOUS, Judgement
from outlast_reviews.judge.question import REASONS, Text
from outlast_reviews.judge.request_format import RequestFormat, dialect_from

SPACE = "reviews: model's judgements"
KEEP = timedelta(days=90)
KEEP_DIALECT = timedelta(days=7)
"""A server may learn more in time."""
LEAST_DOUBTED, MOST_DOUBTED = 5, 0.5
"""Texts of one answer, and their share, beyond which it is not remembered for other sources."""
_TO_MACHINES = "speaks_to_machines"
AT_ONCE = 1_000
_JUDGEMENT = TypeAdapter(Judgement)


class Memory(Protocol):
    """`outlast.facts(SPACE).blocking`."""

    def put(self, facts: Iterable[Fact], *, keep: timedelta) -> None: ...

    def get(self, keys: Iterable[str]) -> Mapping[str, Sequence[Fact]]: ...


class Remembered:
    """What one model at one server said earlier, to whomever; or of the same source alone, `about`."""

    def __init__(self, memory: Memory, base_url: str, model: str, about: str = "") -> None:
        self._memory = memory
        self._about = about
        asked = f"{base_url}\n{model}"
        self._dialect = f"dialect {hashlib.sha256(asked.encode()).hexdigest()}"

    def judgements(self, texts: Mapping[str, Text]) -> dict[str, Judgement]:
        """Of these texts by their keys, as far as they are known."""
        own = {self._own(key): key for key in texts}
        found = self._memory.get([*own, *texts])
        told = {own.get(key, key): facts[0].value for key, facts in found.items()}
        held = {key: _judgement(value, texts[key]) for key, value in told.items()}
        return {key: judgement for key, judgement in held.items() if judgement}

    def keep(self, judged: Mapping[str, Judgement]) -> None:
        """For all, unless the answer may be the work of one text in the batch: that is the source's own matter."""
        name = self._own if _led_astray(judged.values()) else str
        self._memory.put((Fact(name(key), asdict(judgement)) for key, judgement in judged.items()), keep=KEEP)

    def _own(self, key: str) -> str:
        return hashlib.sha256(f"{self._about}\n{key}".encode()).hexdigest()

    def dialect(self) -> RequestFormat:
        found = self._memory.get([self._dialect])
        return dialect_from(found[self._dialect][0].value) if self._dialect in found else RequestFormat()

    def keep_dialect(self, dialect: RequestFormat) -> None:
        self._memory.put([Fact(self._dialect, dialect.told())], keep=KEEP_DIALECT)


def _led_astray(judged: Collection[Judgement]) -> bool:
    """Whether a text spoke to the model, or it doubted nearly all that it was asked about at once."""
    doubted = sum(judgement.suspicion >= SUSPICIOUS for judgement in judged)
    told = any(_TO_MACHINES in judgement.reasons for judgement in judged)
    return told or (doubted >= LEAST_DOUBTED and doubted > MOST_DOUBTED * len(judged))


def _judgement(told: Any, text: Text) -> Judgement | None:
    try:
        judgement = _JUDGEMENT.validate_python(told)
    except ValidationError:
        return None
    sound = 0 <= judgement.suspicion <= 100 and 0 <= judgement.start <= judgement.end <= len(text.shown)
    return judgement if sound and set(judgement.reasons) <= set(REASONS) else None
