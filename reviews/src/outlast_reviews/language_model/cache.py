"""Stores judgements as facts under hashes, without any text of a review."""

import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import timedelta
from typing import Any, Protocol

from pydantic import TypeAdapter, ValidationError

from outlast import Fact
from outlast_reviews.language_model.answer import SUSPICIOUS, Judgement
from outlast_reviews.language_model.prompt import REASONS, RequestFormat, ReviewText, request_format_from

SPACE = "reviews: model's judgements"
KEEP = timedelta(days=90)
KEEP_REQUEST_FORMAT = timedelta(days=7)
"""A server may support more formats after an upgrade."""
LEAST_DOUBTED, MOST_DOUBTED = 5, 0.5
"""Doubted texts of one answer, and their share, beyond which it is not shared with other sources."""
_TO_MACHINES = "speaks_to_machines"
BATCH_SIZE = 1_000
_JUDGEMENT = TypeAdapter(Judgement)


class BlockingFacts(Protocol):
    """`outlast.facts(SPACE).blocking`."""

    def put(self, facts: Iterable[Fact], *, keep: timedelta) -> None: ...

    def get(self, keys: Iterable[str]) -> Mapping[str, Sequence[Fact]]: ...


class JudgementCache:
    """Judgements of one model and server, shared by all sources or private to the source `about`."""

    def __init__(self, facts: BlockingFacts, base_url: str, model: str, about: str = "") -> None:
        self._facts = facts
        self._about = about
        asked = f"{base_url}\n{model}"
        self._format_key = f"dialect {hashlib.sha256(asked.encode()).hexdigest()}"

    def find(self, texts: Mapping[str, ReviewText]) -> dict[str, Judgement]:
        """Return the stored judgements of these texts by key."""
        own = {self._own(key): key for key in texts}
        found = self._facts.get([*own, *texts])
        stored = {own.get(key, key): facts[0].value for key, facts in found.items()}
        valid = {key: _judgement(value, texts[key]) for key, value in stored.items()}
        return {key: judgement for key, judgement in valid.items() if judgement}

    def save(self, judged: Mapping[str, Judgement]) -> None:
        """Store for all sources, or for this one alone if a text of the batch may have manipulated the answer."""
        name = self._own if _is_suspect(judged.values()) else str
        self._facts.put((Fact(name(key), asdict(judgement)) for key, judgement in judged.items()), keep=KEEP)

    def _own(self, key: str) -> str:
        return hashlib.sha256(f"{self._about}\n{key}".encode()).hexdigest()

    def request_format(self) -> RequestFormat:
        found = self._facts.get([self._format_key])
        return (
            request_format_from(found[self._format_key][0].value) if self._format_key in found else RequestFormat()
        )

    def save_request_format(self, request_format: RequestFormat) -> None:
        self._facts.put([Fact(self._format_key, request_format.as_json())], keep=KEEP_REQUEST_FORMAT)


def _is_suspect(judged: Collection[Judgement]) -> bool:
    """Whether a text addressed the model, or the model doubted most of the batch: signs of prompt injection."""
    doubted = sum(judgement.suspicion >= SUSPICIOUS for judgement in judged)
    stored = any(_TO_MACHINES in judgement.reasons for judgement in judged)
    return stored or (doubted >= LEAST_DOUBTED and doubted > MOST_DOUBTED * len(judged))


def _judgement(stored: Any, text: ReviewText) -> Judgement | None:
    try:
        judgement = _JUDGEMENT.validate_python(stored)
    except ValidationError:
        return None
    sound = 0 <= judgement.suspicion <= 100 and 0 <= judgement.start <= judgement.end <= len(text.shown)
    return judgement if sound and set(judgement.reasons) <= set(REASONS) else None
