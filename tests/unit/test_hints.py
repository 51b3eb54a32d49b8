"""Hints in messages of limited size, and the outbox."""

import pytest

from outlast.backends.hints import MAX_KEYS, MAX_MESSAGES, Outbox, decode_hint, encode_hint
from outlast.ports.notifier import Topic

LARGEST = 8_000


@pytest.mark.parametrize(
    "keys", [["analysis"], ["ключ", "two\nlines", '"', "\0", "\ud800"], [""], [f"{n:026}" for n in range(900)]]
)
def test_keys_come_out_of_a_message_as_they_went_in(keys):
    messages = list(encode_hint(Topic.CANCEL, keys, LARGEST))
    assert all(message.isascii() and len(message) <= LARGEST for message in messages)
    hints = [decode_hint(message) for message in messages]
    assert {topic for topic, _ in hints} == {Topic.CANCEL}
    assert [key for _, some in hints for key in some] == keys


@pytest.mark.parametrize("keys", [["x" * 10_000], ["x" * 10_000, "short"], [f"{n:026}" for n in range(9_000)]])
def test_keys_that_do_not_fit_become_a_hint_without_keys(keys):
    messages = list(encode_hint(Topic.CHANGED, keys, LARGEST))
    assert [decode_hint(message) for message in messages] == [(Topic.CHANGED, [""])]


def test_no_size_is_passed_whatever_the_keys_are_long():
    for length in range(1, 300):
        messages = list(encode_hint(Topic.WAITING, ["k" * length] * 40, 2_000))
        assert len(messages) <= MAX_MESSAGES
        assert max(map(len, messages)) <= 2_000


@pytest.mark.parametrize("message", [b"", b"\xff", b"[]", b'["unknown",["a"]]', b'["changed",7]', b"7"])
def test_a_message_of_another_program_is_ignored(message):
    assert decode_hint(message) is None


def test_the_outbox_keeps_each_hint_once_and_returns_it_once():
    outbox = Outbox()
    assert outbox.put(Topic.CANCEL, ["a", "b"])
    assert not outbox.put(Topic.CANCEL, ["b", "c"])
    assert not outbox.put(Topic.WAITING, ["analysis"])
    assert dict(outbox.drain()) == {Topic.CANCEL: ["a", "b", "c"], Topic.WAITING: ["analysis"]}
    assert outbox.empty
    assert outbox.drain() == []


def test_publishing_no_keys_wakes_no_listener():
    outbox = Outbox()
    assert not outbox.put(Topic.CANCEL, [])
    assert outbox.empty


def test_too_many_keys_become_a_hint_without_keys():
    outbox = Outbox()
    outbox.put(Topic.CHANGED, [str(n) for n in range(MAX_KEYS)])
    outbox.put(Topic.CHANGED, ["one more"])
    outbox.put(Topic.CHANGED, ["and another"])
    assert outbox.drain() == [(Topic.CHANGED, [""])]
