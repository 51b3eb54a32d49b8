"""Signs evidence as JSON and as a page, and verifies such files (pure but for the signature itself)."""

import json
import re
from base64 import b64decode
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, cast

from outlast_reviews.evidence.document import KIND
from outlast_reviews.evidence.keys import InstallationKey, is_signed

ALGORITHM = "Ed25519"
_PAGE = re.compile(rb'<!doctype html>\n<html lang="[a-z]{2}" data-kind="outlast-reviews evidence">\n')
_ON_PAGE = re.compile(rb"<!-- Ed25519 ([A-Za-z0-9+/]{43}=) ([A-Za-z0-9+/]{86}==) -->\n\Z")


def page_begins(language: str) -> str:
    """What every evidence page begins with, by which it is known."""
    return f'<!doctype html>\n<html lang="{language}" data-kind="outlast-reviews evidence">\n'


class AmbiguousJSONError(ValueError):
    """An object has two values for one name."""


State = Literal["valid", "altered", "other", "not evidence"]


@dataclass(frozen=True, slots=True)
class Verification:
    """Whether a file is as it was signed, and whose key signed it."""

    state: State
    """`other`: as it was signed, by a key that is not the expected one."""
    public_key: str | None = None
    reason: str = ""
    """Why the file is altered or no evidence file."""


def canonical(value: Any) -> bytes:
    """The one way to write this JSON (RFC 8785): sorted names, no spaces, UTF-8, whole numbers without a point."""
    return json.dumps(
        _whole(value), ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":")
    ).encode()


def _whole(value: Any) -> Any:
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, Mapping):
        return {name: _whole(item) for name, item in cast("Mapping[str, Any]", value).items()}
    if isinstance(value, list | tuple):
        return [_whole(item) for item in cast("list[Any]", value)]
    return value


def signed_json(document: Mapping[str, Any], key: InstallationKey) -> str:
    """The evidence file as JSON: the document and the signature of its canonical form, for people to read too."""
    content = canonical(document)
    signature = {
        "algorithm": ALGORITHM,
        "public_key": key.public,
        "signed": "the UTF-8 bytes of `document` as canonical JSON (RFC 8785)",
        "value": key.sign(content),
    }
    file = {"document": _whole(document), "signature": signature}
    return json.dumps(file, indent=1, ensure_ascii=False) + "\n"


def signed_page(page: str, key: InstallationKey) -> str:
    """The evidence file as a page: its last line signs every byte before it."""
    return f"{page}<!-- {ALGORITHM} {key.public} {key.sign(page.encode())} -->\n"


def verify(content: bytes, expected_key: str | None) -> Verification:
    """Verify an evidence file, JSON or page, against the public key that is expected."""
    if _PAGE.match(content):
        found = _ON_PAGE.search(content)
        if found is None:
            return Verification(
                "altered", reason="the last line, which holds the signature, is missing or changed"
            )
        return _verified(content[: found.start()], found[2].decode(), found[1].decode(), expected_key)
    try:
        file = json.loads(content, object_pairs_hook=_unique, parse_constant=_refuse)
    except AmbiguousJSONError:
        return Verification("altered", reason="a name occurs twice in one object")
    except (ValueError, RecursionError):
        return Verification("not evidence", reason="it is neither the JSON nor the page of an evidence file")
    match file:
        case {"document": {"kind": kind, **_more} as document, **others} if kind == KIND:
            signature = others.get("signature")
            try:
                signed = canonical(document)
            except (ValueError, RecursionError):
                return Verification("altered", reason="the document has text that no evidence file holds")
        case _:
            return Verification("not evidence", reason="it is JSON, but no evidence file")
    match signature:
        case {"algorithm": "Ed25519", "public_key": str(public), "value": str(value)} if set(others) == {
            "signature"
        } and is_key(public):
            return _verified(signed, value, public, expected_key)
        case _:
            return Verification("altered", reason="the signature is missing or damaged")


def is_key(text: str) -> bool:
    """Whether the text is a public key as Base64."""
    try:
        return len(text) <= 100 and len(b64decode(text, validate=True)) == 32
    except ValueError:
        return False


def _verified(content: bytes, signature: str, public: str, expected: str | None) -> Verification:
    if not is_signed(content, signature, public):
        return Verification("altered", public, "the content does not match the signature")
    return Verification("valid" if public == expected else "other", public)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A name that occurs twice could show one value to people and have another one signed."""
    if len(found := dict(pairs)) < len(pairs):
        raise AmbiguousJSONError
    return found


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is no JSON")
