"""Slow work behind a web page, as a durable session with live progress."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from outlast.app import Lifespan, Outlast
    from outlast.core.analyses.analysis import Export, PageView, Step, step
    from outlast.core.analyses.context import owner, report, track
    from outlast.core.analyses.facts import Fact, Facts
    from outlast.core.analyses.upload import Upload
    from outlast.core.sessions import Started
    from outlast.core.watch import SessionView
    from outlast.domain.errors import (
        DiskAlmostFull,
        InvalidInput,
        OutlastError,
        Permanent,
        Question,
        QueueFull,
        QuotaExceeded,
        RetryAfter,
        StoreUnavailable,
        TooLarge,
        TooManyActive,
        UnknownAnalysis,
    )
    from outlast.domain.session import AnalysisSession
    from outlast.domain.status import Phase, Status
    from outlast.ports.results import StoredResult
    from outlast.ports.store import CancelAnswer, RetryAnswer
    from outlast.settings import Settings, SettingsError

_MODULES = {
    "AnalysisSession": "outlast.domain.session",
    "CancelAnswer": "outlast.ports.store",
    "Export": "outlast.core.analyses.analysis",
    "Fact": "outlast.core.analyses.facts",
    "Facts": "outlast.core.analyses.facts",
    "InvalidInput": "outlast.domain.errors",
    "Lifespan": "outlast.app",
    "Outlast": "outlast.app",
    "OutlastError": "outlast.domain.errors",
    "PageView": "outlast.core.analyses.analysis",
    "Permanent": "outlast.domain.errors",
    "Phase": "outlast.domain.status",
    "Question": "outlast.domain.errors",
    "QueueFull": "outlast.domain.errors",
    "QuotaExceeded": "outlast.domain.errors",
    "DiskAlmostFull": "outlast.domain.errors",
    "RetryAfter": "outlast.domain.errors",
    "RetryAnswer": "outlast.ports.store",
    "SessionView": "outlast.core.watch",
    "Settings": "outlast.settings",
    "SettingsError": "outlast.settings",
    "Started": "outlast.core.sessions",
    "Status": "outlast.domain.status",
    "Step": "outlast.core.analyses.analysis",
    "StoreUnavailable": "outlast.domain.errors",
    "StoredResult": "outlast.ports.results",
    "TooLarge": "outlast.domain.errors",
    "TooManyActive": "outlast.domain.errors",
    "UnknownAnalysis": "outlast.domain.errors",
    "Upload": "outlast.core.analyses.upload",
    "owner": "outlast.core.analyses.context",
    "report": "outlast.core.analyses.context",
    "step": "outlast.core.analyses.analysis",
    "track": "outlast.core.analyses.context",
}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used, so that the command line starts quickly."""
    if name not in _MODULES:
        raise AttributeError(f"module 'outlast' has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(_MODULES[name]), name)
    return value


__all__ = [
    "AnalysisSession",
    "CancelAnswer",
    "DiskAlmostFull",
    "Export",
    "Fact",
    "Facts",
    "InvalidInput",
    "Lifespan",
    "Outlast",
    "OutlastError",
    "PageView",
    "Permanent",
    "Phase",
    "Question",
    "QueueFull",
    "QuotaExceeded",
    "RetryAfter",
    "RetryAnswer",
    "SessionView",
    "Settings",
    "SettingsError",
    "Started",
    "Status",
    "Step",
    "StoreUnavailable",
    "StoredResult",
    "TooLarge",
    "TooManyActive",
    "UnknownAnalysis",
    "Upload",
    "owner",
    "report",
    "step",
    "track",
]
