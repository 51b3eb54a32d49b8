"""The page that explains messages quotes them as the code says them."""

import ast
import re
from collections.abc import Iterator

import pytest
from snippets import ROOT

PAGE = ROOT / "docs" / "run" / "troubleshooting.md"
SOURCES = (ROOT / "src" / "outlast", ROOT / "reviews" / "src")
QUOTED = re.compile(r"\*([^*|]{9,})\*")


@pytest.mark.slow
def test_every_message_that_the_page_explains_is_said_somewhere() -> None:
    said = list(_texts())
    rows = [line.split("|")[1] for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("| ")]
    quoted = [part.strip(" .") for row in rows for quote in QUOTED.findall(row) for part in quote.split("…")]
    parts = [part for part in quoted if len(part) > 8]
    assert len(parts) > 10
    missing = [part for part in parts if not any(re.search(_pattern(part), text) for text in said)]
    assert not missing


def _pattern(part: str) -> str:
    """The part, whose numbers and addresses the code may compute."""
    return re.sub(r"127\\\.0\\\.0\\\.1:8000|\d+", r"(?:\\S+|\\0)", re.escape(part))


def _texts() -> Iterator[str]:
    """Every text in the code, with NUL for what an f-string computes."""
    for source in SOURCES:
        for path in source.rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.JoinedStr):
                    yield "".join(v.value if isinstance(v, ast.Constant) else "\0" for v in node.values)
                elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                    yield node.value
