"""A file beside the database that gives its space back when the disk is full, so that a clean-up can begin."""

import os
import shutil
from contextlib import suppress
from pathlib import Path

SIZE = 1_000_000
"""Bytes: as many as the log of a small change and its index need."""
MADE_FROM = 4 * SIZE
"""Bytes that must be free for it to be made."""


class Reserve:
    """Of one database."""

    def __init__(self, database: Path) -> None:
        self._path = database.with_name(database.name + "-reserve")

    def make(self) -> None:
        """Unless it is there, or the disk has no room for it."""
        with suppress(OSError):
            if self._path.exists() or shutil.disk_usage(self._path.parent).free < MADE_FROM:
                return
            file = os.open(self._path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
            try:
                os.write(file, bytes(SIZE))
            finally:
                os.close(file)

    def give(self) -> bool:
        """Delete it where the disk is full; whether there is more space now."""
        with suppress(OSError):
            if shutil.disk_usage(self._path.parent).free < SIZE:
                self._path.unlink()
                return True
        return False
