"""`ARCHITECTURE.md` against the disk: what it lists exists, and what exists it lists."""

import re

from rooms import PACKAGES, ROOT

TREE = re.compile(r"```text\n(src/outlast/.*?)```", re.DOTALL)
SHIPPED = {".py", ".js", ".css", ".html", ".svg"}
MENTIONED_AS_A_WHOLE = {"__init__.py", "__main__.py"}


def _drawn() -> set[str]:
    """The paths of the tree: two spaces a level, several names a line, a description after two spaces."""
    trees = TREE.findall((ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8"))
    assert trees, "ARCHITECTURE.md has no tree that begins with src/outlast/"
    paths: set[str] = set()
    for tree in trees:
        above: list[str] = []
        for line in filter(str.strip, tree.splitlines()):
            depth = (len(line) - len(line.lstrip())) // 2
            names = re.split(r"\s{2,}", line.strip())[0].split(" ")
            del above[depth:]
            paths |= {"".join([*above, name]) for name in names}
            above.append(names[0])
    return paths


def test_every_path_of_the_picture_exists() -> None:
    gone = [path for path in _drawn() if not list(ROOT.glob(path.rstrip("/")))]
    assert not gone


def test_every_room_is_in_the_picture() -> None:
    drawn = _drawn()
    globbed = {found for path in drawn if "*" in path for found in ROOT.glob(path)}
    files = [
        file
        for package in PACKAGES
        for file in package.rglob("*")
        if file.suffix in SHIPPED and file.name not in MENTIONED_AS_A_WHOLE and file not in globbed
    ]
    missing = sorted(str(f.relative_to(ROOT)) for f in files if str(f.relative_to(ROOT)) not in drawn)
    assert not missing


def test_every_folder_of_the_project_is_named_on_the_map() -> None:
    text = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    folders = {
        p.name
        for p in (ROOT / "tests").iterdir()
        if p.is_dir() and p.name != "__pycache__" and any(p.glob("*.py"))
    }
    missing = [name for name in sorted(folders | {"bench", "examples", "docs"}) if f"{name}/" not in text]
    assert not missing
