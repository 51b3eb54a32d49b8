"""Hints as messages of limited size, and the hints that wait to be sent."""

import json
from collections.abc import Iterator, Sequence
from threading import Lock

from outlast.ports.notifier import Topic

MESSAGES_AT_MOST = 4
"""If the keys need more, one message says "look at everything"."""
KEYS_AT_MOST = 10_000
"""So many keys of a topic wait to be sent; then it is "look at everything"."""

Hint = tuple[Topic, Sequence[str]]


def packed(topic: Topic, keys: Sequence[str], largest: int) -> Iterator[bytes]:
    """The hint in messages of at most `largest` bytes, all of them ASCII."""
    messages: list[list[str]] = [[]]
    around = size = len(json.dumps([topic.value, []]))
    fits = True
    for key in keys:
        length = len(json.dumps(key)) + 2
        fits = fits and around + length <= largest
        if size + length > largest and messages[-1]:
            messages.append([])
            size = around
        size += length
        messages[-1].append(key)
    if not fits or len(messages) > MESSAGES_AT_MOST:
        messages = [[""]]
    for message in messages:
        if message:
            yield json.dumps([topic.value, message]).encode()


def unpacked(message: bytes | str) -> Hint | None:
    """The inverse; `None` for what is none of ours."""
    try:
        topic, keys = json.loads(message)
        return Topic(topic), [str(key) for key in keys]
    except (ValueError, TypeError):
        return None


class Outbox:
    """Hints that wait to be sent: doubles are one, and there is an end to how many. Safe from any thread."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._hints: dict[Topic, dict[str, None]] = {}

    @property
    def empty(self) -> bool:
        return not self._hints

    def put(self, topic: Topic, keys: Sequence[str]) -> bool:
        """True when nothing waited before, so that the sender is to be woken."""
        if not keys:
            return False
        with self._lock:
            first = not self._hints
            gathered = self._hints.setdefault(topic, {})
            gathered.update(dict.fromkeys(keys))
            if "" in gathered or len(gathered) > KEYS_AT_MOST:
                self._hints[topic] = {"": None}
        return first

    def take(self) -> list[Hint]:
        """All that waits; the outbox is empty then."""
        with self._lock:
            hints, self._hints = self._hints, {}
        return [(topic, list(keys)) for topic, keys in hints.items()]
