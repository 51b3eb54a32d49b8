"""Reads the files of a ZIP archive, each by its content, within limits."""

import io
import re
import zipfile
import zlib
from collections.abc import Callable, Mapping
from dataclasses import replace
from sys import getsizeof
from typing import IO, TYPE_CHECKING, BinaryIO

from outlast import message
from outlast_reviews.progress import Progress
from outlast_reviews.review import ReviewSet
from outlast_reviews.sources.errors import NotReviews, TooManyReviews, TooMuch, of_file
from outlast_reviews.sources.formats.columns import Part, UnknownColumns
from outlast_reviews.sources.formats.scales import UnknownScale
from outlast_reviews.sources.limits import MIB, ReadLimits, Usage
from outlast_reviews.sources.review_sets import merged, too_much

if TYPE_CHECKING:
    from typing_extensions import Buffer

ZIP_MAGIC = (b"PK\x03\x04", b"PK\x05\x06")

ReadMember = Callable[[BinaryIO, int, Progress, ReadLimits, Mapping[Part, str], Usage], ReviewSet]

_INDEX = MIB
"""Bytes that the archive's table of contents may have."""
_RATIO_COUNTS_FROM = 4 * MIB
_ENCRYPTED = 0x1
_OFFICE = {
    "xl/workbook.xml": message("an Excel workbook"),
    "word/document.xml": message("a Word document"),
    "META-INF/manifest.xml": message("an OpenDocument file"),
}
_MOST_LEFT_OUT = 3
_LITTER = ("__MACOSX/", "Thumbs.db", "desktop.ini")
_PAGE_FOLDER = re.compile(r"(?:_files|_file|-Dateien|_fichiers|_archivos|_arquivos|_bestanden|のファイル)/")
"""What browsers call the folder beside a saved page."""
_PAGE_ASSETS = (
    *(".js", ".mjs", ".css", ".map", ".woff", ".woff2", ".ttf", ".svg", ".ico", ".mp4", ".webm"),
    *(".png", ".jpg", ".jpeg", ".gif", ".webp", ".avif", ".download"),
)
"""What browsers save in the folder beside a page. It is left out unread, because the page has what matters."""


def is_zip(file: BinaryIO) -> bool:
    """Whether the file begins like one; it stands at its beginning before and after."""
    if not file.seekable():
        return False
    magic = file.read(4)
    file.seek(0)
    return magic in ZIP_MAGIC


def read_zip(
    file: BinaryIO,
    size: int,
    progress: Progress,
    limits: ReadLimits,
    mapping: Mapping[Part, str],
    usage: Usage,
    read: ReadMember,
) -> ReviewSet:
    """All reviews of all files in it; a file that holds none is named in `left_out` with the reason.

    Raises `NotReviews` when the archive is damaged, locked or a bomb, or holds no reviews at all.
    """
    if size > limits.file:
        raise NotReviews(
            message(
                "The file has {size} MiB; at most {most} MiB can be read. Give the reviews of one product alone.",
                size=size // MIB,
                most=limits.file // MIB,
            )
        )
    try:
        with zipfile.ZipFile(_SmallReads(file)) as archive:
            return _read_members(archive, progress, limits, mapping, usage, read)
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, UnicodeError) as error:
        raise NotReviews(
            message("The ZIP archive is damaged and cannot be unpacked. Pack or download it again.")
        ) from error


def _read_members(
    archive: zipfile.ZipFile,
    progress: Progress,
    limits: ReadLimits,
    mapping: Mapping[Part, str],
    usage: Usage,
    read: ReadMember,
) -> ReviewSet:
    members = _members(archive, limits)
    total = sum(member.file_size for member in members) or 1
    done = 0
    left = limits
    sets: list[tuple[str, ReviewSet]] = []
    left_out: list[str] = []
    unknown: UnknownColumns | None = None
    for member in members:
        name = _printable(member.filename)
        base = done
        usage.time()
        try:
            with archive.open(member) as unpacked:
                whole = io.BufferedReader(_Forward(unpacked))
                received = read(
                    whole,
                    member.file_size,
                    lambda n, _all, base=base: progress(base + n, total),
                    left,
                    mapping,
                    usage,
                )
                while whole.read(MIB):
                    pass  # to its end, where its checksum is looked at
            sets.append((name, received))
            left = _left(left, received)
        except TooManyReviews:
            if sets:
                raise too_much(limits) from None
            raise
        except (TooMuch, UnknownScale):
            raise
        except UnknownColumns as refused:
            unknown = unknown or refused
            left_out.append(of_file(name, str(refused)))
        except NotReviews as refused:
            left_out.append(of_file(name, str(refused)))
        except (zipfile.BadZipFile, zlib.error, EOFError) as error:
            raise NotReviews(
                message("In the ZIP archive “{file}” is damaged. Pack or download the archive again.", file=name)
            ) from error
        done += member.file_size
        progress(done, total)
    if not sets and unknown is not None:
        raise unknown
    if not sets:
        sentences = [message("There are no reviews in the ZIP archive."), *left_out[:_MOST_LEFT_OUT]]
        if (more := len(left_out) - _MOST_LEFT_OUT) > 0:
            sentences.append(message("And {more:,} more.", more=more))
        raise NotReviews(" ".join(sentences))
    return merged(sets, limits, zipped=True, left_out=left_out)


def _left(limits: ReadLimits, received: ReviewSet) -> ReadLimits:
    words = sum(getsizeof(review.title) + getsizeof(review.text) for review in received.reviews)
    rows = len(received.reviews) + len(received.skipped)
    return replace(limits, rows=max(0, limits.rows - rows), text=max(0, limits.text - words))


def _members(archive: zipfile.ZipFile, limits: ReadLimits) -> list[zipfile.ZipInfo]:
    """The files worth reading, in the order of their names. Raises `NotReviews` at whatever breaks a bound."""
    names = set(archive.namelist())
    for name, what in _OFFICE.items():
        if name in names:
            raise NotReviews(
                message("This looks like {what}. Save it as “CSV UTF-8” there, and give that file.", what=what)
            )
    members = [member for member in archive.infolist() if not _is_ignored(member)]
    if len(members) > limits.members:
        raise NotReviews(
            message(
                "The ZIP archive holds {files:,} files; at most {most:,} can be read. Give the reviews of one"
                " product alone.",
                files=len(members),
                most=limits.members,
            )
        )
    unpacked = sum(member.file_size for member in members)
    if unpacked > limits.unpacked:
        raise TooMuch(
            message(
                "The ZIP archive unpacks to more than {most} MiB. Give the reviews of one product alone.",
                most=limits.unpacked // MIB,
            )
        )
    if unpacked > _RATIO_COUNTS_FROM and unpacked > limits.ratio * sum(m.compress_size for m in members):
        raise NotReviews(
            message("The ZIP archive unpacks to far more than files of reviews would, so nothing of it was read.")
        )
    for member in members:
        name = _printable(member.filename)
        if member.flag_bits & _ENCRYPTED:
            raise NotReviews(
                message("In the ZIP archive “{file}” is locked with a password. Pack it without one.", file=name)
            )
        if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise NotReviews(
                message(
                    "In the ZIP archive “{file}” is packed in an unusual way. Pack it with the usual one"
                    " (deflate).",
                    file=name,
                )
            )
        if member.file_size > _RATIO_COUNTS_FROM and member.file_size > member.compress_size * limits.ratio:
            raise NotReviews(
                message(
                    "In the ZIP archive “{file}” unpacks to far more than a file of reviews would, so nothing of"
                    " it was read.",
                    file=name,
                )
            )
    if not members:
        raise NotReviews(message("The ZIP archive is empty. Give one with files of reviews in it."))
    return sorted(members, key=lambda member: member.filename)


def _is_ignored(member: zipfile.ZipInfo) -> bool:
    name = member.filename
    last = name.rstrip("/").rpartition("/")[2]
    return (
        member.is_dir()
        or name.startswith(_LITTER)
        or last.startswith((".", "Thumbs.db", "desktop.ini"))
        or (_PAGE_FOLDER.search(name) is not None and name.lower().endswith(_PAGE_ASSETS))
    )


def _printable(name: str) -> str:
    """A member's name as it may be shown; it is never used as a path."""
    text = "".join(c if c.isprintable() else "?" for c in name.encode("utf-8", "replace").decode())
    return text if len(text) <= 100 else "…" + text[-99:]


class _SmallReads(io.RawIOBase):
    """The archive's file, refusing to be read in large pieces: only an endless table of contents would be."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def read(self, size: int = -1) -> bytes:
        data = self._file.read(_INDEX + 1 if size < 0 or size > _INDEX else size)
        if len(data) > _INDEX:
            raise NotReviews(
                message("The ZIP archive has far too many files in it. Give the reviews of one product alone.")
            )
        return data

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()


class _Forward(io.RawIOBase):
    """A member as it is unpacked, which cannot be gone back in, so that an archive in it is not unpacked."""

    def __init__(self, unpacked: IO[bytes]) -> None:
        self._unpacked = unpacked

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "Buffer") -> int:
        view = memoryview(buffer)
        data = self._unpacked.read(len(view))
        view[: len(data)] = data
        return len(data)
