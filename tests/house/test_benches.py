"""Benches run once at the smallest size, so that they cannot rot."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest
from rooms import ROOT


def _benches() -> list[Path]:
    """Every program in `bench/`: a file with a function `main`."""
    return [
        path
        for path in sorted((ROOT / "bench").glob("*.py"))
        if any(getattr(n, "name", "") == "main" for n in ast.parse(path.read_text(encoding="utf-8")).body)
    ]


@pytest.mark.slow
@pytest.mark.parametrize("bench", _benches(), ids=lambda p: p.name)
def test_the_bench_runs_at_size_one(bench: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, bench, "--size", "1"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert done.stdout.strip()


def test_there_is_a_bench() -> None:
    assert _benches()
