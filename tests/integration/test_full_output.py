"""A command whose output cannot be written says so in one sentence and exits with 2."""

import os
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.parametrize(
    "command", [("doctor", "--json"), ("generate", "alerts"), ("migrate",), ("--help",)], ids=" ".join
)
@pytest.mark.slow
def test_a_full_disk_behind_the_output_is_a_sentence(tmp_path: Path, command: tuple[str, ...]):
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "outlast", *command],
            cwd=tmp_path,
            env={**os.environ, "ANALYSIS_DATA_DIR": str(tmp_path / "data")},
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
            check=False,
        )
    assert done.returncode == 2, done.stderr
    assert "Error: The output cannot be written: No space left on device." in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.slow
def test_a_reader_that_closed_the_pipe_is_no_bad_news(tmp_path: Path):
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [sys.executable, "-m", "outlast", "generate", "alerts"],
        cwd=tmp_path,
        stdout=writing,
        stderr=subprocess.PIPE,
        text=True,
        timeout=60,
        check=False,
    )
    os.close(writing)
    assert (done.returncode, done.stderr) == (2, "")
