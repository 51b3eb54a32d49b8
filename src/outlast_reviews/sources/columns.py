"""Which column of a table, or key of an object, holds which part of a review; unknown ones have no influence."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Literal, NoReturn

from outlast_reviews.sources.limits import NotReviews

Part = Literal["rating", "text", "title", "date", "reviewer", "verified", "review_id", "incentivised"]
"""What a person may say a column holds."""
NO_MAPPING: Mapping[Part, str] = MappingProxyType({})
REQUIRED: tuple[Part, ...] = ("rating", "text")
"""Without stars and words there is nothing to judge."""

PRODUCT_IDS = (
    "productparent", "parentasin", "productid", "asin", "asins", "productasin", "producthandle", "handle",
    "productsku", "sku", "prodid", "itemid", "businessid", "hotel", "product",
)  # fmt: skip
"""What columns that tell products apart are called, plainly; that of a whole family of variants first."""
_NAMES: dict[str, tuple[str, ...]] = {
    "review_id": ("reviewid", "reviewuuid", "id", "uuid"),
    "rating": (
        "rating", "stars", "starrating", "star", "score", "overall", "reviewrating", "reviewstars",
        "reviewscore", "ratingvalue", "reviewratingratingvalue", "ratingsoverall", "overallrating",
        "customerrating", "starsrating", "ratingscore", "userrating", "rate", "numberofstars", "givenrating",
        "bewertung", "sterne", "sternebewertung", "note", "étoiles", "etoiles", "nombredétoiles",
        "calificación", "calificacion", "puntuación", "puntuacion", "valoración", "valoracion", "estrellas",
        "valutazione", "stelle", "punteggio", "評価", "星", "星評価",
    ),
    "date": (
        "reviewdate", "date", "reviewposteddate", "reviewtime", "reviewtimestamp", "timestamp", "time",
        "unixreviewtime", "createdat", "datecreated", "created", "publishedat", "publisheddate",
        "datepublished", "submittedat", "submissiontime", "postedat", "dateposted", "posted", "reviewcreatedat",
        "dateofreview", "reviewedat", "revieweddate", "reviewcreationdate", "creationdate", "createdutc",
        "reviewcreated", "reviewcreatedutc", "datereviewed", "dateadded", "datesubmitted",
        "reviewsubmitdateandtime", "datespublisheddate", "submitteddate", "submissiondate", "createdtime",
        "createtime", "evaldate", "commentdate", "commenttime", "published", "at", "datum", "bewertungsdatum",
        "erstelltam", "datedelavis", "datedepublication", "fecha", "fechadelareseña", "fechadelaopinión",
        "data", "datadellarecensione", "datarecensione", "日付", "投稿日", "レビュー日",
    ),
    "title": (
        "reviewtitle", "title", "reviewheadline", "headline", "reviewheader", "summary", "reviewsummary",
        "subject", "heading", "titel", "bewertungstitel", "überschrift", "titre", "titredelavis", "título",
        "titulo", "titolo", "titolorecensione", "タイトル", "件名",
    ),
    "text": (
        "reviewtext", "reviewbody", "text", "body", "content", "review", "reviewcontent", "reviewdescription",
        "comment", "comments", "reviewcomment", "message", "feedback", "contenttext", "textcontent",
        "buyerfeedback", "bewertungstext", "rezension", "rezensionstext", "kommentar", "commentaire", "avis",
        "textedelavis", "texte", "contenu", "comentario", "reseña", "resena", "opinión", "opinion", "texto",
        "recensione", "testo", "testorecensione", "commento", "本文", "レビュー", "コメント", "内容",
        "レビュー本文",
    ),
    "reviewer_id": (
        "reviewerid", "userid", "customerid", "authorid", "profileid", "reviewerprofileid", "consumerid",
        "accountid", "userprofileid", "reviewerreviewerid", "reviewconsumeruserid", "consumeruserid",
    ),
    "reviewer_name": (
        "reviewername", "reviewer", "author", "username", "user", "authorname", "customername", "customer",
        "profilename", "displayname", "consumerdisplayname", "consumername", "nickname", "userdisplayname",
        "reviewerdisplayname", "usernickname", "reviewusername", "authortitle", "buyername", "rezensent",
        "verfasser", "kunde", "auteur", "pseudo", "autor", "cliente", "usuario", "autore", "投稿者",
        "ニックネーム", "ユーザー名",
    ),
    "verified": (
        "verifiedpurchase", "isverifiedpurchase", "verified", "isverified", "verifiedbuyer", "isverifiedbuyer",
        "verifiedreview", "avp", "verifiedreviewer", "isreviewverified", "labelsverificationisverified", "bage",
        "verifizierterkauf", "verifiziert", "achatvérifié", "achatverifie", "compraverificada",
        "acquistoverificato", "購入確認済み",
    ),
    "incentivised": (
        "vine", "vinecustomer", "isvine", "vinereview", "isamazonvine", "incentivised", "incentivized",
        "isincentivised", "isincentivized", "isincentivizedreview", "isincentivisedreview",
    ),
    "product_id": PRODUCT_IDS,
    "product_title": ("producttitle", "productname", "productinfotitle", "productsproductproductname"),
}  # fmt: skip
_ASKED: tuple[Part, ...] = ("rating", "text", "title", "date", "reviewer", "verified", "review_id", "incentivised")
_MOST_SHOWN = 100
_LONGEST_SAMPLE = 60
_OF_THE_REVIEW = ("reviews.", "review.", "review/")
_OF_THE_PRODUCT = ("product_id", "product_title")
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
    product_id: int | None = None
    product_title: int | None = None

    @property
    def hold_reviews(self) -> bool:
        """Without stars and words there is nothing to judge."""
        return self.rating is not None and self.text is not None

    @property
    def missing(self) -> tuple[Part, ...]:
        return tuple(part for part in REQUIRED if getattr(self, part) is None)

    @property
    def places(self) -> tuple[int | None, ...]:
        """All of them, in the order above."""
        return (
            self.review_id, self.rating, self.date, self.title, self.text, self.reviewer_id, self.reviewer_name,
            self.verified, self.incentivised, self.product_id, self.product_title,
        )  # fmt: skip

    @property
    def known(self) -> int:
        return sum(place is not None for place in self.places)

    def mapped(self, places: Mapping[Part, int]) -> "Columns":
        """With these parts where a person says they are; a column so taken holds nothing else."""
        taken = set(places.values())
        free = {name: None for name, at in zip(self.__slots__, self.places, strict=True) if at in taken}
        if "reviewer" in places:
            free["reviewer_id"] = None
        said = {_FIELDS.get(part, part): at for part, at in places.items()}
        return replace(self, **{**free, **said})


_FIELDS: Mapping[Part, str] = {"reviewer": "reviewer_name"}


@dataclass(frozen=True, slots=True)
class SeenColumn:
    """A column of a table that is not understood, with a few of its values."""

    name: str
    samples: tuple[str, ...] = ()


class UnknownColumns(NotReviews):
    """A table without a column for stars or for words; saying which column holds them makes it readable."""

    def __init__(self, sentence: str, columns: Sequence[SeenColumn], guesses: Mapping[Part, str]) -> None:
        super().__init__(sentence)
        self.columns = tuple(columns)
        self.guesses = guesses
        """The parts that were understood, by the names of their columns."""


def columns_of(names: Sequence[str], mapping: Mapping[Part, str] = NO_MAPPING) -> Columns:
    """The better-known name wins where several columns could hold the same part; their order never matters.

    Where columns are called "reviews.…", as in Datafiniti's exports, the others belong to the product. What
    `mapping` says goes before all; a column that it names and that is not here counts for nothing.
    """
    found = _recognised(names)
    places: dict[Part, int] = {
        part: at for part, name in mapping.items() if (at := place_of(name, names)) is not None
    }
    return found.mapped(places) if places else found


def place_of(name: str, names: Sequence[str]) -> int | None:
    """Where the column of that name is, by its exact name or else by how it reads."""
    if name in names:
        return names.index(name)
    wanted = plain_name(name)
    alike = [place for place, other in enumerate(names) if wanted and plain_name(other) == wanted]
    return alike[0] if len(alike) == 1 else None


def refuse_columns(what: str, names: Sequence[str], found: Columns, rows: Sequence[Sequence[object]]) -> NoReturn:
    """Raises `UnknownColumns`: `what` (the table) lacks a part; `rows` give the sample values."""
    missing = " and none for ".join(f"the {part}" for part in found.missing)
    seen = [
        SeenColumn(
            name, tuple(_sample(row[at]) for row in rows[:3] if at < len(row) and row[at] not in (None, ""))
        )
        for at, name in enumerate(names[:_MOST_SHOWN])
    ]
    guesses: dict[Part, str] = {}
    for part in _ASKED:
        at: int | None = getattr(found, _FIELDS.get(part, part))
        if at is not None:
            guesses[part] = names[at]
    raise UnknownColumns(
        f"{what} has no column for {missing} of a review. Columns found: {named(names)}. "
        "Say which column is which, or name them “rating” and “text” and give the file again.",
        seen,
        guesses,
    )


def refuse_unseen(mapping: Mapping[Part, str], names: Sequence[str]) -> None:
    """Raises `NotReviews` when a column that a person named is not in the table."""
    for part, name in mapping.items():
        if place_of(name, names) is None:
            raise NotReviews(
                f"There is no column “{name[:40]}”, which was to be the {part}. Columns found: {named(names)}."
            )


def _sample(value: object) -> str:
    text = " ".join(str(value)[:200].split())
    return text if len(text) <= _LONGEST_SAMPLE else text[: _LONGEST_SAMPLE - 1] + "…"


def _recognised(names: Sequence[str]) -> Columns:
    prefix = next((p for p in _OF_THE_REVIEW if sum(n.lower().startswith(p) for n in names) > 1), None)
    places: dict[str, int] = {}
    product: dict[str, int] = {}
    for place, name in enumerate(names):
        lowered = name.strip().lower()
        if prefix is None or lowered.startswith(prefix):
            places.setdefault(plain_name(lowered.removeprefix(prefix or "")), place)
        product.setdefault(plain_name(lowered), place)
    found = {part: _first(places, known) for part, known in _NAMES.items() if part not in _OF_THE_PRODUCT}
    if prefix and found["reviewer_id"] is None and found["reviewer_name"] is None:  # a product has no reviewer
        found |= {part: _first(product, _NAMES[part]) for part in ("reviewer_id", "reviewer_name")}
    titles = _NAMES["product_title"] + (_PRODUCT_BESIDE_REVIEWS if prefix else ())
    ids = _first(product, _NAMES["product_id"])
    return Columns(**found, product_id=ids, product_title=_first(product, titles))


def plain_name(name: str) -> str:
    """The same for "Review Text", "review_text" and "reviewText"."""
    return "".join(character for character in name.lower() if character.isalnum())


def named(names: Sequence[str]) -> str:
    """The columns found, for a sentence."""
    shown = ", ".join(f"“{' '.join(name.split())[:40]}”" for name in names[:12])
    return f"{shown} and {len(names) - 12} more" if len(names) > 12 else shown


def _first(places: dict[str, int], known: Sequence[str]) -> int | None:
    return next((places[name] for name in known if name in places), None)
