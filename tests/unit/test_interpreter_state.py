"""What analysis code changes for its whole interpreter is put back, and what it adds stays."""

import sys
import threading

import pytest

from outlast.core.interpreter_state import InterpreterState


@pytest.fixture
def state(monkeypatch):
    monkeypatch.setattr(sys, "path", list(sys.path))
    captured = InterpreterState.capture()
    yield captured
    captured.restore()


def test_a_path_that_was_emptied_is_there_again_with_what_was_added(state):
    before = list(sys.path)
    sys.path[:] = ["/added"]
    state.restore()
    assert sys.path == [*before, "/added"]


def test_an_added_path_stays_where_it_was_put(state):
    sys.path.insert(0, "/added")
    wanted = list(sys.path)
    state.restore()
    assert sys.path == wanted


def test_the_recursion_limit_and_the_functions_for_new_threads_are_put_back(state):
    sys.setrecursionlimit(5_000)
    threading.settrace(lambda *_: None)
    threading.setprofile(lambda *_: None)
    state.restore()
    assert sys.getrecursionlimit() == state.recursion_limit
    assert threading.gettrace() is state.trace
    assert threading.getprofile() is state.profile
