"""The built wheels, and the pinned versions of their dependencies."""

import os
import re
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from importlib.metadata import version
from pathlib import Path

import pytest
from source_tree import PACKAGES, ROOT, in_package

PIN = re.compile(r"^([a-z0-9-]+)==(\S+)( ; [^\\]+)?", re.MULTILINE)


def _run(*command: str | Path, cwd: Path) -> str:
    # compiling all that is installed takes longer than all that is run of it
    surroundings = {name: value for name, value in os.environ.items() if name != "UV_COMPILE_BYTECODE"}
    done = subprocess.run(
        command, cwd=cwd, env=surroundings, capture_output=True, text=True, check=False, timeout=240
    )
    assert done.returncode == 0, f"{command}:\n{done.stdout[-3000:]}{done.stderr[-3000:]}"
    return done.stdout


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Build the wheels of the library and of the product."""
    folder = tmp_path_factory.mktemp("wheels")
    _run("uv", "build", "--all-packages", "--wheel", "--out-dir", folder, ROOT, cwd=folder)
    (library,), (product,) = folder.glob("outlast-*.whl"), folder.glob("outlast_reviews-*.whl")
    return library, product


def _install(home: Path, *wheels: Path, interpreter: str = sys.executable) -> Path:
    """Install these wheels into a fresh environment; return the folder of its programs."""
    _run("uv", "venv", "--python", interpreter, home, cwd=home.parent)
    python = home / "bin" / "python"
    lock = ROOT / "requirements.lock"
    _run("uv", "pip", "install", "--python", python, "--constraint", lock, *wheels, cwd=home.parent)
    return home / "bin"


@pytest.mark.slow
def test_each_built_wheel_has_every_file_of_its_package(wheels: tuple[Path, Path]) -> None:
    for package, wheel in zip(PACKAGES, wheels, strict=True):
        with zipfile.ZipFile(wheel) as archive:
            packed = {name for name in archive.namelist() if ".dist-info/" not in name}
        ours = {str(in_package(p)) for p in package.rglob("*") if p.is_file() and p.suffix not in {".pyc", ".pyo"}}
        assert packed == ours
        assert {Path(p).suffix for p in packed} >= {".html", ".js", ".css", ".typed"}


@pytest.mark.slow
def test_each_source_distribution_has_its_package_and_what_people_read_first(tmp_path: Path) -> None:
    _run("uv", "build", "--all-packages", "--sdist", "--out-dir", tmp_path, ROOT, cwd=tmp_path)
    first = {"LICENSE", "README.md", "pyproject.toml", "PKG-INFO", ".gitignore"}
    for package, beside in zip(PACKAGES, (first | {"CHANGELOG.md"}, first), strict=True):
        (archive,) = tmp_path.glob(f"{package.name}-*.tar.gz")
        with tarfile.open(archive) as packed:
            names = {name.partition("/")[2] for name in packed.getnames()}
        ours = {
            f"src/{in_package(p)}" for p in package.rglob("*") if p.is_file() and p.suffix not in {".pyc", ".pyo"}
        }
        assert names == ours | beside


@pytest.mark.slow
def test_the_library_alone_contains_nothing_of_the_product(wheels: tuple[Path, Path], tmp_path: Path) -> None:
    programs = _install(tmp_path / "alone", wheels[0])
    for missing in ("outlast_reviews", "httpx", "selectolax"):
        found = f"import importlib.util as u; print(u.find_spec({missing!r}))"
        assert _run(programs / "python", "-c", found, cwd=tmp_path).strip() == "None"
    listed = _run(programs / "outlast", "--help", cwd=tmp_path)
    assert "serve" in listed
    assert "reviews" not in listed.partition("Commands:")[2]
    refused = subprocess.run(
        [programs / "outlast", "serve"], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60
    )
    assert refused.returncode == 2
    assert "--app module:object" in refused.stderr
    assert "install outlast-reviews" in refused.stderr
    (tmp_path / "mine.py").write_text("from outlast import Outlast\noutlast = Outlast()\n")
    assert "current" in _run(programs / "outlast", "migrate", "--app", "mine", cwd=tmp_path)


def _interpreters() -> list[str]:
    """This one, and the system's if its pip installs nothing into it, as Debian's."""
    managed = {mark.parent.name for mark in Path("/usr/lib").glob("python3.*/EXTERNALLY-MANAGED")}
    return [sys.executable, *(f"/usr/bin/{name}" for name in sorted(managed) if int(name[9:]) >= 11)]


@pytest.mark.slow
@pytest.mark.parametrize("interpreter", _interpreters())
def test_the_product_adds_its_commands_and_its_application(
    wheels: tuple[Path, Path], tmp_path: Path, interpreter: str
) -> None:
    programs = _install(tmp_path / "both", *wheels, interpreter=interpreter)
    assert "  analyse " in _run(programs / "outlast", "--help", cwd=tmp_path)
    where = "import outlast, outlast_reviews.app as app; print(outlast.__file__, app.__file__)"
    origins = _run(programs / "python", "-c", where, cwd=tmp_path).split()
    assert all(Path(origin).is_relative_to(tmp_path / "both") for origin in origins)
    assert "current" in _run(programs / "outlast", "migrate", cwd=tmp_path)
    assert "reviews" in _run(programs / "outlast", "analyse", "sample:", cwd=tmp_path)


def test_the_constraints_of_a_fresh_clone_are_the_versions_of_the_lock_file() -> None:
    assert _constraints(ROOT / "dev") == _pins(_lock())
    assert _constraints(ROOT) < _pins(_lock())


@pytest.mark.slow
def test_serving_and_developing_resolve_to_the_lock_file(tmp_path: Path) -> None:
    """In a fresh clone, uv has just resolved `dev/uv.lock` from the constraints alone."""
    for name in ("pyproject.toml", "reviews/pyproject.toml"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    _run("uv", "lock", "--project", tmp_path, cwd=tmp_path)
    serving, developing = _resolved(tmp_path / "uv.lock"), _resolved(ROOT / "dev" / "uv.lock")
    assert developing == {(name, found) for name, found, _ in PIN.findall(_lock())}, (
        "Run the export that CONTRIBUTING.md names"
    )
    assert serving < developing
    assert not {"hypothesis", "pytest", "ruff"} & {name for name, _ in serving}

    packages = {p["name"]: p for p in tomllib.loads((tmp_path / "uv.lock").read_text())["package"]}
    needed, found = ["outlast-reviews"], set[str]()
    while needed:
        found.add(name := needed.pop())
        needed += [d["name"] for d in packages[name].get("dependencies", ()) if d["name"] not in found]
    assert "starlette" in found
    assert not found & {"celery", "psycopg", "redis"}
    total = sum(
        max(w["size"] for w in packages[name].get("wheels", ()) if re.search(r"-any|linux.*x86_64", w["url"]))
        for name in found - {"outlast", "outlast-reviews"}
    )
    assert total <= 40e6, f"serving installs {total / 1e6:.1f} MB"


def test_installed_versions_are_in_the_lock_file() -> None:
    pinned = {name: found for name, found, _ in PIN.findall(_lock())}
    for name in ("apsw", "click", "httpx", "pydantic", "pytest", "starlette", "uvicorn"):
        assert version(name) == pinned[name]


def test_every_version_of_the_lock_file_has_hashes() -> None:
    entries = [e for e in re.split(r"^(?=\S)", _lock(), flags=re.MULTILINE) if e]
    assert len(entries) == len(_pins(_lock()))
    assert not [entry for entry in entries if "--hash=sha256:" not in entry]


def _constraints(project: Path) -> set[str]:
    read = tomllib.loads((project / "pyproject.toml").read_text())
    return {c.replace("==", "", 1) for c in read["tool"]["uv"]["constraint-dependencies"]}


def _resolved(lock: Path) -> set[tuple[str, str]]:
    packages = tomllib.loads(lock.read_text())["package"]
    return {(p["name"], p["version"]) for p in packages if "registry" in p["source"]}


def _lock() -> str:
    return (ROOT / "requirements.lock").read_text()


def _pins(requirements: str) -> set[str]:
    return {"".join(pin).rstrip() for pin in PIN.findall(requirements)}
