"""The rotated log file of a supervisor in the background, to which it and its workers write."""

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

from outlast.domain.errors import OutlastError

FOLDER: Final = "logs"
LARGEST = 10_000_000
"""Bytes after which the file is rotated."""
KEPT = 5
"""Rotated files that are kept: `workers.log.1` is the newest."""
MOST_FILES = 100
"""Supervisors that may write to one folder."""


class LogFileError(OutlastError):
    """The log file cannot be opened."""


class LogFile:
    """An open log file. A lock on it shows that a supervisor uses it; the descriptor passes the lock on."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self.path = path
        self.descriptor = descriptor

    @classmethod
    def open(cls, data_path: Path) -> "LogFile":
        """Open the first log file in the data folder that no other supervisor uses. Raises `LogFileError`."""
        folder = data_path.absolute() / FOLDER
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            for path in _names(folder):
                descriptor = _append_to(path)
                with suppress(BlockingIOError):
                    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    return cls(path, descriptor)
                os.close(descriptor)
        except OSError as error:
            raise LogFileError(f"The log file in {folder} cannot be written: {error.strerror}.") from None
        raise LogFileError(f"{MOST_FILES} supervisors use the folder {folder} already.")

    def close(self) -> None:
        os.close(self.descriptor)


def rotate(path: Path, on_rotated: Callable[[], None]) -> None:
    """Rotate the file if it has become large; standard output and error of this process then go to a new one."""
    if not path.exists() or path.stat().st_size < LARGEST:
        return
    for number in range(KEPT - 1, 0, -1):
        with suppress(FileNotFoundError):
            _numbered(path, number).replace(_numbered(path, number + 1))
    path.replace(_numbered(path, 1))
    reopen(path, lock=True)
    on_rotated()


def reopen(path: Path, *, lock: bool = False) -> None:
    """Send standard output and error of this process to the file, which it creates if it is missing."""
    descriptor = _append_to(path)
    if lock:
        with suppress(BlockingIOError):
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    for standard in (1, 2):
        os.dup2(descriptor, standard)
    os.close(descriptor)


def _append_to(path: Path) -> int:
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)


def _names(folder: Path) -> Iterator[Path]:
    yield folder / "workers.log"
    for number in range(2, MOST_FILES + 1):
        yield folder / f"workers-{number}.log"


def _numbered(path: Path, number: int) -> Path:
    return path.with_name(f"{path.name}.{number}")
