"""Run every bench once at the smallest size."""

import ast
import json
import os
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from source_tree import ROOT

from servers import folder_in_memory

ALL = ROOT / "bench" / "all.py"


def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def _benches() -> list[Path]:
    """Return every program in `bench/` with a function `main`, except the one that runs all others."""
    return [
        path
        for path in sorted((ROOT / "bench").glob("*.py"))
        if path != ALL and any(getattr(n, "name", "") == "main" for n in _tree(path).body)
    ]


def _marked(bench: Path) -> object:
    return pytest.param(bench, id=bench.name, marks=[pytest.mark.long] if bench.stem == "engines" else [])


@pytest.mark.slow
@pytest.mark.parametrize("bench", [_marked(bench) for bench in _benches()])
def test_the_bench_runs_at_size_one(bench: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, bench, "--size", "1"],
        cwd=tmp_path,
        env=os.environ | ({"TMPDIR": os.fspath(folder)} if (folder := folder_in_memory()) else {}),
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert done.stdout.strip()


@pytest.mark.slow
def test_the_picture_shows_every_engine_of_the_figures(tmp_path: Path) -> None:
    engine = {"versions": "x 1", "held": 9} | dict.fromkeys(
        ("pickup_p50", "pickup_p99", "starts", "drain", "memory"), 1.5
    )
    figures = {"date": "2026-01-02", "python": "3", "stores": "y 2", "cores": 2, "load": 0.1, "rounds": 3}
    names = ["Outlast, SQLite", "Fish & <Chips>"]
    (tmp_path / "f.json").write_text(json.dumps(figures | {"engines": dict.fromkeys(names, engine)}))
    program = [sys.executable, ROOT / "bench" / "picture.py", tmp_path / "f.json", tmp_path / "p.svg"]
    subprocess.run(program, check=True, cwd=tmp_path)
    texts = [t.text for t in ET.parse(tmp_path / "p.svg").iter("{http://www.w3.org/2000/svg}text")]
    assert all(texts.count(name) == 5 for name in names)


@pytest.mark.slow
def test_the_picture_in_the_documentation_shows_the_measured_figures(tmp_path: Path) -> None:
    program = [sys.executable, ROOT / "bench" / "picture.py", ROOT / "bench" / "measured.json", tmp_path / "p.svg"]
    subprocess.run(program, check=True, cwd=tmp_path)
    shown = ROOT / "docs" / "pictures" / "engines.svg"
    assert shown.read_text(encoding="utf-8") == (tmp_path / "p.svg").read_text(encoding="utf-8")


def test_all_py_runs_every_bench() -> None:
    themes = [ast.literal_eval(n.value) for n in _tree(ALL).body if isinstance(n, ast.Assign)]
    assert [sorted(t) for t in themes] == [sorted(bench.stem for bench in _benches())]
