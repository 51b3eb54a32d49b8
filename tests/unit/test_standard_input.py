"""Silenced standard input: the process and its children read end of file."""

import subprocess
import sys

import pytest

SILENCED = """
import os, subprocess, sys
from outlast.running.supervisor_link import silence_standard_input

def is_open(number):
    try:
        os.fstat(number)
    except OSError:
        return False
    return True

before = {number for number in range(64) if is_open(number)}
silence_standard_input()
assert os.read(0, 9) == b""
assert {number for number in range(64) if is_open(number)} == before | {0}
child = [sys.executable, "-c", "import os; assert os.read(0, 9) == b''"]
sys.exit(subprocess.run(child, check=False).returncode)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="The shell closes its input as POSIX says.")
@pytest.mark.parametrize("given", ["< /dev/zero", "<&-"])
def test_whoever_reads_from_standard_input_finds_its_end(given):
    command = ["/bin/sh", "-c", f'exec "$0" -c "$1" {given}', sys.executable, SILENCED]
    subprocess.run(command, check=True)
