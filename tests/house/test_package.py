"""What people install: the built wheel, and the versions around it."""

import re
import subprocess
import tomllib
import zipfile
from pathlib import Path

import pytest
from rooms import PACKAGES, ROOT, SOURCE

PIN = re.compile(r"^([a-z0-9-]+)==(\S+)( ; [^\\]+)?", re.MULTILINE)


def _run(*command: str | Path, cwd: Path) -> str:
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False, timeout=240)
    assert done.returncode == 0, f"{command}:\n{done.stdout[-3000:]}{done.stderr[-3000:]}"
    return done.stdout


@pytest.mark.slow
def test_the_built_wheel_works_in_a_fresh_environment_and_has_everything(tmp_path: Path) -> None:
    _run("uv", "build", "--wheel", "--out-dir", tmp_path, ROOT, cwd=tmp_path)
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        packed = set(archive.namelist())
    ours = {
        str(p.relative_to(SOURCE))
        for package in PACKAGES
        for p in package.rglob("*")
        if p.is_file() and p.suffix != ".pyc"
    }
    assert {p for p in ours if p.startswith("outlast")} <= packed
    assert {Path(p).suffix for p in packed} >= {".html", ".js", ".css", ".sql", ".typed"}

    home = tmp_path / "fresh"
    _run("uv", "venv", home, cwd=tmp_path)
    python = home / "bin" / "python"
    _run(
        "uv", "pip", "install", "--python", python, "--constraint", ROOT / "requirements.lock", wheel, cwd=tmp_path
    )
    assert "serve" in _run(home / "bin" / "outlast", "--help", cwd=tmp_path)
    origin = _run(python, "-c", "import outlast, outlast_reviews.app; print(outlast.__file__)", cwd=tmp_path)
    assert Path(origin.strip()).is_relative_to(home)
    assert "current" in _run(home / "bin" / "outlast", "migrate", cwd=tmp_path)


def test_the_constraints_of_a_fresh_clone_are_the_versions_of_the_lock_file() -> None:
    constraints = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["uv"]["constraint-dependencies"]
    pins = {"".join(part or "" for part in pin).rstrip() for pin in PIN.findall(_lock())}
    assert pins == {c.replace("==", "", 1) for c in constraints}


@pytest.mark.slow
def test_the_lock_file_has_the_versions_and_hashes_that_are_installed() -> None:
    exported = _run(
        "uv", "export", "--frozen", "--no-emit-project", "--all-groups", "--no-annotate", "--no-header",
        "--format", "requirements-txt", cwd=ROOT,
    )  # fmt: skip
    assert _lock() == exported, "Run the export that CONTRIBUTING.md names"


def _lock() -> str:
    return (ROOT / "requirements.lock").read_text()
