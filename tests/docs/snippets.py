"""Reads the fenced blocks of a page, so that they can be run as the reader would."""

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
FENCE = re.compile(r"^```(?P<language>\w*)(?P<rest>[^\n]*)\n(?P<code>.*?)^```$", re.DOTALL | re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Block:
    """One fenced block; `label` is what stands behind its language: `file=shop.py`, `sqlite`."""

    page: Path
    language: str
    label: str
    code: str

    @property
    def file(self) -> str | None:
        return self.label.removeprefix("file=") if self.label.startswith("file=") else None


def pages() -> list[Path]:
    return sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])


def blocks(page: Path) -> list[Block]:
    return [
        Block(page, found["language"], found["rest"].strip(), found["code"])
        for found in FENCE.finditer(page.read_text(encoding="utf-8"))
    ]


def commands(block: Block) -> list[str]:
    """The lines that the reader types."""
    return [line.removeprefix("$ ") for line in block.code.splitlines() if line.startswith("$ ")]
