"""Queues of a worker with weights, and how it shares its free places between them."""

import re
from collections.abc import Mapping, Sequence
from typing import Final

HIGHEST_WEIGHT: Final = 1_000
QUEUE: Final = re.compile(r"(?P<name>[^\s=,]+)(?:=(?P<weight>\d{1,4}))?")


def parse_queues(texts: Sequence[str]) -> tuple[tuple[str, ...], Mapping[str, int]]:
    """Parse queues such as `fast=3` and `slow`; return their names, and their weights if any has one.

    A queue without a weight then has the weight 1. Raises `ValueError` with a sentence.
    """
    found: dict[str, int | None] = {}
    for text in texts:
        parts = QUEUE.fullmatch(text)
        weight = parts and parts["weight"]
        if parts is None or (weight is not None and not 1 <= int(weight) <= HIGHEST_WEIGHT):
            raise ValueError(
                f"{text!r} is not a queue: give a name, or a name with a weight from 1 to {HIGHEST_WEIGHT}, "
                "such as fast=3"
            )
        found[parts["name"]] = None if weight is None else int(weight)
    weighted = any(weight is not None for weight in found.values())
    return tuple(found), {name: weight or 1 for name, weight in found.items()} if weighted else {}


class QueueShares:
    """Shares free places between queues: in the long run by their weights among those with waiting sessions.

    A queue that was found empty gets no credit for the time before.
    """

    def __init__(self, weights: Mapping[str, int]) -> None:
        self._weights = weights
        self._served = dict.fromkeys(weights, 0.0)
        """Sessions claimed from each queue, divided by its weight."""

    def shares(self, places: int, queues: Sequence[str]) -> Mapping[str, int]:
        """Return how many of these places each of these queues gets, without those that get none."""
        due = {queue: self._served[queue] + 1 / self._weights[queue] for queue in queues}
        found: dict[str, int] = {}
        for _ in range(places if due else 0):
            queue = min(due, key=lambda name: (due[name], -self._weights[name]))
            due[queue] += 1 / self._weights[queue]
            found[queue] = found.get(queue, 0) + 1
        return found

    def record(self, queue: str, *, asked: int, claimed: int) -> None:
        """Record how many sessions were claimed from this queue, of those that it was asked for."""
        self._served[queue] += claimed / self._weights[queue]
        if claimed < asked:
            self._served[queue] = max(self._served.values())
