"""Makes evidence files: what a site offers for download, and what commands write into a folder."""

import hashlib
import os
import re
import secrets
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from outlast import InvalidInput
from outlast_reviews.evidence.document import document_of
from outlast_reviews.evidence.keys import InstallationKey
from outlast_reviews.evidence.page import page_of
from outlast_reviews.evidence.signing import canonical, signed_json, signed_page

_LONGEST_NAME = 60


def evidence_json(result: Mapping[str, Any], key: InstallationKey) -> str:
    return signed_json(document_of(result), key)


def evidence_page(result: Mapping[str, Any], key: InstallationKey) -> str:
    document = document_of(result)
    digest = hashlib.sha256(canonical(document)).hexdigest()
    return signed_page(page_of(document, digest, key.public), key)


def make_folder(folder: Path) -> None:
    """Make the folder for evidence files. Raises `InvalidInput` if nothing can be written there."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except FileExistsError:
        raise InvalidInput(f"{folder}: No evidence can be written there: it is a file, not a folder.") from None
    except OSError as error:
        raise InvalidInput(f"{folder}: No evidence can be written there: {error.strerror}.") from None
    if not os.access(folder, os.W_OK):
        raise InvalidInput(f"{folder}: No evidence can be written there: the folder is read-only.")


def write_evidence(result: Mapping[str, Any], key: InstallationKey, folder: Path, name: str) -> Sequence[Path]:
    """Write both files of a result into the folder, dated and named; never replace another. Raises `OSError`."""
    analysed: str = result["report"]["analysed_at"]
    base = f"{_file_name(name)}-{re.sub('[-:]', '', analysed)}"
    makers: Mapping[str, Callable[[Mapping[str, Any], InstallationKey], str]] = {
        "html": evidence_page,
        "json": evidence_json,
    }
    return [_write(folder, base, ending, make(result, key)) for ending, make in makers.items()]


def _file_name(name: str) -> str:
    """Reduce a name to letters, digits and hyphens that every file system takes."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return re.sub("[^a-z0-9]+", "-", plain).strip("-")[:_LONGEST_NAME].strip("-") or "product"


def _write(folder: Path, base: str, ending: str, text: str) -> Path:
    draft = folder / f".{base}.{secrets.token_hex(4)}"
    try:
        with draft.open("xb") as file:
            file.write(text.encode())
            file.flush()
            os.fsync(file.fileno())
        number = 1
        while True:
            path = folder / f"{base}{f'-{number}' if number > 1 else ''}.evidence.{ending}"
            with suppress(FileExistsError):
                os.link(draft, path)
                return path
            number += 1
    finally:
        draft.unlink(missing_ok=True)
