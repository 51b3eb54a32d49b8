"""Both type checkers, in strict mode, accept what users may write and reject what they may not."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from snippets import ROOT, Block, blocks, pages

import outlast

TYPED = Path(__file__).parent / "typed"
Errors = Mapping[tuple[str, int], str]
"""Messages by file and line."""


def test_the_users_file_uses_every_public_name() -> None:
    text = (TYPED / "users_file.py").read_text(encoding="utf-8")
    _, _, used = text.partition(")\n\n\nclass Page")
    missing = [name for name in outlast.__all__ if not re.search(rf"\b{name}\b", used)]
    assert not missing


@pytest.mark.slow
@pytest.mark.parametrize("checker", ["mypy", "pyright"])
def test_what_users_may_write_passes_and_each_wrong_use_is_an_error(checker: str, tmp_path: Path) -> None:
    """One test for each checker, as starting one takes seconds."""
    for path in TYPED.glob("*.py"):
        shutil.copy(path, tmp_path)
    for page in pages():
        _write_snippets(page, tmp_path)
    errors = _mypy(tmp_path) if checker == "mypy" else _pyright(tmp_path)
    assert not {place: text for place, text in errors.items() if place[0] != "wrong_uses.py"}
    lines = (TYPED / "wrong_uses.py").read_text(encoding="utf-8").splitlines()
    wrong = {number for number, line in enumerate(lines, start=1) if line.endswith("# wrong")}
    assert len(wrong) > 40
    assert {number for file, number in errors if file == "wrong_uses.py"} == wrong


def _write_snippets(page: Path, folder: Path) -> None:
    """Write the blocks of a page as modules of unique names; they may import each other."""
    prefix = re.sub(r"\W+", "_", str(page.relative_to(ROOT).with_suffix(""))).lower()
    python = [(n, b) for n, b in enumerate(blocks(page)) if b.language == "python"]
    stems = {_stem(n, block) for n, block in python}
    for n, block in python:
        code = block.code
        for stem in stems:
            code = re.sub(rf"^(\s*from|import) {stem}\b", rf"\1 {prefix}__{stem}", code, flags=re.MULTILINE)
        (folder / f"{prefix}__{_stem(n, block)}.py").write_text(code, encoding="utf-8")


def _stem(number: int, block: Block) -> str:
    return Path(block.file).stem if block.file else f"block_{number}"


def _mypy(folder: Path) -> Errors:
    command = [sys.executable, "-m", "mypy", "--strict", "--no-error-summary", "--cache-dir", os.devnull, "."]
    found = re.findall(r"^([^:\n]+):(\d+): error: (.*)$", _output(command, folder), re.MULTILINE)
    return {(file, int(line)): message for file, line, message in found}


def _pyright(folder: Path) -> Errors:
    command = [sys.executable, "-m", "pyright", "--pythonpath", sys.executable, "--outputjson", "."]
    (folder / "pyrightconfig.json").write_text('{"typeCheckingMode": "strict"}')
    report = json.loads(_output(command, folder))
    assert report["summary"]["filesAnalyzed"] == len(list(folder.glob("*.py")))
    return {
        (Path(each["file"]).name, each["range"]["start"]["line"] + 1): each["message"]
        for each in report["generalDiagnostics"]
        if each["severity"] == "error"
    }


def _output(command: list[str], folder: Path) -> str:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=240)
    assert done.returncode in {0, 1}, done.stdout + done.stderr
    return done.stdout
