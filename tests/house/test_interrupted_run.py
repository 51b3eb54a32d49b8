"""A test run that is killed leaves no process behind, however it was started."""

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import psutil
import pytest
from source_tree import ROOT

CONFTEST = f"""
import signal, sys
sys.path.insert(0, {str(ROOT / "tests")!r})
import run_guard
signal.signal(signal.SIGINT, signal.default_int_handler)  # a background job of a shell ignores it
run_guard.start()
"""
STARTER = """
import subprocess, sys, time
child = "import subprocess; subprocess.Popen(['sleep', '600'], start_new_session=True).wait()"
def test_starts_what_starts_another(tmp_path):
    subprocess.Popen([sys.executable, "-c", child], start_new_session=True)
    time.sleep(600)
"""


@pytest.mark.slow
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_run_that_is_killed_leaves_no_process_behind(tmp_path: Path, how: signal.Signals) -> None:
    (tmp_path / "conftest.py").write_text(CONFTEST)
    (tmp_path / "test_it.py").write_text(STARTER)
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("PYTEST", "OUTLAST"))}
    run = subprocess.Popen(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-c", os.devnull, str(tmp_path)],
        cwd=tmp_path,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    sleeping: list[psutil.Process] = []
    while not sleeping:
        assert run.poll() is None
        sleeping = [p for p in psutil.Process(run.pid).children(recursive=True) if p.name() == "sleep"]
        threading.Event().wait(0.05)
    run.send_signal(how)
    run.wait(30)
    assert not psutil.wait_procs(sleeping, timeout=30)[1]
