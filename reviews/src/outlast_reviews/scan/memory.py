"""The memory of a scan: each product's last figures, in one JSON file."""

import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError


class ScanMemoryError(Exception):
    """The file cannot be read or written; the text says why and what to do."""


class _Summary(BaseModel):
    """A `history.summary`."""

    model_config = ConfigDict(extra="allow", strict=True)

    at: str
    grade: str
    share: float | None
    rating: float | None
    adjusted: float | None
    reviews: int
    suspicious: int
    method: str
    marks: list[str] | None


class _File(BaseModel):
    version: Literal[1] = 1
    products: dict[str, _Summary] = {}


class ScanMemory:
    """What the last scan found, by the names of the products."""

    def __init__(self, path: Path) -> None:
        """Raises `ScanMemoryError` unless the file can be read and written; it may be missing."""
        self._path = path
        try:
            self._file = _File.model_validate_json(path.read_bytes())
        except FileNotFoundError:
            self._file = _File()
        except ValidationError:
            raise ScanMemoryError(
                f"{path} is not what a scan remembers, or it is damaged. Restore it from a copy; or move it away, "
                "and every product counts as scanned for the first time."
            ) from None
        except OSError as error:
            raise ScanMemoryError(f"{path}: It cannot be read: {error.strerror}.") from None
        self._save()

    def last(self, name: str) -> Mapping[str, Any] | None:
        """The summary of this product's last report."""
        summary = self._file.products.get(name)
        return summary and summary.model_dump()

    def remember(self, name: str, summary: Mapping[str, Any]) -> None:
        """Store the summary at once, so that an interrupted scan loses nothing. Raises `ScanMemoryError`."""
        self._file.products[name] = _Summary.model_validate(summary)
        self._save()

    def _save(self) -> None:
        draft = self._path.with_name(f".{self._path.name}.{secrets.token_hex(4)}")
        try:
            with draft.open("x", encoding="utf-8") as file:
                file.write(self._file.model_dump_json(indent=1) + "\n")
                file.flush()
                os.fsync(file.fileno())
            draft.replace(self._path)
        except OSError as error:
            raise ScanMemoryError(f"{self._path}: It cannot be written: {error.strerror}.") from None
        finally:
            draft.unlink(missing_ok=True)
