"""What people install: the built wheel, and the versions around it."""

import re
import subprocess
import tomllib
import zipfile
from importlib.metadata import version
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
    assert _pins(_lock()) == {c.replace("==", "", 1) for c in constraints}


@pytest.mark.slow
def test_what_a_clone_resolves_to_is_the_lock_file() -> None:
    """In a fresh clone uv has just resolved `uv.lock`, from the constraints alone."""
    resolved = _run(
        *("uv", "export", "--frozen", "--no-emit-project", "--all-groups", "--no-annotate", "--no-header"),
        *("--format", "requirements-txt"),
        cwd=ROOT,
    )
    assert _pins(resolved) == _pins(_lock()), "Run the export that CONTRIBUTING.md names"


def test_what_is_installed_is_in_the_lock_file() -> None:
    pinned = {name: found for name, found, _ in PIN.findall(_lock())}
    for name in ("apsw", "click", "httpx", "pydantic", "pytest", "starlette", "uvicorn"):
        assert version(name) == pinned[name]


def test_every_version_of_the_lock_file_has_hashes() -> None:
    entries = [e for e in re.split(r"^(?=\S)", _lock(), flags=re.MULTILINE) if e]
    assert len(entries) == len(_pins(_lock()))
    assert not [entry for entry in entries if "--hash=sha256:" not in entry]


def _lock() -> str:
    return (ROOT / "requirements.lock").read_text()


def _pins(requirements: str) -> set[str]:
    return {"".join(pin).rstrip() for pin in PIN.findall(requirements)}
