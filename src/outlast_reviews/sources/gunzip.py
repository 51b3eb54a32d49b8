"""Unpacks gzip block by block and stops early at a bomb."""

import zlib
from collections.abc import Iterable, Iterator

from outlast_reviews.sources.limits import MIB, Limits, NotReviews, TooMuch

GZIP_MAGIC = b"\x1f\x8b"

_BLOCK = 64 * 1024
_RATIO_COUNTS_FROM = 4 * MIB
_BOMB = (
    "The gzip file unpacks to far more than a file of reviews would, so it was not read further. "
    "Give the unpacked file of one product."
)


def gunzip(packed: Iterable[bytes], limits: Limits) -> Iterator[bytes]:
    """The unpacked content of one or several gzip members; raises `NotReviews` when it is damaged or a bomb."""
    taken = given = 0
    member = zlib.decompressobj(zlib.MAX_WBITS | 16)
    fresh = True
    for block in packed:
        taken += len(block)
        data, full = block, False
        while data or full:
            if fresh and not data.strip(b"\0"):
                break  # padding after the last member
            try:
                unpacked = member.decompress(data, _BLOCK)
            except zlib.error:
                raise NotReviews(
                    "The gzip file is damaged and cannot be unpacked. Pack or download it again."
                ) from None
            given += len(unpacked)
            used = taken - len(member.unconsumed_tail)
            if given > limits.unpacked:
                raise TooMuch(_BOMB)
            if given > _RATIO_COUNTS_FROM and given > used * limits.ratio:
                raise NotReviews(_BOMB)
            if unpacked:
                yield unpacked
            data, full, fresh = member.unconsumed_tail, len(unpacked) == _BLOCK, False
            if member.eof:
                data, full, fresh = member.unused_data, False, True
                member = zlib.decompressobj(zlib.MAX_WBITS | 16)
    if not fresh:
        raise NotReviews(
            "The gzip file breaks off in the middle: part of it is missing. Copy or download it again."
        )
