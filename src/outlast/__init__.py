"""Slow work behind a web page, as a durable session with live progress."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from outlast.app import Lifespan, Outlast
    from outlast.core.analyses.analysis import AnalysisOptions, Export, LinkPreview, Step, step
    from outlast.core.analyses.facts import Fact, Facts
    from outlast.core.analyses.limits import Limit
    from outlast.core.analyses.own_pages import AddFiles, PageView
    from outlast.core.analyses.reporting import owner, report, track
    from outlast.core.analyses.upload import Upload
    from outlast.core.handles import (
        AnalysisHandle,
        AsyncAnalysisHandle,
        BlockingAnalysisHandle,
        SessionHandle,
        StartOptions,
    )
    from outlast.core.watch import SessionView
    from outlast.domain.errors import (
        AnalysisFailed,
        DiskAlmostFull,
        InvalidInput,
        OutlastError,
        Permanent,
        QueueFull,
        QuotaExceeded,
        RefreshTooSoon,
        RetryAfter,
        SessionGone,
        StoreUnavailable,
        TooLarge,
        TooManyActive,
        UnknownAnalysis,
    )
    from outlast.domain.messages import message, plural
    from outlast.domain.questions import Question
    from outlast.domain.session import AnalysisSession
    from outlast.domain.status import Phase, Status
    from outlast.ports.deletions import DeleteAnswer, Deleted
    from outlast.ports.results import StoredResult
    from outlast.ports.store import CancelAnswer, RetryAnswer
    from outlast.settings import Settings, SettingsError
    from outlast.sync import SyncOutlast, SyncSession
    from outlast.web.translations import Translations

_NAMES_BY_MODULE = {
    "outlast.app": ("Lifespan", "Outlast"),
    "outlast.core.analyses.analysis": ("AnalysisOptions", "Export", "LinkPreview", "Step", "step"),
    "outlast.core.analyses.own_pages": ("AddFiles", "PageView"),
    "outlast.core.analyses.reporting": ("owner", "report", "track"),
    "outlast.core.analyses.facts": ("Fact", "Facts"),
    "outlast.core.analyses.limits": ("Limit",),
    "outlast.core.analyses.upload": ("Upload",),
    "outlast.core.handles": (
        "AnalysisHandle",
        "AsyncAnalysisHandle",
        "BlockingAnalysisHandle",
        "SessionHandle",
        "StartOptions",
    ),
    "outlast.core.watch": ("SessionView",),
    "outlast.domain.errors": (
        "AnalysisFailed",
        "DiskAlmostFull",
        "InvalidInput",
        "OutlastError",
        "Permanent",
        "QueueFull",
        "QuotaExceeded",
        "RefreshTooSoon",
        "RetryAfter",
        "SessionGone",
        "StoreUnavailable",
        "TooLarge",
        "TooManyActive",
        "UnknownAnalysis",
    ),
    "outlast.domain.messages": ("message", "plural"),
    "outlast.domain.questions": ("Question",),
    "outlast.domain.session": ("AnalysisSession",),
    "outlast.domain.status": ("Phase", "Status"),
    "outlast.ports.deletions": ("DeleteAnswer", "Deleted"),
    "outlast.ports.results": ("StoredResult",),
    "outlast.ports.store": ("CancelAnswer", "RetryAnswer"),
    "outlast.settings": ("Settings", "SettingsError"),
    "outlast.sync": ("SyncOutlast", "SyncSession"),
    "outlast.web.translations": ("Translations",),
}
_MODULES = {name: module for module, names in _NAMES_BY_MODULE.items() for name in names}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used, so that the command line starts quickly."""
    if name not in _MODULES:
        raise AttributeError(f"module 'outlast' has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(_MODULES[name]), name)
    return value


__all__ = [
    "AddFiles",
    "AnalysisFailed",
    "AnalysisHandle",
    "AnalysisOptions",
    "AnalysisSession",
    "AsyncAnalysisHandle",
    "BlockingAnalysisHandle",
    "CancelAnswer",
    "DeleteAnswer",
    "Deleted",
    "DiskAlmostFull",
    "Export",
    "Fact",
    "Facts",
    "InvalidInput",
    "Lifespan",
    "Limit",
    "LinkPreview",
    "Outlast",
    "OutlastError",
    "PageView",
    "Permanent",
    "Phase",
    "Question",
    "QueueFull",
    "QuotaExceeded",
    "RefreshTooSoon",
    "RetryAfter",
    "RetryAnswer",
    "SessionGone",
    "SessionHandle",
    "SessionView",
    "Settings",
    "SettingsError",
    "StartOptions",
    "Status",
    "Step",
    "StoreUnavailable",
    "StoredResult",
    "SyncOutlast",
    "SyncSession",
    "TooLarge",
    "TooManyActive",
    "Translations",
    "UnknownAnalysis",
    "Upload",
    "message",
    "owner",
    "plural",
    "report",
    "step",
    "track",
]
