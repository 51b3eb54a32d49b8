"""Tables and lists drawn at random, in many formats, beside the reviews that are in them."""

import csv
import datetime as dt
import io
import json
from collections.abc import Callable, Mapping, Sequence

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from outlast_reviews.review import Review, ReviewSet

QUICK = settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
WORDS = ("the", "plug", "is", "short", "my", "mother", "likes", "its", "quiet", "sound", "in", "every", "room")
NAMES: Mapping[str, Sequence[str]] = {
    "rating": ("rating", "Star Rating", "rating_star", "reviewStars", "Bewertung", "Overall rating", "score"),
    "text": ("text", "Review Text", "review_body", "reviews", "Comment", "Rezension", "userReview", "content"),
    "date": ("date", "review_date", "Date of review", "datePublished", "Datum", "dates_posted"),
    "reviewer": ("reviewer", "reviewers_name", "User Name", "authorName", "posted_by", "userNickname"),
    "verified": ("verified", "Reviewer Verified", "is_verified_purchase", "verifiedBuyer"),
}
NOISE: Mapping[str, Callable[[int], object]] = {
    "helpful_count": lambda n: n % 13,
    "variation": lambda n: ("Black", "White")[n % 2],
    "page_url": lambda n: f"https://shop.example/review/{n}",
    "weight": lambda n: n * 1.5,
    "": lambda n: n,
    "shop": lambda _: "A shop of ours",
}
DATES: Mapping[str, Callable[[dt.date], str]] = {
    "iso": lambda day: day.isoformat(),
    "time": lambda day: f"{day.isoformat()}T23:59:59-08:00",
    "seconds": lambda day: str(int(dt.datetime(day.year, day.month, day.day, 12, tzinfo=dt.UTC).timestamp())),
    "milliseconds": lambda day: DATES["seconds"](day) + "000",
    "excel": lambda day: f"{day.day}-{day:%b}-{day:%y}",
    "words": lambda day: f"{day:%B} {day.day}, {day.year}",
    "us": lambda day: f"{day:%m/%d/%Y}",
    "dots": lambda day: f"{day:%d.%m.%Y}",
}
FLAGS = (("Yes", "No"), ("true", "false"), ("1", "0"), ("Verified Purchase", "Unverified"))
STARS: Sequence[Callable[[int], object]] = (
    lambda stars: stars,
    lambda stars: f"{stars}.0",
    lambda stars: f"{stars}/5",
    lambda stars: "★" * stars,
    lambda stars: f"{stars} out of 5 stars",
)


@st.composite
def truths(draw: st.DrawFn, least: int = 30) -> list[Review]:
    count = draw(st.integers(least, 45))
    start = draw(st.dates(dt.date(2005, 1, 1), dt.date(2024, 1, 1)))
    gap = draw(st.integers(5, 40))
    stars = draw(st.lists(st.integers(1, 5), min_size=count, max_size=count))
    turn = draw(st.integers(0, 1_000))
    return [
        Review(
            n + 1,
            rating=float(stars[n]),
            date=start + dt.timedelta(n * gap),
            text=" ".join(WORDS[(turn + n * k) % len(WORDS)] for k in range(1, 9)) + f" {n}",
            reviewer=f"Person {n + turn}",
            verified=(n + turn) % 3 > 0,
        )
        for n in range(count)
    ]


@st.composite
def layouts(draw: st.DrawFn, parts: Sequence[str] = tuple(NAMES)) -> tuple[dict[str, str], list[str]]:
    """The names of the columns of each part, and all columns in their order."""
    named = {part: draw(st.sampled_from(NAMES[part])) for part in parts}
    noise = draw(st.lists(st.sampled_from(sorted(NOISE)), unique=True, max_size=4))
    return named, draw(st.permutations([*named.values(), *noise]))


def written(columns: Sequence[str], rows: Sequence[Mapping[str, object]], kind: str) -> str:
    """The rows in a format: a table with this delimiter, JSON, JSON Lines, or a document with a list."""
    if kind in {"json", "lines", "document"}:
        entries = [{name or "index": row[name] for name in columns} for row in rows]
        if kind == "lines":
            return "\n".join(json.dumps(entry) for entry in entries)
        return json.dumps(entries if kind == "json" else {"shop": "Ours", "reviews": entries})
    out = io.StringIO()
    writer = csv.writer(out, delimiter=kind)
    writer.writerow(columns)
    writer.writerows([row[name] for name in columns] for row in rows)
    return out.getvalue()


KINDS = st.sampled_from([",", ";", "\t", "json", "lines", "document"])


def rows_of(truth: Sequence[Review], cells: Mapping[str, Callable[[Review], object]]) -> list[dict[str, object]]:
    return [
        {name: cell(review) for name, cell in cells.items()} | {name: cell(n) for name, cell in NOISE.items()}
        for n, review in enumerate(truth)
    ]


def values(found: ReviewSet, *parts: str) -> list[tuple[object, ...]]:
    return [tuple(getattr(review, part) for part in parts) for review in found.reviews]
