"""Identifies files that are not reviews, for refusals that say what to do."""

import re

from outlast import message
from outlast_reviews.sources.errors import NotReviews, UnknownFormat

_SIGNATURES: tuple[tuple[bytes, str], ...] = (
    (b"\xff\xd8\xff", message("a photo (JPEG)")),
    (b"\x89PNG\r\n\x1a\n", message("a picture (PNG)")),
    (b"GIF8", message("a picture (GIF)")),
    (b"II*\0", message("a picture (TIFF)")),
    (b"MM\0*", message("a picture (TIFF)")),
    (b"BM", message("a picture (BMP)")),
    (b"%PDF-", message("a PDF document")),
    (b"\xd0\xcf\x11\xe0", message("an old Office document (Excel or Word)")),
    (b"Rar!", message("a RAR archive")),
    (b"7z\xbc\xaf\x27\x1c", message("a 7-Zip archive")),
    (b"BZh", message("a bzip2 file")),
    (b"\xfd7zXZ\0", message("an xz file")),
    (b"\x28\xb5\x2f\xfd", message("a Zstandard file")),
    (b"SQLite format 3\0", message("an SQLite database")),
    (b"PAR1", message("a Parquet file")),
    (b"bplist00", message("a web archive of Safari")),
    (b"\x7fELF", message("a program")),
    (b"MZ", message("a program")),
    (b"ID3", message("a sound file")),
    (b"OggS", message("a sound file")),
)
_CONTROLS = bytes(code for code in range(32) if code not in b"\t\n\v\f\r\x1b")

_ROBOT_CHECK = re.compile(
    r"validateCaptcha|opfcaptcha|cf-chl-|px-captcha|captcha-delivery|Robot Check|Attention Required! \| Cloudflare"
    r"|(?:Type|Enter) the characters you see|<title>Just a moment\.\.\.|verify (?:that )?you are (?:a )?human",
    re.IGNORECASE,
)
_PASSWORD_FIELD = re.compile(r"""type\s{0,3}=\s{0,3}["']?password""", re.IGNORECASE)
_LOOK_AT = 200_000
"""Characters; robot checks and login pages are shorter, and say so early."""


def refuse_binary(head: bytes) -> None:
    """Raises `NotReviews` when the first bytes are not those of a text."""
    if head.startswith(b"PK\x03\x04"):
        raise _about_zip(head)
    for signature, what in _SIGNATURES:
        if head.startswith(signature) and (len(signature) > 2 or _is_binary(head)):
            raise UnknownFormat(message("This looks like {what}, not like reviews.", what=what))
    if head[257:262] == b"ustar":
        raise UnknownFormat(message("This looks like a tar archive, not like reviews."))
    if head[:4] == b"RIFF" or head[4:8] == b"ftyp":
        raise UnknownFormat(message("This looks like a picture, a sound or a video, not like reviews."))
    if b"\0" in head and _is_utf16(head):
        raise NotReviews(
            message(
                "This looks like UTF-16 text without its byte order mark. Save it as UTF-8 and give that file."
            )
        )
    if _is_binary(head):
        raise UnknownFormat(message("This is binary data, not text, so there are no reviews to read."))


def about_page(page: str) -> NotReviews:
    """The refusal for a web page in which no source found reviews."""
    beginning = page[:_LOOK_AT]
    if _ROBOT_CHECK.search(beginning):
        return NotReviews(
            message(
                "This page is a robot check (a captcha), not reviews: the shop showed it instead of the page. Open"
                " the page in your browser, pass the check, save the page when you see the reviews, and give that."
            )
        )
    if len(page) < _LOOK_AT and _PASSWORD_FIELD.search(beginning):
        return NotReviews(
            message(
                "This is a login page, not reviews. Log in, open the page with the reviews, save it, and give"
                " that."
            )
        )
    title = re.search(r"<title[^<>]{0,200}>([^<]{1,300})", beginning, re.IGNORECASE)
    sentences = [message("This is a web page, but there are no reviews in it that can be read.")]
    if title and (words := title[1].split()):
        sentences.append(message("It is titled “{title}”.", title=" ".join(words)[:80]))
    sentences.append(
        message("Save the page that shows the reviews themselves, after they have appeared, or give an export.")
    )
    return NotReviews(" ".join(sentences))


def _about_zip(head: bytes) -> NotReviews:
    if b"xl/" in head:
        return NotReviews(
            message(
                "This looks like an Excel workbook. In Excel choose “Save as”, “CSV UTF-8”, and give that file."
            )
        )
    if b"word/" in head:
        return UnknownFormat(message("This looks like a Word document, not like reviews."))
    return NotReviews(
        message(
            "This is a ZIP archive inside something else, which is not unpacked. Unpack it and give what is"
            " inside."
        )
    )


def _is_binary(head: bytes) -> bool:
    controls = len(head) - len(head.translate(None, _CONTROLS))
    return head.count(0) > len(head) // 500 + 1 or controls > len(head) // 500


def _is_utf16(head: bytes) -> bool:
    even, odd = head[0:2000:2], head[1:2000:2]
    most = len(odd) * 0.7
    return (even.count(0) == 0 and odd.count(0) > most) or (odd.count(0) == 0 and even.count(0) > most)
