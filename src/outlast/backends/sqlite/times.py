"""The format of times in the tables: text that SQLite's date functions and people understand."""

from datetime import UTC, datetime


def as_text(time: datetime) -> str:
    """`YYYY-MM-DD HH:MM:SS.ffffff`, UTC."""
    return time.astimezone(UTC).isoformat(" ", "microseconds")[:26]


def as_datetime(text: str) -> datetime:
    """Parse a time that `as_text` has formatted."""
    return datetime.fromisoformat(text + "+00:00")
