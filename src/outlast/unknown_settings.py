"""Finds misspelt settings in the environment and in `.env`."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from importlib.metadata import entry_points
from pathlib import Path

from outlast.given_settings import values_in
from outlast.settings import ENV_FILE, PREFIX, setting_names

ALMOST_THE_SAME = 0.92
"""How similar a name without our prefix must be to pass for a misspelt setting."""


@dataclass(frozen=True, slots=True)
class UnknownSetting:
    """A name in the environment or in `.env` that looks like a setting, but that nothing reads."""

    name: str
    nearest: str | None
    """The setting that was probably meant."""

    @property
    def sentence(self) -> str:
        hint = f" Did you mean {self.nearest}?" if self.nearest else " Remove it, or see the list of settings."
        return f"There is no setting {self.name}, so it has no effect.{hint}"


def unknown_settings() -> list[UnknownSetting]:
    """Find misspelt settings: unknown names with our prefix, and near misses of settings that are not set."""
    given = set(os.environ) | set(values_in(Path(ENV_FILE)))
    known = {*setting_names(), *_names_of_distributions()}
    found: list[UnknownSetting] = []
    for name in sorted(given - known):
        if name.startswith(PREFIX):  # the common prefix would make all of them look alike
            ends = {known_name.removeprefix(PREFIX): known_name for known_name in known}
            near = [ends[end] for end in get_close_matches(name.removeprefix(PREFIX), ends, 1)]
            found.append(UnknownSetting(name, near[0] if near else None))
        else:
            near = get_close_matches(name, known, 1, ALMOST_THE_SAME)
            if near and near[0] not in given:
                found.append(UnknownSetting(name, near[0]))
    return found


def _names_of_distributions() -> Iterator[str]:
    """Yield the settings of installed distributions that add some by an entry point `outlast.setting_names`."""
    for entry in entry_points(group="outlast.setting_names"):
        yield from entry.load()()
