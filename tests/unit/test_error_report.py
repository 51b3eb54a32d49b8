"""What operators read about an error: complete, without secrets, and limited."""

import pytest

from outlast.domain.error_report import (
    MAX_CLASS,
    MAX_MESSAGE,
    MAX_TRACEBACK,
    error_report,
    report_of,
    shortened,
)
from outlast.domain.printable import CONTROL
from outlast.domain.scrubbing import HIDDEN, Scrubber


class ShopError(Exception):
    """An error of a module."""


def raised(error):
    try:
        raise error
    except type(error) as caught:
        return caught


def test_a_report_has_class_message_and_traceback():
    report = report_of(raised(ShopError("it is closed")), Scrubber())
    assert report.exception == f"{__name__}.ShopError"
    assert report.message == "it is closed"
    assert "in raised" in report.traceback
    assert report.traceback.endswith("ShopError: it is closed\n")
    assert report_of(raised(ValueError("x")), Scrubber()).exception == "ValueError"


def test_secrets_and_control_characters_are_in_no_part():
    hostile = "\x1b[2Jkey \ud800 password=hunter22 and the known one\x00\r\u202e"
    report = report_of(raised(ShopError(hostile)), Scrubber({"the known one"}))
    for text in (report.message, report.traceback):
        assert not CONTROL.search(text.replace("\n", ""))
        assert HIDDEN in text
        assert "hunter22" not in text
        assert "the known one" not in text


@pytest.mark.slow
@pytest.mark.parametrize("character", ["a", "ü", "\u20ac", "👍"])
def test_long_texts_keep_both_ends_within_their_limit_in_bytes(character):
    text = "first " + " ".join([character * 20] * 50_000) + " last"
    report = error_report(text, text, text, Scrubber())
    for part, limit in (
        (report.exception, MAX_CLASS),
        (report.message, MAX_MESSAGE),
        (report.traceback, MAX_TRACEBACK),
    ):
        assert limit // 2 < len(part.encode()) <= limit
        assert part.startswith("first ")
        assert part.endswith(" last")
        assert "omitted" in part


def test_a_text_within_its_limit_stays_as_it_is():
    assert shortened("a" * 100, 100) == "a" * 100
    assert len(shortened("a" * 101, 100).encode()) <= 100


def test_a_traceback_without_end_is_limited():
    def deeper(n):
        return deeper(n + 1) + 1

    with pytest.raises(RecursionError) as caught:
        deeper(0)
    report = report_of(caught.value, Scrubber())
    assert len(report.traceback.encode()) <= MAX_TRACEBACK
    assert "RecursionError" in report.traceback
