"""The law about rows: code of a database reads them by the names of their columns, never by position."""

import ast
from collections.abc import Iterator

import pytest
from source_tree import ROOT

BACKENDS = ROOT / "src/outlast/backends"
MODULES = [
    path
    for name in ("", "sqlite", "postgres")
    for path in sorted((BACKENDS / name).glob("*.py"))
    if path.stem != "hints"
]
RETURN_ROWS = {"fetchone", "fetchall", "rows_of", "row_of", "rows_by_name", "all", "one", "only"}
"""Methods whose value is a row or a list of rows."""
LISTS = {
    "fingerprints",
    "rows",
    "different",
    "applied",
    "one.place",
    "said",
    "hint",
    "self._idle",
    "self._idle[0]",
}
"""What is no row, and may be read by position: lists, and the tuples of this process."""

TEXTS = {"isoformat", "split", "partition", "pop", "popleft", "hexdigest"}
"""Methods whose value is a text, a list of texts or an entry of `_idle`."""


def offences(source: str) -> Iterator[str]:
    """Every expression that reads a row by position."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.Subscript) and _is_number(node.slice) and not _may_be_indexed(node.value):
            yield ast.unparse(node)
    for function in ast.walk(tree):
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            yield from _unpacked(function)


def _unpacked(function: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[str]:
    assigned = [node for node in ast.walk(function) if isinstance(node, ast.Assign)]
    loops = [node for node in ast.walk(function) if isinstance(node, ast.For | ast.comprehension)]
    holders: set[str] = set()
    for _ in range(3):  # a name may get its rows from another
        for target, value in [(a.targets[0], a.value) for a in assigned] + [(p.target, p.iter) for p in loops]:
            if _has_rows(value, holders):
                holders |= {node.id for node in ast.walk(target) if isinstance(node, ast.Name)}
    for node in assigned:
        target = node.targets[0]
        only = isinstance(target, ast.Tuple) and len(target.elts) == 1 and isinstance(target.elts[0], ast.Name)
        if isinstance(target, ast.Tuple) and not only and _has_rows(node.value, holders):
            if isinstance(node.value, ast.Tuple) and all(_is_single(part) for part in target.elts):
                continue
            yield ast.unparse(node)
    for node in loops:
        if isinstance(node.target, ast.Tuple) and _has_rows(node.iter, holders):
            yield ast.unparse(node)
    for node in ast.walk(function):
        if isinstance(node, ast.Starred) and _has_rows(node.value, holders):
            yield ast.unparse(node)
        if isinstance(node, ast.Call) and ast.unparse(node.func) in {"dict", "tuple", "astuple"}:
            yield from (ast.unparse(node) for value in node.args if _has_rows(value, holders))


def _has_rows(value: ast.expr, holders: set[str]) -> bool:
    """Whether it is rows themselves: such a call, awaited or within a lambda, or a name that holds some."""
    match value:
        case ast.Name(id=name):
            return name in holders
        case ast.Await(value=inner) | ast.Lambda(body=inner):
            return _has_rows(inner, holders)
        case ast.Tuple(elts=parts):
            return any(_has_rows(part, holders) for part in parts)
        case ast.BoolOp(values=parts):
            return any(_has_rows(part, holders) for part in parts)
        case ast.Call(func=ast.Attribute(attr=name)) if name in RETURN_ROWS:
            return True
        case ast.Call(func=ast.Name(id="sorted" | "list" | "reversed"), args=[first, *_]):
            return _has_rows(first, holders)
        case ast.Call(args=[ast.Lambda(body=inner), *_]):
            return _has_rows(inner, holders)
        case _:
            return False


def _is_number(index: ast.expr) -> bool:
    if isinstance(index, ast.Slice):
        return any(_is_number(end) for end in (index.lower, index.upper) if end is not None)
    number = index.operand if isinstance(index, ast.UnaryOp) else index
    return isinstance(number, ast.Constant) and isinstance(number.value, int)


def _may_be_indexed(value: ast.expr) -> bool:
    method = value.func.attr if isinstance(value, ast.Call) and isinstance(value.func, ast.Attribute) else ""
    return ast.unparse(value) in LISTS or method in {
        "isoformat",
        "split",
        "partition",
        "pop",
        "popleft",
        "hexdigest",
    }


def _is_single(target: ast.expr) -> bool:
    return isinstance(target, ast.Tuple) and len(target.elts) == 1


@pytest.mark.parametrize("path", MODULES, ids=lambda path: f"{path.parent.name}.{path.stem}")
def test_a_row_is_read_by_name(path):
    assert list(offences(path.read_text(encoding="utf-8"))) == []


@pytest.mark.parametrize(
    "line",
    [
        "row = c.execute(s).fetchone(); return row[0]",
        "row = c.execute(s).fetchone(); return row[-1]",
        "rows = c.execute(s).fetchall(); return [row[:4] for row in rows]",
        "return c.execute(s).fetchone()[0]",
        "rows = await self._db.all('x'); return rows[0][1]",
        "rows.sort(key=lambda row: (-row[6], row[21]))",
        "status, at = c.execute(s).fetchone()",
        "row = c.execute(s).fetchone(); status, at = row",
        "((waiting,),) = await self._db.all('count_waiting')",
        "return [i for (i,) in await self._db.rows_of(c, 'x')]",
        "rows = await self.read(lambda c: c.execute(s).fetchall())\n for a, b in rows: pass",
        "return [Ended(*row) for row in await self._db.all('ended')]",
        "rows = await self._db.all('x'); return [(first, rest) for first, *rest in sorted(rows)]",
        "return dict(await self._db.all('versions'))",
    ],
)
def test_a_row_read_by_position_is_found(line):
    assert list(offences(f"async def read(self, c, s):\n {line}"))
