"""How many tokens the questions may take, before and while they are asked (pure)."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from outlast_reviews.judge.question import BATCH, INSTRUCTION, Text

ANSWER_PER_REVIEW = 120
"""Tokens of one judgement at most, a quote of some thirty words included."""
ANSWER_AT_LEAST = 100
_USUAL_ANSWER = 45
"""Tokens of one judgement as they usually are."""
_BYTES_PER_TOKEN = 3.5
"""Of UTF-8, as tokenizers do on reviews; English has rather more, other scripts are near it."""
_FRAME = 60
"""Bytes around a review: its id, its stars, the names of the fields."""


def most_of_answer(reviews: int) -> int:
    """The limit that a request sets on its answer."""
    return ANSWER_AT_LEAST + ANSWER_PER_REVIEW * reviews


def expected(texts: Sequence[Text]) -> int:
    """What asking about all of them is likely to take."""
    requests = -(-len(texts) // BATCH)
    size = requests * len(INSTRUCTION.encode()) + sum(_size(text) for text in texts)
    return round(size / _BYTES_PER_TOKEN) + _USUAL_ANSWER * len(texts)


def at_most(messages: Iterable[Mapping[str, str]], reviews: int) -> int:
    """What one request can take at worst: no tokenizer makes more tokens than there are bytes."""
    return sum(len(message["content"].encode()) + 20 for message in messages) + most_of_answer(reviews)


def usual(messages: Iterable[Mapping[str, str]], answer: str) -> int:
    """What a request took, where the server does not say."""
    size = sum(len(message["content"].encode()) for message in messages) + len(answer.encode())
    return round(size / _BYTES_PER_TOKEN)


def _size(text: Text) -> int:
    return len(text.shown.encode()) + len(text.title.encode()) + _FRAME


@dataclass(slots=True)
class Budget:
    """Spent and set aside stay below the limit together, if the server keeps to the limit on its answers."""

    limit: int
    spent: int = 0
    aside: int = 0

    def set_aside(self, tokens: int) -> bool:
        """False when there is no room for it now."""
        if self.spent + self.aside + tokens > self.limit:
            return False
        self.aside += tokens
        return True

    def settle(self, aside: int, spent: int) -> None:
        self.aside -= aside
        self.spent += spent
