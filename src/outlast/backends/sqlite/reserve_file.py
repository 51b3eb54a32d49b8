"""A reserve file beside the database, deleted when the disk is full so that a cleanup can start."""

import os
import shutil
from contextlib import suppress
from pathlib import Path

SIZE = 1_000_000
"""Bytes, enough for the log of a small change and its indexes."""
MIN_FREE = 4 * SIZE
"""Free bytes that the disk must have before the file is created."""


class ReserveFile:
    """The reserve file of one database."""

    def __init__(self, database: Path) -> None:
        self._path = database.with_name(database.name + "-reserve")

    def create(self) -> None:
        """Create the file, unless it exists or the disk has too little space."""
        with suppress(OSError):
            if self._path.exists() or shutil.disk_usage(self._path.parent).free < MIN_FREE:
                return
            file = os.open(self._path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
            try:
                os.write(file, bytes(SIZE))
            finally:
                os.close(file)

    def release(self) -> bool:
        """Delete the file if the disk is full; return whether that freed space."""
        with suppress(OSError):
            if shutil.disk_usage(self._path.parent).free < SIZE:
                self._path.unlink()
                return True
        return False
