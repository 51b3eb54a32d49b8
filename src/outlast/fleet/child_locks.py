"""Detects dead child processes of a Celery worker by file locks, which the system releases at their death."""

import fcntl
import os
import tempfile

SLOT_BYTES = 32


class ChildLocks:
    """Locks of one file, created before the fork. Each child locks a slot and writes the id of its worker to it.

    The locks belong to processes, so no child may close the file. Use it from one thread of each process.
    """

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 - open until its processes end
        self._own_slot: int | None = None

    def set_worker(self, worker_id: str) -> None:
        """Record the worker of this process; an empty id means that it has none."""
        if self._own_slot is None:
            slot = 0
            while not self._lock(slot) or self._read(slot):
                slot += 1
            self._own_slot = slot
        self._write(self._own_slot, worker_id)

    def collect_dead(self) -> list[str]:
        """Return the workers of children that have died, each of them once."""
        dead: list[str] = []
        for slot in range(os.fstat(self._file.fileno()).st_size // SLOT_BYTES):
            if slot == self._own_slot or not self._lock(slot):
                continue
            worker_id = self._read(slot)
            if worker_id:
                dead.append(worker_id)
                self._write(slot, "")
            fcntl.lockf(self._file, fcntl.LOCK_UN, SLOT_BYTES, slot * SLOT_BYTES)
        return dead

    def close(self) -> None:
        """Close the file, in the parent, once its children have ended."""
        self._file.close()

    def _lock(self, slot: int) -> bool:
        try:
            fcntl.lockf(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB, SLOT_BYTES, slot * SLOT_BYTES)
        except OSError:
            return False
        return True

    def _read(self, slot: int) -> str:
        return os.pread(self._file.fileno(), SLOT_BYTES, slot * SLOT_BYTES).decode().strip()

    def _write(self, slot: int, worker_id: str) -> None:
        os.pwrite(self._file.fileno(), worker_id.ljust(SLOT_BYTES).encode(), slot * SLOT_BYTES)
