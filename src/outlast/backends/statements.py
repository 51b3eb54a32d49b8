"""The SQL statements of a backend, one `.sql` file each, by name."""

import re
from collections.abc import Iterator, Sequence
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable

from outlast.backends.rows import NEW_COLUMNS, PROGRESS_COLUMNS, SESSION_COLUMNS

INCLUDE = re.compile(r"\{(?P<prefix>\w\.|:)?(?P<name>\w+)(?:\((?P<values>[^)]*)\))?\}")
COLUMNS = {
    "session_fields": SESSION_COLUMNS,
    "progress_fields": PROGRESS_COLUMNS,
    "new_fields": NEW_COLUMNS,
}
"""Lists of columns that follow from the dataclasses."""


@cache
def statements(package: str) -> "Statements":
    """Return the statements of a backend, read once per process."""
    return Statements(package)


class Statements:
    """The statements in `queries/` of one backend, and in `backends/queries/`, which serve every backend.

    `{name}` in one includes the text of another, or of a fragment in `queries/fragments/`; `{name(a, b)}` puts `a`
    and `b` in the places `{1}` and `{2}` of that text. `{session_fields}` and the other names in `COLUMNS` list
    columns, in `{s.session_fields}` of the table `s`; and `{:new_fields}` lists the parameters of these names.
    """

    def __init__(self, package: str) -> None:
        folders = [files(name) / "queries" for name in ("outlast.backends", package)]
        texts = {name: text for folder in folders for name, text in _texts(folder)}
        fragments = {name: text for folder in folders for name, text in _texts(folder / "fragments")}
        self._texts = texts | fragments
        self._whole: dict[str, str] = {name: self._fill(name) for name in texts}

    def __getitem__(self, name: str) -> str:
        return self._whole[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._whole)

    def _fill(self, name: str, values: Sequence[str] = ()) -> str:
        text = self._texts[name]
        for number, value in enumerate(values, start=1):
            text = text.replace(f"{{{number}}}", value)
        return INCLUDE.sub(self._included, text)

    def _included(self, found: re.Match[str]) -> str:
        if found["name"] in COLUMNS:
            return ", ".join(f"{found['prefix'] or ''}{column}" for column in COLUMNS[found["name"]])
        return self._fill(found["name"], found["values"].split(", ") if found["values"] else ())


def _texts(folder: Traversable) -> Iterator[tuple[str, str]]:
    for file in folder.iterdir():
        if file.name.endswith(".sql"):
            yield file.name.removesuffix(".sql"), file.read_text(encoding="utf-8").strip()
