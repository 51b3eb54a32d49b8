"""Hints as messages of limited size, and the outbox of hints that wait to be sent."""

import json
from collections.abc import Iterator, Sequence
from threading import Lock

from outlast.ports.notifier import Topic

MAX_MESSAGES = 4
"""If a hint needs more, one message says "check everything" instead."""
MAX_KEYS = 10_000
"""Keys of one topic that may wait in an outbox; more of them become "check everything"."""

Hint = tuple[Topic, Sequence[str]]


def encode_hint(topic: Topic, keys: Sequence[str], max_bytes: int) -> Iterator[bytes]:
    """Yield the hint as ASCII messages of at most `max_bytes` each."""
    whole = json.dumps([topic.value, list(keys)]).encode()
    if len(whole) <= max_bytes:
        if keys:
            yield whole
        return
    messages: list[list[str]] = [[]]
    envelope = size = len(json.dumps([topic.value, []]))
    fits = True
    for key in keys:
        length = len(json.dumps(key)) + 2
        fits = fits and envelope + length <= max_bytes
        if size + length > max_bytes and messages[-1]:
            messages.append([])
            size = envelope
        size += length
        messages[-1].append(key)
    if not fits or len(messages) > MAX_MESSAGES:
        messages = [[""]]
    for message in messages:
        if message:
            yield json.dumps([topic.value, message]).encode()


def decode_hint(message: bytes | str) -> Hint | None:
    """Return the hint of one message; `None` if Outlast did not write it."""
    try:
        topic, keys = json.loads(message)
        return Topic(topic), [str(key) for key in keys]
    except (ValueError, TypeError):
        return None


class Outbox:
    """Hints that wait to be sent, without duplicates and bounded in number. Safe from any thread."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._hints: dict[Topic, dict[str, None]] = {}

    @property
    def empty(self) -> bool:
        return not self._hints

    def put(self, topic: Topic, keys: Sequence[str]) -> bool:
        """Add keys; return whether the outbox was empty, so that the caller has to wake the sender."""
        if not keys:
            return False
        with self._lock:
            first = not self._hints
            pending = self._hints.setdefault(topic, {})
            pending.update(dict.fromkeys(keys))
            if "" in pending or len(pending) > MAX_KEYS:
                self._hints[topic] = {"": None}
        return first

    def drain(self) -> list[Hint]:
        """Remove and return all hints."""
        with self._lock:
            hints, self._hints = self._hints, {}
        return [(topic, list(keys)) for topic, keys in hints.items()]
