"""`ARCHITECTURE.md` names every folder; `docs/generate.py` lists the files."""

from source_tree import ROOT


def test_every_folder_of_the_project_is_named() -> None:
    text = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    folders = {
        p.name
        for p in (ROOT / "tests").iterdir()
        if p.is_dir() and p.name != "__pycache__" and any(p.glob("*.py"))
    }
    missing = [name for name in sorted(folders | {"bench", "examples", "docs"}) if f"{name}/" not in text]
    assert not missing
