"""The statements of this backend, one `.sql` file each, by the name of the file."""

import re
from collections.abc import Iterator
from importlib.resources import files

PART = re.compile(r"\{(\w+)\}")


class Statements:
    """All of `queries/`, read once. `{name}` in one stands for the whole text of another.

    `LIMIT :limit + 0`, and in sorted statements `(SELECT :id)`: SQLite prepares a statement anew whenever a value
    is bound that its plan may depend on, which takes ten times as long as most of them run.
    """

    def __init__(self) -> None:
        folder = files("outlast.backends.sqlite") / "queries"
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
