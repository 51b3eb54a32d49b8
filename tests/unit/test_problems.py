"""What a refusal tells beside its sentence: when to try again, and a way on."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import outlast
from outlast.domain.errors import DiskAlmostFull, OutlastError, QueueFull, QuotaExceeded, TooManyActive
from outlast.web.problems import problem_of

LIMITED = {429, 503, 507}
SOURCE = Path(outlast.__file__).parent


def _problems() -> Iterator[tuple[str, ast.Call]]:
    for path in SOURCE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Problem":
                yield f"{path.relative_to(SOURCE)}:{node.lineno}", node


@pytest.mark.slow
def test_every_limit_says_when_to_try_again():
    limited = [
        (at, n) for at, n in _problems() if isinstance(n.args[0], ast.Constant) and n.args[0].value in LIMITED
    ]
    assert len(limited) > 10
    assert [at for at, n in limited if "retry_after" not in {k.arg for k in n.keywords}] == []


@pytest.mark.parametrize(
    ("error", "label"),
    [
        (TooManyActive.beside(2), "See them, or cancel one"),
        (QuotaExceeded("You have too much.", of_owner=True), "See them, or delete some"),
        (QuotaExceeded("All have too much."), "See your analyses"),
        (QueueFull("It is full."), "See your analyses"),
        (DiskAlmostFull(), "See your analyses"),
    ],
)
def test_a_limit_on_starts_and_files_shows_a_way_on(error: OutlastError, label: str):
    problem = problem_of(error)
    assert int(problem.headers["Retry-After"]) >= 1
    assert problem.body()["link"] == {"path": "/analyses", "title": label}
