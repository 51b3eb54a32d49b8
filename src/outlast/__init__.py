"""Slow work behind a web page, as a durable session with live progress."""

from outlast.app import Lifespan, Outlast
from outlast.core.analysis import Step, step
from outlast.core.context import report, track
from outlast.core.sessions import Started
from outlast.core.upload import Upload
from outlast.core.watch import SessionView
from outlast.domain.errors import (
    InvalidInput,
    OutlastError,
    Permanent,
    QueueFull,
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

__all__ = [
    "AnalysisSession",
    "CancelAnswer",
    "InvalidInput",
    "Lifespan",
    "Outlast",
    "OutlastError",
    "Permanent",
    "Phase",
    "QueueFull",
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
    "report",
    "step",
    "track",
]
