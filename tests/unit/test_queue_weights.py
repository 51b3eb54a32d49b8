"""Queues share places by their weights, and none starves."""

from collections import Counter

import pytest

from outlast.domain.queue_weights import QueueShares, parse_queues


@pytest.mark.parametrize(
    ("texts", "names", "weights"),
    [
        (["fast=3", "slow=1"], ("fast", "slow"), {"fast": 3, "slow": 1}),
        (["fast=3", "slow"], ("fast", "slow"), {"fast": 3, "slow": 1}),
        (["fast", "slow"], ("fast", "slow"), {}),
        (["fast", "fast=2"], ("fast",), {"fast": 2}),
    ],
)
def test_queues_are_parsed_with_their_weights(texts, names, weights):
    assert parse_queues(texts) == (names, weights)


@pytest.mark.parametrize("text", ["", "fast=0", "fast=-1", "fast=1001", "fast=x", "fast=", "=3", "a b", "a,b"])
def test_what_is_no_queue_is_refused(text):
    with pytest.raises(ValueError, match="is not a queue"):
        parse_queues([text])


def claimed(shares, places, waiting):
    """Claim as a worker does; return how many sessions of each queue."""
    found, queues = Counter(), list(shares._weights)
    while parts := shares.shares(places - found.total(), queues):
        for queue, asked in parts.items():
            took = min(asked, waiting[queue])
            waiting[queue] -= took
            found[queue] += took
            shares.record(queue, asked=asked, claimed=took)
            if took < asked:
                queues.remove(queue)
    return found


@pytest.mark.parametrize("places", [1, 2, 7, 100])
def test_places_are_shared_by_weight(places):
    shares, waiting = QueueShares({"a": 3, "b": 1}), Counter(a=10_000, b=10_000)
    total = sum((claimed(shares, places, waiting) for _ in range(400 // places or 1)), Counter())
    assert abs(total["a"] - 3 * total["b"]) <= 4


def test_the_places_of_an_empty_queue_go_to_the_others():
    shares = QueueShares({"a": 1, "b": 1_000})
    assert claimed(shares, 10, Counter(a=50)) == Counter(a=10)


def test_a_queue_gets_no_credit_for_the_time_in_which_it_was_empty():
    shares, waiting = QueueShares({"a": 1, "b": 1}), Counter(a=10_000)
    for _ in range(100):
        claimed(shares, 1, waiting)
    waiting["b"] = 10_000
    found = sum((claimed(shares, 1, waiting) for _ in range(20)), Counter())
    assert abs(found["a"] - found["b"]) <= 1


def test_no_queue_starves():
    shares, waiting = QueueShares({"a": 1_000, "b": 1}), Counter(a=10_000, b=10)
    found = sum((claimed(shares, 1, waiting) for _ in range(3_003)), Counter())
    assert found["b"] >= 2
