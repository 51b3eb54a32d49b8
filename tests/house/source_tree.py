"""The tree that the laws are held against."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = (ROOT / "src" / "outlast", ROOT / "reviews" / "src" / "outlast_reviews")


def in_package(path: Path) -> Path:
    """The path as it is imported: `outlast/core/watch.py`."""
    return path.relative_to(next(package.parent for package in PACKAGES if path.is_relative_to(package)))


def modules() -> list[Path]:
    """Every Python file that ships."""
    return sorted(p for package in PACKAGES for p in package.rglob("*.py"))


def repository() -> list[Path]:
    """Every file of the repository: committed, or not yet and not ignored."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    return sorted(path for name in listed.split("\0") if name and (path := ROOT / name).is_file())


def pages() -> list[Path]:
    """Every page of the documentation."""
    return sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])


def named(paths: Iterator[Path] | list[Path]) -> list[str]:
    return [str(path.relative_to(ROOT)) for path in paths]
