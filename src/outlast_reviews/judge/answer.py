"""From what a model wrote to judgements that hold: ids reconciled, values in bounds, quotes found (pure)."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, cast

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import from_json

from outlast_reviews.judge.errors import InvalidAnswerError
from outlast_reviews.judge.question import REASONS, Text

SUSPICIOUS = 70
"""From here on a judgement is a sign, and needs a quote."""
LEAST_QUOTE = 6
LONGEST_QUOTE = 400
"""Characters; a shorter quote shows nothing, unless it is the whole text."""
_QUOTES = str.maketrans({"‘": "'", "’": "'", "‚": "'", "“": '"', "”": '"', "„": '"', "–": "-", "—": "-"})
"""One for one, so that places stay."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """What the model says of one text."""

    suspicion: int
    """0 to 100."""
    reasons: tuple[str, ...] = ()
    """Of `REASONS`."""
    start: int = 0
    end: int = 0
    """Where in the text its quote is; equal without one."""


class _Said(BaseModel):
    model_config = ConfigDict(strict=True, extra="ignore")

    id: str
    suspicion: int = Field(ge=0, le=100)
    reasons: list[str]
    quote: str


def judgements(content: str, batch: Mapping[str, Text], *, cut: bool) -> dict[str, Judgement]:
    """By id, only what holds; a missing text was not judged. Raises `InvalidAnswerError` without an answer.

    An id that was not given, or was answered twice, an impossible value, a quote that is not in that very
    review: such a judgement is left out whole, as one cannot know what else of it was made up. An answer
    that was `cut` off counts up to there.
    """
    said = [(own, item) for item in _items(content, cut=cut) if (own := _id(item)) is not None]
    times = Counter(own for own, _ in said)
    held = {own: _judgement(item, batch[own]) for own, item in said if own in batch and times[own] == 1}
    return {own: judgement for own, judgement in held.items() if judgement is not None}


def quoted(quote: str, text: str) -> tuple[int, int] | None:
    """Where the words stand, whatever their case, white space and kind of quotation marks."""
    words = quote.translate(_QUOTES).split()
    if not words or len(quote) > LONGEST_QUOTE:
        return None
    pattern = r"\s+".join(re.escape(word) for word in words)
    found = re.search(pattern, text.translate(_QUOTES), re.IGNORECASE)
    return found.span() if found else None


def _judgement(item: Any, text: Text) -> Judgement | None:
    try:
        said = _Said.model_validate(item)
    except ValidationError:
        return None
    reasons = tuple(reason for reason in REASONS if reason in said.reasons)
    if not said.quote.strip():
        return None if said.suspicion >= SUSPICIOUS else Judgement(said.suspicion, reasons)
    place = quoted(said.quote, text.shown)
    if place is None:
        return None
    start, end = place
    if end - start < LEAST_QUOTE and text.shown[start:end] != text.shown.strip():
        return None if said.suspicion >= SUSPICIOUS else Judgement(said.suspicion, reasons)
    return Judgement(said.suspicion, reasons, start, end)


def _id(item: Any) -> str | None:
    own = cast("dict[str, Any]", item).get("id") if isinstance(item, dict) else None
    return own if isinstance(own, str) else None


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
    raise InvalidAnswerError("gave an answer that is no list of judgements")


def _documents(content: str, *, cut: bool) -> Iterator[str]:
    """Where JSON may stand in an answer: it is all of it, behind the thinking, in a fence, among words."""
    answer = content.rpartition("</think>")[2].strip()
    yield answer
    if "```" in answer:
        fenced = answer.partition("```")[2]
        yield fenced.removeprefix("json").partition("```")[0].strip()
    for opening, closing in (("{", "}"), ("[", "]")):
        start, end = answer.find(opening), answer.rfind(closing)
        if start >= 0 and (cut or end > start):
            yield answer[start:] if cut else answer[start : end + 1]
