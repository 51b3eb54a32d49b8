"""Maps columns of a table, or keys of an object, to the parts of a review by their names in six languages."""

import re
from collections.abc import Collection, Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import permutations
from types import MappingProxyType
from typing import Literal, NoReturn

from outlast import message
from outlast_reviews.sources.errors import NotReviews, encodable, quoted

PRODUCT_IDS = (
    "productparent", "parentasin", "productid", "asin", "asins", "productasin", "producthandle", "handle",
    "productsku", "sku", "prodid", "itemid", "businessid", "hotel", "product",
)  # fmt: skip
"""What columns that tell products apart are called, plainly; that of a whole family of variants first."""
NAMES: dict[str, tuple[str, ...]] = {
    "review_id": ("reviewid", "reviewuuid", "id", "uuid"),
    "rating": (
        "rating", "stars", "starrating", "star", "score", "overall", "reviewrating", "reviewstars",
        "reviewscore", "ratingvalue", "reviewratingratingvalue", "ratingsoverall", "overallrating",
        "customerrating", "starsrating", "ratingscore", "userrating", "rate", "numberofstars", "givenrating",
        "userratingoutof5", "ratingoutof5", "scoreoutof5", "starsgiven", "starscore", "рейтинг", "оценка",
        "评分", "評分", "星级", "평점", "별점", "nota", "avaliação", "cijfer", "waardering", "bewertung",
        "sterne", "sternebewertung", "note", "étoiles", "etoiles", "nombredétoiles", "calificación",
        "calificacion", "puntuación", "puntuacion", "valoración", "valoracion", "estrellas", "valutazione",
        "stelle", "punteggio", "評価", "星", "星評価",
    ),
    "date": (
        "reviewdate", "date", "reviewposteddate", "reviewtime", "reviewtimestamp", "timestamp", "time",
        "unixreviewtime", "createdat", "datecreated", "created", "publishedat", "publisheddate",
        "datepublished", "submittedat", "submissiontime", "postedat", "dateposted", "posted", "reviewcreatedat",
        "dateofreview", "reviewedat", "revieweddate", "reviewcreationdate", "creationdate", "createdutc",
        "reviewcreated", "reviewcreatedutc", "datereviewed", "dateadded", "datesubmitted",
        "reviewsubmitdateandtime", "datespublisheddate", "submitteddate", "submissiondate", "createdtime",
        "createtime", "createddate", "reviewsubmissiontime", "evaldate", "commentdate", "commenttime",
        "published", "at", "datum", "reviewposted", "timeofreview", "submittedon", "createdon", "postedon",
        "reviewedon", "дата", "日期", "날짜", "datadaavaliação", "bewertungsdatum", "erstelltam", "datedelavis",
        "datedepublication", "fecha", "fechadelareseña", "fechadelaopinión", "data", "datadellarecensione",
        "datarecensione", "日付", "投稿日", "レビュー日",
    ),
    "title": (
        "reviewtitle", "title", "reviewheadline", "headline", "reviewheader", "summary", "reviewsummary",
        "subject", "heading", "reviewheading", "reviewname", "titel", "bewertungstitel", "überschrift", "titre",
        "titredelavis", "título", "titulo", "titolo", "titolorecensione", "タイトル", "件名",
    ),
    "text": (
        "reviewtext", "reviewbody", "text", "body", "content", "review", "reviewcontent", "reviewdescription",
        "comment", "comments", "commentcontent", "reviewcomment", "message", "feedback", "contenttext",
        "userreview", "customerreview", "commenttext", "reviewcomments", "reviewtextraw", "fullreview",
        "fulltext", "opinionbody", "отзыв", "комментарий", "评论", "評論", "리뷰", "후기", "avisclient",
        "comentário", "beoordeling", "textcontent", "buyerfeedback", "bewertungstext", "rezension",
        "rezensionstext", "kommentar", "commentaire", "avis", "textedelavis", "texte", "contenu", "comentario",
        "reseña", "resena", "opinión", "opinion", "texto", "recensione", "testo", "testorecensione", "commento",
        "本文", "レビュー", "コメント", "内容", "レビュー本文",
    ),
    "reviewer_id": (
        "reviewerid", "userid", "customerid", "authorid", "profileid", "reviewerprofileid", "consumerid",
        "accountid", "userprofileid", "reviewerreviewerid", "reviewconsumeruserid", "consumeruserid",
    ),
    "reviewer_name": (
        "reviewername", "reviewer", "author", "username", "user", "authorname", "customername", "customer",
        "profilename", "displayname", "consumerdisplayname", "consumername", "nickname", "userdisplayname",
        "reviewerdisplayname", "usernickname", "reviewusername", "authortitle", "commentauthor", "buyername",
        "rezensent", "verfasser", "kunde", "auteur", "pseudo", "autor", "cliente", "usuario", "autore",
        "postedby", "writtenby", "reviewedby", "screenname", "nick", "writer", "投稿者", "ニックネーム",
        "ユーザー名",
    ),
    "reviewer_reviews": (
        "reviewerreviewcount", "reviewerreviewscount", "reviewernumberofreviews", "reviewertotalreviews",
        "userreviewcount", "userreviewscount", "usernumberofreviews", "authorreviewcount", "authorreviewscount",
        "authornumberofreviews", "consumernumberofreviews", "consumerreviewcount", "reviewsbyuser",
        "reviewsbyreviewer",
    ),
    "verified": (
        "verifiedpurchase", "isverifiedpurchase", "verified", "isverified", "verifiedbuyer", "isverifiedbuyer",
        "verifiedreview", "avp", "verifiedreviewer", "reviewerisverified", "isreviewverified",
        "labelsverificationisverified", "bage", "verifizierterkauf", "verifiziert", "achatvérifié",
        "achatverifie", "compraverificada", "acquistoverificato", "購入確認済み",
    ),
    "recommended": (
        "votedup", "recommended", "recommendation", "liked", "isrecommended", "recommend", "recommends",
        "wouldrecommend", "thumbsup", "thumbs",
    ),
    "anonymous": ("isanonymous", "anonymous", "isanonymousreview", "postedanonymously"),
    "incentivised": (
        "vine", "vinecustomer", "isvine", "vinereview", "isamazonvine", "incentivised", "incentivized",
        "isincentivised", "isincentivized", "isincentivizedreview", "isincentivisedreview",
    ),
    "product_id": PRODUCT_IDS,
    "product_title": ("producttitle", "productname", "productinfotitle", "productsproductproductname"),
}  # fmt: skip
"""For each part; the better-known name first. No name is in two parts."""


Part = Literal[
    "rating", "text", "title", "date", "reviewer", "verified", "review_id", "incentivised", "scale", "dates"
]
"""What a user can say about a table: parts of a review, each as a column, and how its values are meant."""
UNKNOWN = "unknown"
"""Answer that the order of day and month is not known either; such dates are left out."""
VALUES: Mapping[str, Sequence[str]] = MappingProxyType(
    {
        "scale": ("5", "0-5", "10", "0-10", "50", "0-50", "100", "0-100", "1", "0-1", "thumbs"),
        "dates": ("day", "month", UNKNOWN),
    }
)
"""What is not a column, with what it can be: the scale of bare ratings, and what comes first in a date."""
NO_MAPPING: Mapping[Part, str] = MappingProxyType({})
REQUIRED: tuple[Part, ...] = ("rating", "text")
"""Parts without which the user is asked for a mapping."""
ABSENT = "-"
"""Mapping of the rating that says that there is none; only the texts are judged."""
LONGEST_NAME = 200
"""Characters; columns with longer names are ignored."""

_ASKED: tuple[Part, ...] = ("rating", "text", "title", "date", "reviewer", "verified", "review_id", "incentivised")
_MOST_SHOWN, _MOST_NAMED = 100, 12
_LONGEST_SAMPLE = 60
_OF_THE_REVIEW = ("reviews.", "review.", "review/")
_OF_THE_PRODUCT = ("product_id", "product_title")
_PRODUCT_BESIDE_REVIEWS = ("name", "title")
_BETWEEN_WORDS = re.compile(r"[\W_]+")
_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|[^\W\d_A-Za-z]+")
_MOST_WORDS = 3
_MOST_REORDERED = 100
"""Columns."""
_SHORTEST_PLURAL = 4
_LONGEST_NUMBER = 6
"""Digits of the number of a column."""


def _known(*parts: str) -> Mapping[str, tuple[str, int]]:
    return {name: (part, rank) for part in parts for rank, name in enumerate(NAMES[part])}


_REVIEW = _known(*(part for part in NAMES if part not in _OF_THE_PRODUCT))
_REVIEWER = _known("reviewer_id", "reviewer_name")
_PRODUCT = _known(*_OF_THE_PRODUCT)
_PRODUCT_OF_REVIEWS = {
    **_PRODUCT,
    **{name: ("product_title", len(_PRODUCT) + rank) for rank, name in enumerate(_PRODUCT_BESIDE_REVIEWS)},
}


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
    product_id: int | None = None
    product_title: int | None = None
    recommended: int | None = None
    anonymous: int | None = None
    reviewer_reviews: int | None = None
    starless: bool = False
    """Whether the user said that there are no stars."""

    @property
    def hold_reviews(self) -> bool:
        return not self.missing

    @property
    def missing(self) -> tuple[Part, ...]:
        rated = self.starless or self.rating is not None or self.recommended is not None
        present = {"rating": rated, "text": self.text is not None}
        return tuple(part for part in REQUIRED if not present[part])

    @property
    def positions(self) -> tuple[int | None, ...]:
        """All positions, in the order of the fields."""
        return (
            self.review_id, self.rating, self.date, self.title, self.text, self.reviewer_id, self.reviewer_name,
            self.verified, self.incentivised, self.product_id, self.product_title, self.recommended,
            self.anonymous, self.reviewer_reviews,
        )  # fmt: skip

    def named(self, names: Sequence[str]) -> dict[str, str]:
        """For each part of a review the name of its column, or its number where it has none."""
        found: dict[str, str] = {}
        for part, at in zip(self.__slots__, self.positions, strict=False):
            if at is not None and at < len(names):
                name = _PART_OF_FIELD.get(part, part)
                found.setdefault(name, quoted(names[at], LONGEST_NAME) or message("number {at}", at=at + 1))
        return found

    @property
    def known(self) -> int:
        return sum(position is not None for position in self.positions)

    def without(self, position: int) -> "Columns":
        """Hold no part in the column at this position."""
        held = {name: None for name, at in zip(self.__slots__, self.positions, strict=False) if at == position}
        return replace(self, **held)

    def mapped(self, positions: Mapping[Part, int]) -> "Columns":
        """Apply a user's mapping; a mapped column holds no other part."""
        claimed = set(positions.values())
        free = {name: None for name, at in zip(self.__slots__, self.positions, strict=False) if at in claimed}
        if "reviewer" in positions:
            free["reviewer_id"] = None
        said = {_FIELDS.get(part, part): at for part, at in positions.items()}
        return replace(self, **{**free, **said})


_FIELDS: Mapping[Part, str] = {"reviewer": "reviewer_name"}
_PART_OF_FIELD = {
    "reviewer_id": "reviewer",
    "reviewer_name": "reviewer",
    "product_id": "product",
    "product_title": "product",
}


@dataclass(frozen=True, slots=True)
class ColumnSample:
    """A column of a table that is not understood, with a few of its values."""

    name: str
    samples: tuple[str, ...] = ()


class UnknownColumns(NotReviews):
    """A table without a column for stars or for words; saying which column holds them makes it readable."""

    def __init__(self, sentence: str, columns: Sequence[ColumnSample], guesses: Mapping[Part, str]) -> None:
        super().__init__(sentence)
        self.columns = tuple(columns)
        self.guesses = guesses
        """The parts that were understood, by the names of their columns."""


class ColumnNames:
    """The column names of a table, normalised once."""

    def __init__(self, names: Sequence[str]) -> None:
        self._names = names
        self.plain: Sequence[str] = [plain_name(name) for name in names]

    @cached_property
    def _alike(self) -> Mapping[str, int]:
        """Positions by normalised name; -1 for ambiguous ones."""
        positions: dict[str, int] = {}
        for position, plain in enumerate(self.plain):
            positions[plain] = -1 if plain in positions else position
        return positions

    def position(self, name: str) -> int | None:
        """Where the column is: by its exact name, by how that reads or is shown, or by its number from 1."""
        if name in self._names:
            return self._names.index(name)
        plain = plain_name(name)
        at = self._alike.get(plain, -1) if plain else -1
        if at >= 0:
            return at
        shown = [at for at, own in enumerate(self._names) if name in {encodable(own), quoted(own)}]
        if len(shown) == 1:
            return shown[0]
        is_number = name.isascii() and name.isdecimal() and len(name) < _LONGEST_NUMBER
        return int(name) - 1 if is_number and 1 <= int(name) <= len(self._names) else None

    def columns(self, mapping: Mapping[Part, str]) -> Columns:
        """As `columns_of`."""
        found = self._recognised()
        positions: dict[Part, int] = {
            part: at
            for part, name in mapping.items()
            if part not in VALUES and (at := self.position(name)) is not None
        }
        if positions:
            found = found.mapped(positions)
        return replace(found, starless=True) if mapping.get("rating") == ABSENT else found

    def _recognised(self) -> Columns:
        prefix = self._prefix()
        if prefix is None:
            return replace(Columns(), **(_best(self.plain, _PRODUCT) | _best(self.plain, _REVIEW, self._names)))
        own = [
            plain_name(name.strip()[len(prefix) :]) if name.strip().lower().startswith(prefix) else ""
            for name in self._names
        ]
        found = _best(own, _REVIEW)
        if "reviewer_id" not in found and "reviewer_name" not in found:  # a product has no reviewer
            found |= _best(self.plain, _REVIEWER)
        return replace(Columns(), **(_best(self.plain, _PRODUCT_OF_REVIEWS) | found))

    def _prefix(self) -> str | None:
        """What the names of a review's columns begin with, where those of the product stand beside them."""
        together = "\n".join(["", *self._names]).lower()
        return next((prefix for prefix in _OF_THE_REVIEW if together.count(f"\n{prefix}") > 1), None)


def columns_of(names: Sequence[str], mapping: Mapping[Part, str] = NO_MAPPING) -> Columns:
    """The better-known name wins where several columns could hold the same part; their order never matters.

    Where columns are called "reviews.…", as in Datafiniti's exports, the others belong to the product. What
    `mapping` says goes before all; a column that it names and that is not here counts for nothing.
    """
    return ColumnNames(names).columns(mapping)


def refuse_columns(
    about: str, names: Sequence[str], found: Columns, likely: Columns, rows: Sequence[Sequence[object]]
) -> NoReturn:
    """Raises `UnknownColumns` for a missing part; `likely` is suggested, and `rows` give samples.

    `about` is a sentence that goes before, or empty.
    """
    found_columns: dict[str, ColumnSample] = {}
    for at, name in enumerate(names[:_MOST_SHOWN]):
        if len(name) <= LONGEST_NAME:
            values = (row[at] for row in rows[:3] if at < len(row))
            samples = tuple(_sample(value) for value in values if value not in (None, ""))
            found_columns.setdefault(name, ColumnSample(encodable(name), samples))
    guesses: dict[Part, str] = {}
    for part in _ASKED:
        at: int | None = getattr(likely, _FIELDS.get(part, part))
        if at is not None and at < len(names) and names[at] in found_columns:
            guesses[part] = found_columns[names[at]].name
    sentences = (
        about,
        *_unreadable(names, found.missing),
        _no_column(found.missing),
        found_in(names),
        message("Say which column is which, or name them “rating” and “text” and give the file again."),
    )
    raise UnknownColumns(" ".join(filter(None, sentences)), list(found_columns.values()), guesses)


def _unreadable(names: Sequence[str], missing: Collection[Part]) -> Iterator[str]:
    """Of the columns that are called after a missing part."""
    called = columns_of(names)
    if "rating" in missing and called.rating is not None:
        yield message("“{column}” holds no stars that can be read.", column=quoted(names[called.rating]))
    if "text" in missing and called.text is not None:
        yield message("“{column}” holds no words that can be read.", column=quoted(names[called.text]))


def _no_column(missing: Collection[Part]) -> str:
    if "text" not in missing:
        return message("There is no column for the rating of a review.")
    if "rating" not in missing:
        return message("There is no column for the text of a review.")
    return message("There is no column for the rating and none for the text of a review.")


def refuse_missing(mapping: Mapping[Part, str], names: Sequence[str]) -> None:
    """Raise `NotReviews` when a mapped column is not in the table."""
    found = ColumnNames(names)
    for part, name in mapping.items():
        if part in VALUES:
            if name not in VALUES[part]:
                raise NotReviews(
                    message(
                        "“{part}” can be {values}, and not “{value}”.",
                        part=part,
                        values=", ".join(VALUES[part]),
                        value=quoted(name),
                    )
                )
        elif found.position(name) is None and (part, name) != ("rating", ABSENT):
            absent = message(
                "There is no column “{column}”, which was to be “{part}”.", column=quoted(name), part=part
            )
            raise NotReviews(f"{absent} {found_in(names)}")


def _sample(value: object) -> str:
    text = quoted(str(value), 200)
    return text if len(text) <= _LONGEST_SAMPLE else text[: _LONGEST_SAMPLE - 1] + "…"


def plain_name(name: str) -> str:
    """The same for "Review Text", "review_text" and "reviewText"; nothing for what is too long for a name."""
    if len(name) > LONGEST_NAME:
        return ""
    lowered = name.lower()
    return lowered if lowered.isalnum() else _BETWEEN_WORDS.sub("", lowered)


def may_hold(name: str, plain: str) -> bool:
    """Whether a column of that name, plainly `plain`, can hold a part of a review or says what others are."""
    known = plain in _REVIEW or plain in _PRODUCT_OF_REVIEWS or other_form(name, _REVIEW) != ""
    return known or name.strip()[:LONGEST_NAME].lower().startswith(_OF_THE_REVIEW)


def found_in(names: Sequence[str]) -> str:
    """The columns found, in a sentence."""
    return message("Columns found: {columns}.", columns=named(names)) if names else message("Columns found: none.")


def named(names: Sequence[str]) -> str:
    """Columns, for a sentence."""
    shown = ", ".join(f"“{quoted(name)}”" for name in names[:_MOST_NAMED])
    more = len(names) - _MOST_NAMED
    return message("{names} and {more} more", names=shown, more=more) if more > 0 else shown


def _best(plain: Sequence[str], known: Mapping[str, tuple[str, int]], names: Sequence[str] = ()) -> dict[str, int]:
    """For each part the place of its best-known name, the first of equals.

    A part that no name fits gets one whose words do in another order or number: `rating_star`, `reviewers_name`.
    """
    found = _best_known(plain, known)
    free = [
        other_form(name, known) if position not in found.values() and plain[position] not in known else ""
        for position, name in enumerate(names[:_MOST_REORDERED])
    ]
    more = _best_known(free, known) if any(free) else {}
    return {**more, **found}


def other_form(name: str, known: Container[str]) -> str:
    """The known name that has the words of `name` in another order, or in the singular; empty if there is none."""
    words = [word.lower() for word in _WORD.findall(name[:LONGEST_NAME])]
    if not 1 <= len(words) <= _MOST_WORDS:
        return ""
    singular = [word[:-1] if len(word) > _SHORTEST_PLURAL and word.endswith("s") else word for word in words]
    for form in (words, singular):
        for order in permutations(form):
            if (plain := "".join(order)) in known:
                return plain
    return ""


def _best_known(plain: Sequence[str], known: Mapping[str, tuple[str, int]]) -> dict[str, int]:
    best: dict[str, tuple[int, int]] = {}
    for position, name in enumerate(plain):
        if name in known:
            part, rank = known[name]
            if part not in best or rank < best[part][0]:
                best[part] = rank, position
    return {part: position for part, (_, position) in best.items()}
