"""Pages of lists: their length, and the cursor with which the next one continues."""

import base64
import json
import re
from collections.abc import Mapping
from datetime import datetime

from outlast.web.problems import fault

DEFAULT_LIMIT = 20
LIMIT = re.compile("[0-9]{1,9}")
MAX_LIMIT = 100
"""Entries of one page of a list."""


def list_limit(query: Mapping[str, str]) -> int:
    """The entries of one page, from `?limit=`; raises 422 if it is out of bounds."""
    limit = query.get("limit")
    if limit is None:
        return DEFAULT_LIMIT
    if not (LIMIT.fullmatch(limit) and 1 <= int(limit) <= MAX_LIMIT):
        raise fault(f"limit is a whole number from 1 to {MAX_LIMIT}.", "?limit")
    return int(limit)


def next_cursor(time: datetime, session_id: str) -> str:
    """The value of `next`, for a page that ends with this entry."""
    text = json.dumps([time.isoformat(), session_id])
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def parse_cursor(cursor: str) -> tuple[datetime, str]:
    """The last entry of the page before, from `?after=`; raises 422 if no page has ended so."""
    try:
        given, session_id = json.loads(base64.b64decode(cursor + "=" * (-len(cursor) % 4), b"-_", validate=True))
        time = datetime.fromisoformat(given)
        if time.tzinfo is None or not isinstance(session_id, str) or not session_id.isalnum():
            raise ValueError
    except (ValueError, TypeError, RecursionError):
        raise fault("after is the value of next in an earlier page of this list.", "?after") from None
    return time, session_id
