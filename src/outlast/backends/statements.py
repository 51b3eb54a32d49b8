"""The SQL statements of a backend, one `.sql` file each, by name."""

import re
from collections.abc import Iterator
from functools import cache
from importlib.resources import files

PART = re.compile(r"\{(\w+)\}")


@cache
def statements(package: str) -> "Statements":
    """Return the statements of a backend, read once per process."""
    return Statements(package)


class Statements:
    """The statements in `queries/` of one backend. `{name}` in one includes the text of another."""

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
        return PART.sub(lambda part: self._fill(part[1]), self._texts[name])
