"""A small disk that can be filled: a tmpfs, if the user may mount one."""

import os
import subprocess
from contextlib import suppress
from pathlib import Path

BALLAST = "ballast"
PIECE = bytes(65_536)


class SmallDisk:
    """Mounted at `folder` from `mount` until `unmount`."""

    def __init__(self, folder: Path, mebibytes: int) -> None:
        self.folder = folder
        self._mebibytes = mebibytes

    def mount(self) -> bool:
        """Mount it; returns whether the user may."""
        self.folder.mkdir(parents=True, exist_ok=True)
        options = f"size={self._mebibytes}m,mode=755"
        with suppress(OSError):
            command = ["mount", "-t", "tmpfs", "-o", options, "chaos", str(self.folder)]
            return subprocess.run(command, capture_output=True, check=False).returncode == 0
        return False

    def unmount(self) -> None:
        subprocess.run(["umount", "-l", str(self.folder)], capture_output=True, check=False)

    def fill(self) -> None:
        """Fill the disk to the last page. Call it again to fill space freed since."""
        with suppress(OSError), (self.folder / BALLAST).open("ab", buffering=0) as ballast:
            while ballast.write(PIECE):
                pass

    def free(self) -> None:
        (self.folder / BALLAST).unlink(missing_ok=True)

    @property
    def left(self) -> int:
        """Free space in bytes."""
        found = os.statvfs(self.folder)
        return found.f_bavail * found.f_frsize
