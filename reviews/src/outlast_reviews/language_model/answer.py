"""Parses and validates a model's answer: ids, value ranges and quotes (pure)."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, cast

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import from_json

from outlast import message
from outlast_reviews.language_model.errors import InvalidAnswerError
from outlast_reviews.language_model.prompt import REASONS, ReviewText

SUSPICIOUS = 70
"""Suspicion from which a judgement is a sign and needs a quote."""
LEAST_QUOTE = 6
LONGEST_QUOTE = 400
"""Characters; a shorter quote shows nothing, unless it is the whole text."""
_QUOTES = str.maketrans({"‘": "'", "’": "'", "‚": "'", "“": '"', "”": '"', "„": '"', "–": "-", "—": "-"})
"""Maps one character to one, so that positions stay valid."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """What the model says of one text."""

    suspicion: int
    """0 to 100."""
    reasons: tuple[str, ...] = ()
    """Keys of `REASONS`."""
    start: int = 0
    end: int = 0
    """Span of the quote in the text; `start == end` without a quote."""


class _RawJudgement(BaseModel):
    model_config = ConfigDict(strict=True, extra="ignore")

    id: str
    suspicion: int = Field(ge=0, le=100)
    reasons: list[str]
    quote: str


def judgements(content: str, batch: Mapping[str, ReviewText], *, cut: bool) -> dict[str, Judgement]:
    """Return the valid judgements by id. Raises `InvalidAnswerError` without a list of judgements.

    Drop a judgement with an unknown or repeated id, a value out of range, or a quote that is not in that review:
    the rest of it may be made up too. Parse an answer that was `cut` off as far as it goes.
    """
    raw = [(item_id, item) for item in _items(content, cut=cut) if (item_id := _id(item)) is not None]
    times = Counter(item_id for item_id, _ in raw)
    valid = {key: _judgement(item, batch[key]) for key, item in raw if key in batch and times[key] == 1}
    return {item_id: judgement for item_id, judgement in valid.items() if judgement is not None}


def find_quote(quote: str, text: str) -> tuple[int, int] | None:
    """Find a quote, ignoring case, white space and the style of quotation marks."""
    words = quote.translate(_QUOTES).split()
    if not words or len(quote) > LONGEST_QUOTE:
        return None
    pattern = r"\s+".join(re.escape(word) for word in words)
    found = re.search(pattern, text.translate(_QUOTES), re.IGNORECASE)
    return found.span() if found else None


def _judgement(item: Any, text: ReviewText) -> Judgement | None:
    try:
        raw = _RawJudgement.model_validate(item)
    except ValidationError:
        return None
    reasons = tuple(reason for reason in REASONS if reason in raw.reasons)
    if not raw.quote.strip():
        return None if raw.suspicion >= SUSPICIOUS else Judgement(raw.suspicion, reasons)
    place = find_quote(raw.quote, text.shown)
    if place is None:
        return None
    start, end = place
    if end - start < LEAST_QUOTE and text.shown[start:end] != text.shown.strip():
        return None if raw.suspicion >= SUSPICIOUS else Judgement(raw.suspicion, reasons)
    return Judgement(raw.suspicion, reasons, start, end)


def _id(item: Any) -> str | None:
    item_id = cast("dict[str, Any]", item).get("id") if isinstance(item, dict) else None
    return item_id if isinstance(item_id, str) else None


def _items(content: str, *, cut: bool) -> list[Any]:
    partial: Literal["on", "off"] = "on" if cut else "off"
    for document in _documents(content, cut=cut):
        try:
            read = from_json(document, allow_inf_nan=False, allow_partial=partial)
        except ValueError:
            continue
        if isinstance(read, dict):
            whole = cast("dict[str, Any]", read)
            read = whole.get("judgements", [whole] if "id" in whole else None)
        if isinstance(read, list):
            return cast("list[Any]", read)
    raise InvalidAnswerError(message("gave an answer that is no list of judgements"))


def _documents(content: str, *, cut: bool) -> Iterator[str]:
    """Candidates for the JSON of an answer: all after the reasoning, a code fence, or a part of the prose."""
    answer = content.rpartition("</think>")[2].strip()
    yield answer
    if "```" in answer:
        fenced = answer.partition("```")[2]
        yield fenced.removeprefix("json").partition("```")[0].strip()
    for opening, closing in (("{", "}"), ("[", "]")):
        start, end = answer.find(opening), answer.rfind(closing)
        if start >= 0 and (cut or end > start):
            yield answer[start:] if cut else answer[start : end + 1]
