"""What the pages tell the reader to run runs: each page is a sitting, from its first block to its last."""

import csv
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from snippets import ROOT, Block, blocks, commands, pages

NOT_RUN_HERE = {
    r"(GENERATED_REQUESTS=5000 )?(uv run --project dev )?pytest( -m| tests/|$)": "this is it",
    r"uv sync": "it has been done, or this would not run",
    r"uv lock|uv export": "changes the repository; tests/house compares its outcome",
    r"ruff|(uv run --project dev )?python docs/(generate|catalogues)": "tests/house does",
    r"uv run --project dev python bench/": "tests/house does, at size one",
    r"uv run --project dev python chaos/": "tests/integration does, a sample",
}
PREAMBLE = r"""
set -euo pipefail
halt() {
    local pids=$(jobs -p)
    [ -z "$pids" ] || { kill $pids; wait $pids || true; }
}
trap halt EXIT

serve() {  # on a port of its own, in the background; returns when it answers
    halt
    : >served.log  # not that of the server before
    "$@" --port 0 2>served.log &
    local pid=$!
    until grep -q 'Serving on\|running on' served.log; do
        kill -0 $pid || { cat served.log >&2; exit 1; }
        read -rt 0.05 <> <(:) || true
    done
    ADDRESS=$(grep -o 'http://[0-9.:]*' served.log | head -1)
}

working() {  # returns when a worker is alive
    until outlast workers status --app $APP >/dev/null; do :; done
}
"""
PRODUCT = "outlast_reviews.app:outlast"
SITTINGS = [p for p in pages() if {b.language for b in blocks(p)} & {"python", "console"}]


@pytest.mark.slow
@pytest.mark.parametrize("page", SITTINGS, ids=lambda p: str(p.relative_to(ROOT)))
def test_the_page_runs_from_its_first_block_to_its_last(page: Path, tmp_path: Path) -> None:
    script, saved = [PREAMBLE], tmp_path / "saved"
    saved.mkdir()
    for number, block in enumerate(blocks(page)):
        match block.language:
            case "python":
                name = block.file or f"block_{number}.py"
                (saved / name).write_text(block.code, encoding="utf-8")
                script.append(f"cp {saved / name} . && python -W error {name}")  # where the reader is now
            case "console":
                script += _typed(block)
            case _ if block.file:  # which the program reads, so that it must be there first
                (saved / f"block_{number}").write_text(block.code, encoding="utf-8")
                folder = Path(block.file).parent
                script.insert(1, f"mkdir -p {folder} && cp {saved / f'block_{number}'} {block.file}")
    needs_curl = any("curl" in line for line in script)
    if needs_curl and shutil.which("curl") is None:
        pytest.skip("the page shows curl, and this machine has none")
    (tmp_path / "examples").mkdir()
    shutil.copy(ROOT / "examples" / "slowsite.py", tmp_path / "examples")
    _reviews(tmp_path / "reviews.csv")
    (tmp_path / "sitting.sh").write_text("\n".join(script))
    done = subprocess.run(
        ["timeout", "--kill-after=15", "270", "bash", "sitting.sh"],  # it ends all that the page has started
        cwd=tmp_path,
        env=_surroundings(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout[-3000:]}\n{done.stderr[-3000:]}\n{_log(tmp_path)}"


def test_the_readme_shows_the_example_as_it_is() -> None:
    (shown,) = [b for b in blocks(ROOT / "README.md") if b.file == "slowsite.py"]
    assert shown.code == (ROOT / "examples" / "slowsite.py").read_text(encoding="utf-8")


def test_the_page_of_the_frameworks_shows_each_example_as_it_is() -> None:
    shown = {b.file: b.code for b in blocks(ROOT / "docs" / "build" / "frameworks.md") if b.file}
    assert shown == {p.name: p.read_text(encoding="utf-8") for p in (ROOT / "examples").glob("mounted_*.py")}


def test_the_readme_begins_with_the_two_commands() -> None:
    typed = [line for b in blocks(ROOT / "README.md") if b.language == "console" for line in commands(b)]
    assert typed[:2] == ["pip install uv && uv run outlast serve", "pip install uv && uv run --project dev pytest"]


def _typed(block: Block) -> list[str]:
    script: list[str] = []
    for line in commands(block):
        command = line.removeprefix("pip install uv && ")
        if any(re.match(pattern, command) for pattern in NOT_RUN_HERE):
            continue
        command = re.sub(r"\buv run (?=outlast|python)", "", command).replace("localhost:8000", "$ADDRESS")
        stays = re.fullmatch(
            r"(?P<folder>cd \S+ && )?(?P<rest>.*\b(?P<what>outlast serve|outlast workers start|uvicorn)\b.*)",
            command,
        )
        if "workers status" in command:
            script.append("working")
        script += _in_the_background(stays) if stays else [command]
    return script


def _in_the_background(stays: re.Match[str]) -> list[str]:
    """What runs until it is stopped."""
    if stays["what"] == "uvicorn":
        return [f"serve {stays['rest']}"]
    app = re.search(r"--app (\S+)", stays["rest"])
    lines = [(stays["folder"] or "").removesuffix(" && "), f"APP={app[1] if app else PRODUCT}"]
    if stays["what"] == "outlast serve":
        setting, _, rest = stays["rest"].rpartition("outlast serve")
        return [*lines, f"{setting}serve outlast serve{rest}"]
    return [*lines, f"{stays['rest']} &", "working"]


def _surroundings() -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("ANALYSIS_", "APP_KEY", "COV_", "PYTEST_"))}
    return {
        **kept,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONUNBUFFERED": "1",
    }


def _reviews(path: Path) -> None:
    """A small honest file of our own making."""
    with path.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(["id", "reviewer", "rating", "date", "title", "text"])
        for n in range(40):
            text = f"Item {n}: bought it in week {n * 7 % 31}, and shade number {n * 13 % 37} fits our shelf."
            rows.writerow([n, f"Person {n}", 3 + n % 3, f"2024-0{1 + n % 9}-1{n % 8}", "Fine", text])


def _log(folder: Path) -> str:
    return "\n".join(log.read_text()[-3000:] for log in folder.rglob("served.log"))
