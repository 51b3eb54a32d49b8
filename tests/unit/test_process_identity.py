"""A process identity shows that a process has ended, only if that is certain."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from outlast.running import process_identity
from outlast.running.process_identity import has_ended, own_identity, pid_of

pytestmark = pytest.mark.skipif(not Path("/proc/thread-self/ns/pid").exists(), reason="needs Linux")

TELL = """
import os, sys
from outlast.running.process_identity import own_identity
print(own_identity(), flush=True)
sys.stdin.read()
os._exit(3)
"""
LEADERLESS = """
import ctypes, os, sys, threading
from outlast.running.process_identity import own_identity
def stay():
    print(own_identity(), flush=True)
    sys.stdin.read()
    os._exit(3)
threading.Thread(target=stay).start()
ctypes.CDLL(None).pthread_exit(None)
"""


@pytest.fixture
def begin():
    """Start a program that says its identity and stays until its standard input closes."""
    begun = []

    def start(source=TELL):
        child = subprocess.Popen([sys.executable, "-c", source], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        begun.append(child)
        return child, child.stdout.readline().decode().strip()

    yield start
    for child in begun:
        child.kill()
        child.wait()
        child.stdin.close()
        child.stdout.close()


def test_this_process_has_an_identity_and_has_not_ended():
    identity = own_identity()
    assert identity is not None
    assert pid_of(identity) == os.getpid()
    assert not has_ended(identity)


def test_a_process_has_ended_once_it_exits_also_while_nobody_has_waited_for_it(begin):
    child, identity = begin()
    assert pid_of(identity) == child.pid
    assert not has_ended(identity)
    child.stdin.close()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert has_ended(identity)
    child.wait()
    assert has_ended(identity)


def test_a_process_runs_on_while_one_of_its_threads_does(begin):
    child, identity = begin(LEADERLESS)
    while "State:\tZ" not in Path(f"/proc/{child.pid}/status").read_text():
        os.sched_yield()
    assert not has_ended(identity)
    child.stdin.close()
    child.wait()
    assert has_ended(identity)


def test_another_process_with_the_same_pid_is_distinguished():
    boot, pids, times, pid, started = own_identity().split("/")
    assert has_ended("/".join((boot, pids, times, pid, str(int(started) - 1))))


@pytest.mark.parametrize("part", [0, 1, 2])
def test_a_process_of_another_boot_or_namespace_is_undetermined(begin, part):
    child, identity = begin()
    child.stdin.close()
    child.wait()
    assert has_ended(identity)
    parts = identity.split("/")
    parts[part] = "1"
    assert not has_ended("/".join(parts))


def test_a_process_that_is_hidden_or_cannot_be_read_has_not_ended(begin, monkeypatch, tmp_path):
    _, identity = begin()
    own_identity()
    monkeypatch.setattr(process_identity, "PROC", tmp_path)
    assert not has_ended(identity)


def test_a_forked_child_has_an_identity_of_its_own():
    reader, writer = os.pipe()
    parent = own_identity()
    child = os.fork()
    if child == 0:
        os.write(writer, (own_identity() or "").encode())
        os._exit(0)
    os.close(writer)
    os.waitpid(child, 0)
    told = os.read(reader, 1000).decode()
    os.close(reader)
    assert pid_of(told) == child
    assert told != parent


def test_a_system_without_such_files_has_no_identities(monkeypatch, tmp_path):
    process_identity._identity_of.cache_clear()
    monkeypatch.setattr(process_identity, "BOOT_ID", tmp_path / "boot_id")
    assert own_identity() is None
    assert not has_ended("boot/1/2/3/4")
    process_identity._identity_of.cache_clear()
