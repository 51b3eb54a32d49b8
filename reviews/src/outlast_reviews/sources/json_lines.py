"""Reads JSONL: one review as a JSON object on each line."""

import json
from typing import Any, cast

from outlast_reviews.review import ReviewSet
from outlast_reviews.sources.columns import columns_of
from outlast_reviews.sources.content import Content
from outlast_reviews.sources.json_rows import JsonRows
from outlast_reviews.sources.rows import TableRows

_LOOK_AT = 20
_SHOWN = 3
_MCAULEY_2018 = {"overall", "reviewText"}
_MCAULEY_2023 = {"parent_asin", "helpful_vote"}


class JsonLines:
    """Recognised by lines that each begin and end like an object; a single line counts if it is a review."""

    def recognises(self, content: Content) -> bool:
        if content.is_page or not content.opening.lstrip("\ufeff \t\r\n").startswith("{"):
            return False
        content.read_first_line()
        lines = [line.strip() for line in content.opening.splitlines()[:_LOOK_AT] if line.strip()]
        whole = [line for line in lines if line[0] == "{" and line[-1] == "}" and len(line) > 2]
        if len(whole) > 1 or (len(whole) == 1 and len(lines) > 1 and lines[1][0] == "{" and whole[0] == lines[0]):
            return True
        return (
            len(lines) == len(whole) == 1
            and columns_of(list(_object(whole[0]) or ()), content.mapping).hold_reviews
        )

    def read(self, content: Content) -> ReviewSet:
        rows = TableRows(content.limits)
        entries = JsonRows(rows, content.mapping)
        first: list[dict[str, Any]] = []
        for line in content.lines():
            if not line or line.isspace():
                continue
            entry = _object(line)
            if entry is None:
                rows.skip("the line is not a JSON object")
                continue
            if len(first) < _SHOWN:
                first.append(entry)
            within = entries.within(entry)
            for one in within[1] if within else [entry]:
                entries.add(one)
            if entries.lacks_reviews:
                break
        if first and not (entries.has_stars and entries.has_words):
            entries.refuse("This is JSONL, but it", first)
        entries.refuse_missing()
        return rows.finish(_format(set(first[0]) if first else set()) + content.encoding_note)


def _object(line: str) -> dict[str, Any] | None:
    try:
        value = json.loads(line, strict=False)
    except (ValueError, RecursionError):
        return None
    return cast("dict[str, Any]", value) if isinstance(value, dict) else None


def _format(keys: set[str]) -> str:
    if keys >= _MCAULEY_2018:
        return "JSONL (McAuley 2018)"
    return "JSONL (McAuley 2023)" if keys >= _MCAULEY_2023 else "JSONL"
