"""Who of the child processes of one Celery worker has died: each holds a lock that ends with it, in one file."""

import fcntl
import os
import tempfile

SIZE = 32
"""Bytes of one place."""


class ChildLocks:
    """Made before the fork; each child takes one and signs it with the id of its worker.

    The locks belong to processes: the file has no name, and no child may close it. To be used by one thread of
    each process.
    """

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 - open as long as its processes live
        self._mine: int | None = None

    def sign(self, worker_id: str) -> None:
        """This is who works here now; nobody: an empty id."""
        if self._mine is None:
            place = 0
            while not self._lock(place) or self._read(place):
                place += 1
            self._mine = place
        self._write(self._mine, worker_id)

    def fallen(self) -> list[str]:
        """The workers of children that have died, each told once."""
        found: list[str] = []
        for place in range(os.fstat(self._file.fileno()).st_size // SIZE):
            if place == self._mine or not self._lock(place):
                continue
            worker_id = self._read(place)
            if worker_id:
                found.append(worker_id)
                self._write(place, "")
            fcntl.lockf(self._file, fcntl.LOCK_UN, SIZE, place * SIZE)
        return found

    def close(self) -> None:
        """In the parent, at the end."""
        self._file.close()

    def _lock(self, place: int) -> bool:
        try:
            fcntl.lockf(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB, SIZE, place * SIZE)
        except OSError:
            return False
        return True

    def _read(self, place: int) -> str:
        return os.pread(self._file.fileno(), SIZE, place * SIZE).decode().strip()

    def _write(self, place: int, worker_id: str) -> None:
        os.pwrite(self._file.fileno(), worker_id.ljust(SIZE).encode(), place * SIZE)
