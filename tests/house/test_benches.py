"""Benches run once at the smallest size, so that they cannot rot."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest
from rooms import ROOT

ALL = ROOT / "bench" / "all.py"


def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def _benches() -> list[Path]:
    """Every program in `bench/`: a file with a function `main`. The one that runs all others is asked apart."""
    return [
        path
        for path in sorted((ROOT / "bench").glob("*.py"))
        if path != ALL and any(getattr(n, "name", "") == "main" for n in _tree(path).body)
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
        timeout=240,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert done.stdout.strip()


def test_the_program_that_runs_them_all_leaves_none_out() -> None:
    themes = [ast.literal_eval(n.value) for n in _tree(ALL).body if isinstance(n, ast.Assign)]
    assert [sorted(t) for t in themes] == [sorted(bench.stem for bench in _benches())]
