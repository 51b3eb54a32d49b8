"""Streams gzip decompression, and stops early at a decompression bomb."""

import zlib
from collections.abc import Iterable, Iterator

from outlast import message
from outlast_reviews.sources.errors import NotReviews
from outlast_reviews.sources.limits import MIB, ReadLimits, Usage

GZIP_MAGIC = b"\x1f\x8b"

_BLOCK = 64 * 1024
_AT_ONCE = 4 * 1024
"""Packed bytes; what is left of them is copied for every member in them."""
_RATIO_COUNTS_FROM = 4 * MIB


def gunzip(packed: Iterable[bytes], limits: ReadLimits, usage: Usage) -> Iterator[bytes]:
    """The unpacked content of one or several gzip members; raises `NotReviews` when it is damaged or a bomb.

    In blocks of a good size however small the members are: with every block, readers look at all they have.
    """
    gathered = bytearray()
    for unpacked in _members(packed, limits, usage):
        gathered += unpacked
        if len(gathered) >= _BLOCK:
            yield bytes(gathered)
            gathered.clear()
    if gathered:
        yield bytes(gathered)


def _members(packed: Iterable[bytes], limits: ReadLimits, usage: Usage) -> Iterator[bytes]:
    used = total = 0
    member = zlib.decompressobj(zlib.MAX_WBITS | 16)
    fresh = True
    for data in _in_pieces(packed):
        used += len(data)
        rest, full = data, False
        while rest or full:
            if fresh and not rest.strip(b"\0"):
                break  # padding after the last member
            if fresh:
                usage.part()
            try:
                unpacked = member.decompress(rest, _BLOCK)
            except zlib.error:
                raise NotReviews(
                    message("The gzip file is damaged and cannot be unpacked. Pack or download it again.")
                ) from None
            total += len(unpacked)
            usage.unpacked(len(unpacked))
            if total > _RATIO_COUNTS_FROM and total > (used - len(member.unconsumed_tail)) * limits.ratio:
                raise NotReviews(
                    message(
                        "The gzip file unpacks to far more than a file of reviews would, so it was not read"
                        " further. Give the unpacked file of one product."
                    )
                )
            yield unpacked
            rest, full, fresh = member.unconsumed_tail, len(unpacked) == _BLOCK, False
            if member.eof:
                rest, full, fresh = member.unused_data, False, True
                member = zlib.decompressobj(zlib.MAX_WBITS | 16)
    if not fresh:
        raise NotReviews(
            message("The gzip file breaks off in the middle: part of it is missing. Copy or download it again.")
        )


def _in_pieces(blocks: Iterable[bytes]) -> Iterator[bytes]:
    for block in blocks:
        for at in range(0, len(block), _AT_ONCE):
            yield block[at : at + _AT_ONCE]
