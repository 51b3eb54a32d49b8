"""Interpreter settings changed by analysis code are restored; additions stay."""

import sys
import threading

import pytest

from outlast.running.interpreter_state import InterpreterState


@pytest.fixture
def state(monkeypatch):
    for name in ("path", "meta_path", "path_hooks"):
        monkeypatch.setattr(sys, name, list(getattr(sys, name)))
    captured = InterpreterState.capture()
    yield captured
    captured.restore()


@pytest.mark.parametrize("name", ["path", "meta_path", "path_hooks"])
def test_emptied_import_paths_are_restored_and_added_entries_stay(state, name):
    ways = getattr(sys, name)
    before, added = list(ways), object()
    ways[:] = [added]
    state.restore()
    assert ways == [*before, added]
    ways.remove(added)


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
