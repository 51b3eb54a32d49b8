"""A folder with a Unix datagram socket for each event loop that listens; its file's name says for what."""

import hashlib
import os
import secrets
import socket
import stat
import tempfile
import threading
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path

from outlast.backends.hints import packed
from outlast.ports.notifier import Topic

LONGEST_ADDRESS = 100
"""Bytes: the smallest limit among systems is 104, with the final NUL."""
LARGEST_MESSAGE = 8_000
"""Bytes in one datagram."""
LISTED_FOR = 1.0
"""Seconds that a listing is believed."""
TIME_GRAIN = 50_000_000
"""Nanoseconds within which two changes of a folder may leave the same time on it."""
UNUSED = 60.0
"""Seconds after the last change of a folder from which nobody is about to hang a bell up there."""

LETTERS = {Topic.WAITING: "w", Topic.CANCEL: "c", Topic.CHANGED: "h"}
TOPICS = {letter: topic for topic, letter in LETTERS.items()}


class UnixSockets:
    """Rings at whoever listens in the folder. Safe from any thread; never blocks, never raises `OSError`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._wanted = folder
        self._lock = threading.Lock()
        self._socket: socket.socket | None = None
        self._listed: list[tuple[str, frozenset[str]]] = []
        self._listed_at = -LISTED_FOR
        self._changed_at = -1
        self._missed: set[tuple[str, Topic]] = set()

    def open(self) -> None:
        """Make the folder, for its owner alone; where that or such sockets cannot be had, nobody is rung at."""
        with self._lock, suppress(OSError, AttributeError):
            self.folder = private_folder(self._wanted)
            self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            self._socket.setblocking(False)
            for file in self.folder.iterdir():
                self._send(file.name, b"")
            sweep()

    def close(self) -> None:
        with self._lock:
            if self._socket is not None:
                self._socket.close()
            self._socket = None
            if self.folder != self._wanted:
                let_go(self.folder)

    def hang_up(self, topics: Iterable[Topic]) -> "UnixSocket":
        """A new bell of this process; raises `OSError` or `AttributeError` where that cannot be."""
        try:
            return UnixSocket(private_folder(self._wanted), topics)
        except FileNotFoundError:  # another has just let the folder go
            return UnixSocket(private_folder(self._wanted), topics)

    def ring(self, topic: Topic, keys: Sequence[str], own: set[str]) -> None:
        """Tell all bells that ask for the topic, but not those named `own`."""
        with self._lock:
            if self._socket is None:
                return
            messages = list(packed(topic, keys, LARGEST_MESSAGE))
            for name in self._listening(topic, own):
                everything = (name, topic) in self._missed
                self._missed.discard((name, topic))
                for message in packed(topic, [""], LARGEST_MESSAGE) if everything else messages:
                    if not self._send(name, message):
                        self._missed.add((name, topic))

    def _listening(self, topic: Topic, own: set[str]) -> list[str]:
        """By the folder's own time; the listing is also made anew now and then."""
        try:
            changed_at = self.folder.stat().st_mtime_ns
            now = time.monotonic()
            if changed_at != self._changed_at or now - self._listed_at >= LISTED_FOR:
                names = [file.name for file in self.folder.iterdir()]
                self._listed = [(name, frozenset(name.partition(".")[0])) for name in names]
                self._listed_at = now
                settled = time.time_ns() - changed_at > TIME_GRAIN
                self._changed_at = changed_at if settled else -1
        except OSError:
            return []
        letter = LETTERS[topic]
        return [name for name, letters in self._listed if letter in letters and name not in own]

    def _send(self, name: str, message: bytes) -> bool:
        """False when it should be tried again."""
        path = os.path.join(self.folder, name)  # noqa: PTH118 - on every publish, and this is five times as quick
        try:
            if self._socket is not None:
                self._socket.sendto(message, path)
        except ConnectionRefusedError:  # its process is dead
            with suppress(OSError):
                os.unlink(path)  # noqa: PTH108 - as above
        except FileNotFoundError:  # it has just closed, or listens for other topics now
            self._changed_at = -1
            self._listed_at -= LISTED_FOR
        except BlockingIOError:
            return False
        except OSError:  # whatever else: it was only a hint
            pass
        return True


class UnixSocket:
    """One bell: a bound socket and its file."""

    LONGEST_NAME = "chw.4194304-0123456789ab"

    def __init__(self, folder: Path, topics: Iterable[Topic]) -> None:
        self._folder = folder
        self._own = f"{os.getpid()}-{secrets.token_hex(6)}"
        self.name = self._named(topics)
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        try:
            self.socket.setblocking(False)
            self.socket.bind(os.fspath(folder / self.name))
        except OSError:
            self.socket.close()
            raise

    def listen_for(self, topics: Iterable[Topic]) -> None:
        """From now on for these: the file is renamed, the socket stays."""
        name = self._named(topics)
        if name != self.name:
            (self._folder / self.name).rename(self._folder / name)
            self.name = name

    def received(self, most: int) -> list[bytes]:
        """What has come, at most so many."""
        messages: list[bytes] = []
        with suppress(OSError):
            while len(messages) < most:
                messages.append(self.socket.recv(LARGEST_MESSAGE * 2))
        return messages

    def close(self) -> None:
        self.socket.close()
        with suppress(OSError):
            (self._folder / self.name).unlink()
        if is_temporary(self._folder):
            let_go(self._folder)

    def _named(self, topics: Iterable[Topic]) -> str:
        return "".join(sorted(LETTERS[topic] for topic in topics)) + "." + self._own


def is_temporary(folder: Path) -> bool:
    """It stands in the temporary folder for one whose path is too long."""
    return folder.parent == Path(tempfile.gettempdir()) and folder.name.startswith(_prefix())


def let_go(folder: Path) -> None:
    """Remove the sockets of dead processes, and the folder when nobody's is left."""
    with suppress(OSError, AttributeError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as asking:
        asking.setblocking(False)
        for file in folder.iterdir():
            try:
                asking.sendto(b"", os.fspath(file))
            except ConnectionRefusedError:
                file.unlink(missing_ok=True)
            except OSError:  # it is alive, or just closes
                pass
        folder.rmdir()


def sweep() -> None:
    """Let go of what processes of this user that were killed have left in the temporary folder."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_prefix()}*"):
        with suppress(OSError):
            found = folder.lstat()
            if (
                stat.S_ISDIR(found.st_mode)
                and found.st_uid == os.geteuid()
                and time.time() - found.st_mtime > UNUSED
            ):
                let_go(folder)


def _prefix() -> str:
    return f"outlast-{os.geteuid()}-"


def private_folder(wanted: Path) -> Path:
    """`wanted`, made for this user alone; one in the temporary folder where its path is too long for a socket.

    Raises `OSError` when such a folder belongs to somebody else.
    """
    longest = wanted.absolute() / UnixSocket.LONGEST_NAME
    if len(os.fsencode(longest)) <= LONGEST_ADDRESS:
        wanted.mkdir(mode=0o700, parents=True, exist_ok=True)
        return wanted
    name = hashlib.sha256(os.fsencode(wanted.resolve())).hexdigest()[:16]
    folder = Path(tempfile.gettempdir()) / f"{_prefix()}{name}"
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o077:
        raise PermissionError(f"{folder} is not a folder of this user alone.")
    return folder
