"""Decodes bytes: the declared encoding, UTF-8, Shift-JIS if the text is Japanese, else Windows-1252.

The report names every encoding that is not Unicode.
"""

import codecs
import re

from outlast import message
from outlast_reviews.sources.errors import NotReviews

_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_DECLARATION = re.compile(
    rb"<\?xml[^>]{0,100}?encoding=[\"']([\w.:-]{2,30})|<meta[^>]{0,200}?charset=[\"']?([\w.:-]{2,30})",
    re.IGNORECASE,
)
_OF_TEXT = re.compile(r"iso8859-\d+|cp\d{3,4}|koi8-[ru]|gb\w+|big5\w*|euc_\w+|shift_jis\w*|iso2022_\w+")
_ASCII = bytes(range(128))
_RUN = re.compile(rb"[\x80-\xff]{4,}")
"""Western European words hardly ever have four accented letters in a row; other scripts have nothing else."""

_JAPANESE = codecs.lookup("cp932")
_KANA = re.compile("[ぁ-ゖァ-ヺー]")
_LEAST_KANA = 0.2
"""Of all that is not ASCII; Japanese has more than twice that, and other text read so has hardly any."""

_WRONG_ENCODING = message(
    "The file is not in UTF-8, and read as Western European text it makes no sense. Save it again with the"
    " encoding UTF-8 and give that file."
)


class Decoder:
    """Decodes a stream of blocks; `finish` rejects a wrong guess."""

    def __init__(self, head: bytes) -> None:
        mark = next((encoding for bom, encoding in _MARKS if head.startswith(bom)), None)
        self.declared = mark is not None
        """True when a byte order mark says what it is."""
        self._codec = codecs.getincrementaldecoder(mark or "utf-8")()
        self._western = False
        self._fallback = _declared_encoding(head)
        """What the text itself says it is written in, where that is not Unicode; or what it can be alone."""
        self._claimed = True
        self._seen_utf8 = False
        self._total = self._high = self._in_runs = self._broken = 0

    @property
    def encoding(self) -> str | None:
        """What the text is written in, where that is not Unicode."""
        if not self._western:
            return None
        return _shown(self._fallback) if self._fallback else "Windows-1252"

    def decode(self, block: bytes, *, final: bool = False) -> str:
        if self._western:
            return self._decode_western(block, final=final)
        pending = bytes(self._codec.getstate()[0])
        try:
            text = self._codec.decode(block, final)
        except UnicodeDecodeError as error:
            if self.declared:
                raise NotReviews(
                    message(
                        "The file says that it is Unicode text but holds bytes that are not. Save it again as"
                        " UTF-8."
                    )
                ) from None
            block = pending + block
            self._codec.reset()
            if self._seen_utf8 or not block[: error.start].isascii():
                return self._decode_damaged(block)
            self._western = True
            if self._fallback is None and _is_japanese(block):
                self._fallback, self._claimed = _JAPANESE, False
            if self._fallback:
                self._declared_codec = self._fallback.incrementaldecoder()
            return self._decode_western(block, final=final)
        self._seen_utf8 = self._seen_utf8 or not text.isascii()
        self._total += len(block)
        return text

    def finish(self) -> str:
        text = self.decode(b"", final=True)
        if (self._in_runs >= 8 and self._in_runs * 2 > self._high) or self._broken > max(8, self._total // 1_000):
            raise NotReviews(_WRONG_ENCODING)
        return text

    def _decode_western(self, block: bytes, *, final: bool = False) -> str:
        self._total += len(block)
        if self._fallback:
            try:
                return self._declared_codec.decode(block, final)
            except UnicodeDecodeError:
                raise NotReviews(
                    message(
                        "The file says that it is written in {encoding}, but holds bytes that are not. Save it"
                        " again as UTF-8.",
                        encoding=_shown(self._fallback),
                    )
                    if self._claimed
                    else message(
                        "The file seems to be written in {encoding}, but holds bytes that are not. Save it again"
                        " as UTF-8.",
                        encoding=_shown(self._fallback),
                    )
                ) from None
        self._high += len(block.translate(None, _ASCII))
        self._in_runs += sum(len(run) for run in _RUN.findall(block))
        try:
            return block.decode("cp1252")
        except UnicodeDecodeError:
            raise NotReviews(_WRONG_ENCODING) from None

    def _decode_damaged(self, block: bytes) -> str:
        """UTF-8 with a few broken bytes: they become the replacement mark, and too many end the reading."""
        self._total += len(block)
        text = block.decode("utf-8", "replace")
        self._broken += text.count("\ufffd")
        return text


def _is_japanese(block: bytes) -> bool:
    try:
        text = _JAPANESE.incrementaldecoder().decode(block)
    except UnicodeDecodeError:
        return False
    kana = len(_KANA.findall(text))
    return kana > 2 and kana >= _LEAST_KANA * sum(not character.isascii() for character in text)


def _shown(codec: codecs.CodecInfo) -> str:
    return "Shift-JIS" if codec is _JAPANESE else codec.name


def _declared_encoding(head: bytes) -> codecs.CodecInfo | None:
    """The encoding that a web page or XML declares, if it is one that UTF-8 and Windows-1252 do not stand for."""
    found = _DECLARATION.search(head, 0, 4_096)
    if found is None:
        return None
    try:
        codec = codecs.lookup((found[1] or found[2]).decode())
    except LookupError:
        return None
    if codec.name in ("iso8859-1", "cp1252") or not _OF_TEXT.fullmatch(codec.name):
        return None
    return _JAPANESE if codec.name in ("shift_jis", "cp932") else codec  # as browsers read it
