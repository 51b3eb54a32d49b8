"""Times as the tables have them: text, so that SQLite's own date functions and people's queries work."""

from datetime import UTC, datetime


def as_text(time: datetime) -> str:
    """`YYYY-MM-DD HH:MM:SS.ffffff`, UTC."""
    return time.astimezone(UTC).isoformat(" ", "microseconds")[:26]


def as_datetime(text: str) -> datetime:
    """The inverse of `as_text`."""
    return datetime.fromisoformat(text + "+00:00")
