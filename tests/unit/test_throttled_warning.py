"""Warnings that clients can cause at any rate are logged once a minute."""

import logging
import math

import pytest

from outlast.web.throttled_warning import ThrottledWarning, WarningFilter

log = logging.getLogger("test")


class Clock:
    now = 1_000.0

    def __call__(self) -> float:
        return self.now


def test_the_first_is_logged_at_once_and_the_rest_with_a_count(caplog: pytest.LogCaptureFixture):
    clock = Clock()
    warning = ThrottledWarning(log, "It happened.", clock)
    for _ in range(100):
        warning.note()
    assert caplog.messages == ["It happened."]
    clock.now += 59
    warning.flush()
    assert len(caplog.messages) == 1
    clock.now += 1
    warning.flush()
    assert caplog.messages == ["It happened.", "It happened. (99 times)"]
    clock.now += 3_600
    warning.flush()
    assert len(caplog.messages) == 2


def test_with_infinite_seconds_between_lines_only_the_first_is_logged(caplog: pytest.LogCaptureFixture):
    clock = Clock()
    warning = ThrottledWarning(log, "It happened.", clock, every=math.inf)
    warning.note()
    clock.now += 10**9
    warning.note()
    assert caplog.messages == ["It happened."]


def test_lines_of_another_library_are_counted_and_its_others_pass(caplog: pytest.LogCaptureFixture):
    warning = ThrottledWarning(log, "Counted.", Clock())
    library = logging.getLogger("library")
    library.addFilter(counting := WarningFilter({"The same again.": warning}))
    try:
        for _ in range(5):
            library.warning("The same again.")
        library.warning("Another.")
    finally:
        library.removeFilter(counting)
    assert caplog.messages == ["Counted.", "Another."]
