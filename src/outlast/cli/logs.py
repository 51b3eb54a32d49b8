"""Logging of the commands: readable lines on a terminal, JSON lines elsewhere."""

import logging
import sys
from typing import Any

import click
from pythonjsonlogger.json import JsonFormatter

from outlast.cli.printable import printable_lines

ERASE = "\x1b[K"
"""Erases the line with the current state, of this process or of the supervisor, which the log line replaces."""
COLOURS = {"warning": "yellow", "error": "red", "critical": "red"}


def set_up_logs(level: int = logging.INFO) -> None:
    """Send the logs of the library and of the server to standard error."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(TerminalFormatter() if sys.stderr.isatty() else JSONFormatter())
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    logging.getLogger("outlast").setLevel(level)
    logging.getLogger("uvicorn.error").setLevel(logging.WARNING)
    # it warns about every malformed form, which clients may send at any rate
    logging.getLogger("python_multipart").setLevel(logging.ERROR)


class TerminalFormatter(logging.Formatter):
    """Time, level and message, with control characters escaped, as messages quote clients and analyses."""

    def format(self, record: logging.LogRecord) -> str:
        """Format as lines with a coloured level."""
        level = record.levelname.lower()
        coloured = click.style(f"{level:8}", COLOURS.get(level, "green"))
        time = self.formatTime(record, "%H:%M:%S")
        return f"{ERASE}{time} [{coloured}] {printable_lines(super().format(record))}"


class JSONFormatter(JsonFormatter):
    """One JSON object per line: `event`, `level`, `timestamp` in ISO 8601, and `exception` with its traceback."""

    def __init__(self) -> None:
        names = {"message": "event", "levelname": "level", "exc_info": "exception"}
        form = "%(message)s %(levelname)s"
        super().__init__(form, rename_fields=names, timestamp=True)  # pyright: ignore[reportUnknownMemberType] - its callbacks have no types

    def process_log_record(self, log_data: dict[str, Any]) -> dict[str, Any]:
        """Lower-case the level."""
        return log_data | {"level": log_data["level"].lower()}
