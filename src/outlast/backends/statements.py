"""The SQL statements of a backend, one `.sql` file each, by name."""

import re
from collections.abc import Iterator
from functools import cache
from importlib.resources import files

from outlast.backends.rows import NEW_COLUMNS, PROGRESS_COLUMNS, SESSION_COLUMNS

PART = re.compile(r"\{(?P<prefix>\w\.|:)?(?P<name>\w+)\}")
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
    """The statements in `queries/` of one backend. `{name}` in one includes the text of another.

    `{session_fields}` and the other names in `COLUMNS` list columns, in `{s.session_fields}` of the table `s`; and
    `{:new_fields}` lists the parameters of these names.
    """

    def __init__(self, package: str) -> None:
        folder = files(package) / "queries"
        self._texts = {
            file.name.removesuffix(".sql"): file.read_text(encoding="utf-8").strip()
            for file in folder.iterdir()
            if file.name.endswith(".sql")
        }
        self._whole: dict[str, str] = {name: self._fill(name) for name in self._texts}

    def __getitem__(self, name: str) -> str:
        return self._whole[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._whole)

    def _fill(self, name: str) -> str:
        return PART.sub(self._part, self._texts[name])

    def _part(self, part: re.Match[str]) -> str:
        if part["name"] in COLUMNS:
            return ", ".join(f"{part['prefix'] or ''}{column}" for column in COLUMNS[part["name"]])
        return self._fill(part["name"])
