"""The version of the code that a process runs, so that workers of an earlier deployment can be told apart."""

import hashlib
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from outlast.core.analyses.catalogue import Catalogue
from outlast.ports.workers import WorkerInfo

DIGEST = 8
"""Characters of a digest that are shown."""


@dataclass(frozen=True, slots=True)
class CodeVersion:
    """The program of a process, and the version of its code."""

    program: str
    """The top-level packages of its analyses, separated by commas."""
    version: str
    """`ANALYSIS_RELEASE`, or the version of Outlast with a digest of the program's files."""


def code_version(catalogue: Catalogue, release: str | None = None) -> CodeVersion:
    """Return the version of the code on disk. `release` is what the operator calls it, if anything.

    The digest covers the Python files of the packages that define the analyses, or their modules if they are in no
    package. What these import from elsewhere is not covered; `ANALYSIS_RELEASE` is for programs that change there.
    """
    names = sorted({analysis.work.__module__.partition(".")[0] for analysis in catalogue})
    return CodeVersion(",".join(names), release or f"{_own_version()}+{_digest(_files_of(names))}")


def newest_version(workers: Sequence[WorkerInfo], own: CodeVersion, own_start: datetime) -> str:
    """Return the version of `own.program` that was started last: by one of the workers, or by this process.

    So a server that was not restarted after a deployment does not call the new workers old.
    """
    others = [(w.started_at, w.version) for w in workers if w.alive and w.program == own.program and w.version]
    return max([*others, (own_start, own.version)])[1]


def runs_old_code(worker: WorkerInfo, program: str, newest: str) -> bool:
    """Return whether the worker runs this program in another version than the newest."""
    return worker.program == program and worker.version != newest


def _own_version() -> str:
    try:
        return version("outlast")
    except PackageNotFoundError:
        return "0"


def _files_of(names: Iterable[str]) -> Iterable[Path]:
    for name in names:
        module = sys.modules.get(name)
        folders = [Path(folder) for folder in getattr(module, "__path__", ())]
        for folder in folders:
            yield from sorted(folder.rglob("*.py"))
        file = getattr(module, "__file__", None)
        if not folders and file is not None:
            yield Path(file)


def _digest(files: Iterable[Path]) -> str:
    found = hashlib.sha256()
    for file in files:
        try:
            content = file.read_bytes()
        except OSError:
            continue
        found.update(f"{file.name} {len(content)}\n".encode())
        found.update(content)
    return found.hexdigest()[:DIGEST]
