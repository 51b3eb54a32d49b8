"""The files of the repository, for the tests of its laws."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = (ROOT / "src" / "outlast", ROOT / "reviews" / "src" / "outlast_reviews")


def in_package(path: Path) -> Path:
    """Return the path relative to its package's folder: `outlast/core/watch.py`."""
    return path.relative_to(next(package.parent for package in PACKAGES if path.is_relative_to(package)))


def modules() -> list[Path]:
    """Return every Python file of both distributions."""
    return sorted(p for package in PACKAGES for p in package.rglob("*.py"))


def repository() -> list[Path]:
    """Return every file of the repository, committed or not, that Git does not ignore."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    return sorted(path for name in listed.split("\0") if name and (path := ROOT / name).is_file())


def pages() -> list[Path]:
    """Return every page of the documentation."""
    return sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])


def named(paths: Iterator[Path] | list[Path]) -> list[str]:
    return [str(path.relative_to(ROOT)) for path in paths]
