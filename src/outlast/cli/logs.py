"""Logging of the commands: readable lines on a terminal, JSON lines elsewhere, and secrets on neither."""

import logging
import sys
from typing import Any

import click
from pythonjsonlogger.json import JsonFormatter

from outlast.domain.printable import printable_lines
from outlast.domain.scrubbing import Scrubber
from outlast.given_settings import secret_values
from outlast.settings import SettingsError, load_settings

ERASE = "\x1b[K"
"""Erases the line with the current state, of this process or of the supervisor, which the log line replaces."""
OUR_OWN = frozenset({"session", "outcome", "code", "worker", "reference", "level", "timestamp"})
"""Fields whose values Outlast makes itself; lines are written often enough that each search of a text counts."""
COLOURS = {"warning": "yellow", "error": "red", "critical": "red"}


def set_up_logs(level: int = logging.INFO) -> None:
    """Send the logs of the library and of the server to standard error."""
    handler = logging.StreamHandler(sys.stderr)
    scrubber = _scrubber()
    handler.setFormatter(TerminalFormatter(scrubber) if sys.stderr.isatty() else JSONFormatter(scrubber))
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    logging.getLogger("outlast").setLevel(level)
    logging.getLogger("uvicorn.error").setLevel(logging.WARNING)
    # it warns about every malformed form, which clients may send at any rate
    logging.getLogger("python_multipart").setLevel(logging.ERROR)


def _scrubber() -> Scrubber:
    """Return what removes the secrets of the settings, or, while they are invalid, of the environment."""
    try:
        return Scrubber(secret_values(load_settings()))
    except SettingsError:
        return Scrubber(secret_values(None))


class TerminalFormatter(logging.Formatter):
    """Time, level and message, without secrets and with control characters escaped, as messages quote clients."""

    def __init__(self, scrubber: Scrubber) -> None:
        super().__init__()
        self._scrubber = scrubber

    def format(self, record: logging.LogRecord) -> str:
        """Format as lines with a coloured level."""
        level = record.levelname.lower()
        coloured = click.style(f"{level:8}", COLOURS.get(level, "green"))
        time = self.formatTime(record, "%H:%M:%S")
        text = self._scrubber.scrub(super().format(record))
        return f"{ERASE}{time} [{coloured}] {printable_lines(text)}"


class JSONFormatter(JsonFormatter):
    """One JSON object per line: `event`, `level`, `timestamp` in ISO 8601, and `exception` with its traceback.

    Texts have no secrets, and their control characters are escaped.
    """

    def __init__(self, scrubber: Scrubber) -> None:
        self._scrubber = scrubber
        names = {"message": "event", "levelname": "level", "exc_info": "exception"}
        form = "%(message)s %(levelname)s"
        super().__init__(form, rename_fields=names, timestamp=True)  # pyright: ignore[reportUnknownMemberType] - its callbacks have no types

    def process_log_record(self, log_data: dict[str, Any]) -> dict[str, Any]:
        """Lower-case the level, and clean the texts."""
        cleaned = {name: self._clean(name, value) for name, value in log_data.items()}
        return cleaned | {"level": log_data["level"].lower()}

    def _clean(self, name: str, value: Any) -> Any:
        if not isinstance(value, str) or name in OUR_OWN:
            return value
        return printable_lines(self._scrubber.scrub(value))
