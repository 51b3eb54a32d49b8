"""Token estimates and the token budget of an attempt (pure)."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from outlast_reviews.judge.question import BATCH, INSTRUCTION, ReviewText

ANSWER_PER_REVIEW = 120
"""Tokens of one judgement at most, a quote of some thirty words included."""
ANSWER_AT_LEAST = 100
_USUAL_ANSWER = 45
"""Typical tokens of one judgement."""
_BYTES_PER_TOKEN = 3.5
"""Of UTF-8, as tokenizers do on reviews; English has rather more, other scripts are near it."""
_FRAME = 60
"""Bytes around a review: its id, its stars, the names of the fields."""


def most_of_answer(reviews: int) -> int:
    """The limit that a request sets on its answer."""
    return ANSWER_AT_LEAST + ANSWER_PER_REVIEW * reviews


def expected(texts: Sequence[ReviewText]) -> int:
    """Estimate the tokens of asking about all texts."""
    requests = -(-len(texts) // BATCH)
    size = requests * len(INSTRUCTION.encode()) + sum(_size(text) for text in texts)
    return round(size / _BYTES_PER_TOKEN) + _USUAL_ANSWER * len(texts)


def at_most(messages: Iterable[Mapping[str, str]], reviews: int) -> int:
    """Upper bound of one request's tokens: no tokenizer makes more tokens than bytes."""
    return sum(len(message["content"].encode()) + 20 for message in messages) + most_of_answer(reviews)


def usual(messages: Iterable[Mapping[str, str]], answer: str) -> int:
    """Estimate the tokens of a request whose server does not report them."""
    size = sum(len(message["content"].encode()) for message in messages) + len(answer.encode())
    return round(size / _BYTES_PER_TOKEN)


def _size(text: ReviewText) -> int:
    return len(text.shown.encode()) + len(text.title.encode()) + _FRAME


@dataclass(slots=True)
class Budget:
    """Keeps spent and reserved tokens within the limit, if the server respects the limit on its answers."""

    limit: int
    spent: int = 0
    reserved: int = 0

    def reserve(self, tokens: int) -> bool:
        """Return False when the remaining budget does not suffice now."""
        if self.spent + self.reserved + tokens > self.limit:
            return False
        self.reserved += tokens
        return True

    def charge(self, reserved: int, spent: int) -> None:
        self.reserved -= reserved
        self.spent += spent
