"""Which column of a table, or key of an object, holds which part of a review; unknown ones have no influence."""

from collections.abc import Sequence
from dataclasses import dataclass

_NAMES: dict[str, tuple[str, ...]] = {
    "review_id": ("reviewid", "reviewuuid", "id", "uuid"),
    "rating": (
        "rating", "stars", "starrating", "star", "score", "overall", "reviewrating", "reviewstars",
        "reviewscore", "ratingvalue", "reviewratingratingvalue", "ratingsoverall", "overallrating",
        "customerrating", "starsrating", "ratingscore", "userrating",
    ),
    "date": (
        "reviewdate", "date", "reviewtime", "reviewtimestamp", "timestamp", "time", "unixreviewtime", "createdat",
        "datecreated", "created", "publishedat", "publisheddate", "datepublished", "published", "submittedat",
        "submissiontime", "postedat", "dateposted", "posted", "reviewcreatedat", "dateofreview", "reviewedat",
    ),
    "title": (
        "reviewtitle", "title", "reviewheadline", "headline", "summary", "reviewsummary", "subject", "heading",
    ),
    "text": (
        "reviewtext", "reviewbody", "text", "body", "content", "review", "reviewcontent", "reviewdescription",
        "comment", "comments", "reviewcomment", "message", "feedback", "contenttext", "textcontent",
    ),
    "reviewer_id": (
        "reviewerid", "userid", "customerid", "authorid", "profileid", "reviewerprofileid", "consumerid",
        "accountid", "userprofileid",
    ),
    "reviewer_name": (
        "reviewername", "reviewer", "author", "username", "user", "authorname", "customername", "customer",
        "profilename", "displayname", "consumerdisplayname", "consumername", "nickname", "userdisplayname",
    ),
    "verified": (
        "verifiedpurchase", "isverifiedpurchase", "verified", "isverified", "verifiedbuyer", "isverifiedbuyer",
        "verifiedreview", "avp", "verifiedreviewer",
    ),
    "incentivised": (
        "vine", "vinecustomer", "isvine", "vinereview", "incentivised", "incentivized", "isincentivised",
        "isincentivized", "isincentivizedreview", "isincentivisedreview",
    ),
    "product_title": ("producttitle", "productname", "producthandle", "productinfotitle"),
}  # fmt: skip
_OF_THE_REVIEW = ("reviews.", "review.")
_PRODUCT_BESIDE_REVIEWS = ("name", "title")


@dataclass(frozen=True, slots=True)
class Columns:
    """For each part of a review the position of its column; `None` where there is no such column."""

    review_id: int | None = None
    rating: int | None = None
    date: int | None = None
    title: int | None = None
    text: int | None = None
    reviewer_id: int | None = None
    reviewer_name: int | None = None
    verified: int | None = None
    incentivised: int | None = None
    product_title: int | None = None

    @property
    def hold_reviews(self) -> bool:
        """Without stars and words there is nothing to judge."""
        return self.rating is not None and self.text is not None

    @property
    def places(self) -> tuple[int | None, ...]:
        """All of them, in the order above."""
        return (
            self.review_id, self.rating, self.date, self.title, self.text, self.reviewer_id, self.reviewer_name,
            self.verified, self.incentivised, self.product_title,
        )  # fmt: skip

    @property
    def known(self) -> int:
        return sum(place is not None for place in self.places)


def columns_of(names: Sequence[str]) -> Columns:
    """The better-known name wins where several columns could hold the same part; their order never matters.

    Where columns are called "reviews.…", as in Datafiniti's exports, the others belong to the product.
    """
    prefix = next((p for p in _OF_THE_REVIEW if sum(n.lower().startswith(p) for n in names) > 1), None)
    places: dict[str, int] = {}
    product: dict[str, int] = {}
    for place, name in enumerate(names):
        lowered = name.strip().lower()
        if prefix is None or lowered.startswith(prefix):
            places.setdefault(plain_name(lowered.removeprefix(prefix or "")), place)
        product.setdefault(plain_name(lowered), place)
    found = {part: _first(places, known) for part, known in _NAMES.items() if part != "product_title"}
    titles = _NAMES["product_title"] + (_PRODUCT_BESIDE_REVIEWS if prefix else ())
    return Columns(**found, product_title=_first(product, titles))


def plain_name(name: str) -> str:
    """The same for "Review Text", "review_text" and "reviewText"."""
    return "".join(character for character in name.lower() if character.isalnum())


def named(names: Sequence[str]) -> str:
    """The columns found, for a sentence."""
    shown = ", ".join(f"“{' '.join(name.split())[:40]}”" for name in names[:12])
    return f"{shown} and {len(names) - 12} more" if len(names) > 12 else shown


def _first(places: dict[str, int], known: Sequence[str]) -> int | None:
    return next((places[name] for name in known if name in places), None)
