"""Pages that a browser saved as a single file: the page is taken out of it and read like any other."""

import base64
import gzip
import quopri

import pytest
from source_reading import read, refusal
from test_source_pages import card, page

PAGE = page(card(body="Größer = besser; " + "a long line " * 20), card(review_id="R2AAAAAAAAAAA", body="second"))
HEAD = (
    "From: <Saved by Blink>\r\nSnapshot-Content-Location: https://www.amazon.com/product-reviews/B000000000\r\n"
    'MIME-Version: 1.0\r\nContent-Type: multipart/related;\r\n\ttype="text/html";\r\n\tboundary="--b--"\r\n\r\n'
)
STYLE = "----b--\r\nContent-Type: text/css\r\n\r\np { color: red }\r\n"


def part(content: bytes, packed: str) -> bytes:
    head = f"----b--\r\nContent-Type: text/html\r\nContent-Transfer-Encoding: {packed}\r\n\r\n"
    return head.encode() + content.replace(b"\n", b"\r\n") + b"\r\n"


QUOTED = part(quopri.encodestring(PAGE.encode()), "quoted-printable")
FILES = {
    "quoted": HEAD.encode() + QUOTED + STYLE.encode() + b"----b------\r\n",
    "base64": HEAD.encode() + part(base64.encodebytes(PAGE.encode()), "base64"),
    "plain": HEAD.encode() + part(PAGE.encode(), "8bit"),
    "after its styles": HEAD.encode() + STYLE.encode() + QUOTED,
    "packed": gzip.compress(HEAD.encode() + QUOTED),
    "headers in another order": HEAD.replace("From: <Saved by Blink>\r\n", "").encode() + QUOTED,
}


@pytest.mark.parametrize("name", FILES)
def test_it_is_read_as_the_page_itself(name):
    found, page_itself = read(FILES[name]), read(PAGE)
    assert found.reviews == page_itself.reviews
    assert len(found.reviews) == 2
    assert found.format == page_itself.format


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"From: <Saved by Blink>\nMIME-Version: 1.0\n\n<html></html>", "no web page in it"),
        (HEAD.encode() + STYLE.encode(), "no web page in it"),
        (HEAD.encode() + part(b"=" * 77 + b"x\n", "base64"), "damaged"),
        (HEAD.encode() + b"x" * 3_000_000, "endless lines"),
        (HEAD.encode() + part(b"<html><title>Robot Check</title>validateCaptcha</html>", "8bit"), "robot check"),
    ],
)
def test_one_without_reviews_is_refused_with_what_to_do(content, words):
    said = refusal(content)
    assert words in said
    assert "save" in said.lower()
