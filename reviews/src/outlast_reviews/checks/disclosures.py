"""Finds sentences that disclose a reward for a review, in several languages (pure)."""

import heapq
import re
from collections.abc import Iterable, Iterator

from outlast_reviews.checks.phrases import SENTENCE_OF_KANJI, Alternatives, Phrase, SearchedText


def _and_plural(*words: str) -> Alternatives:
    return tuple(form for word in words for form in (word, f"{word}s"))


_SPACE = re.compile(" ")
_SMALL_WORDS = re.compile(r" (?:(?:my|an?|this|the|our|honest|unbiased|fair) ){0,3}")
_PERHAPS_A_WORD = re.compile(r"(?: \w{1,20}(?= complimentary))? ")
_OPINION = ("feedback", *_and_plural("review", "opinion", "evaluation", "rating", "testimonial", "star"))
_ITEM = ("copy", "copies", *_and_plural("product", "sample", "item", "unit", "tester"))
_GIFT = _and_plural(
    *("gift card", "giftcard", "voucher", "coupon", "refund", "rebate", "discount"),
    *("free product", "free sample", "free item"),
)
_GIVEN = ("received", "given", "sent", "provided", "supplied", "offered", "gifted", "got")
_AT_NO_COST = ("for free", "free of charge", "at no cost", "at no charge", "at a discount")
_MAKER = tuple(
    f"{by} the {who}"
    for by in ("from", "by")
    for who in ("company", "seller", "brand", "manufacturer", "maker", "vendor", "publisher")
)
_TO_TELL = (*_OPINION, "test", "testing", "try", "reviewing", "evaluate")
_TO_WRITE = (
    *(
        "leave",
        "leaving",
        "left",
        "write",
        "writing",
        "wrote",
        "post",
        "posting",
        "posted",
        "give",
        "giving",
        "gave",
    ),
    *("do", "doing", "did"),
)
_ARTICLE = ("a", "my", "the", "this", "these")
_KOSTENLOS = ("kostenlos", "gratis", "unentgeltlich")

_WRITE = ("leave", "leaving", "write", "writing", "post", "posting")
_ASK = (*_WRITE, "left", "wrote", "posted", "do", "doing", "did", "want", "wants", "give you", "gives you")
"""“I give it five stars for the gift card” is praise of a gift card, so that to give alone is none of these."""
_OF_IT = re.compile(r" (?:(?:my|your|an?|this|the|honest|unbiased|fair|good|great|positive|top|five|5|-) ?){0,4}")

OFFERS = (
    Phrase(_GIFT, ((40, ("for", "if", "to")), (_SPACE, _WRITE), (30, _OPINION))),
    Phrase(_GIFT, ((40, ("if", "when", "once")), (_SPACE, ("i", "you", "we")), (20, _ASK), (30, _OPINION))),
    Phrase(_GIFT, ((40, ("for",)), (_OF_IT, _OPINION))),
    # "my second review for the gift card" is one of a gift card
    Phrase(_ASK, ((30, _OPINION), (20, ("for", "to get")), (_SPACE, ("a", "my", "the")), (21, _GIFT))),
)
"""A reward that its writer may not have taken; with few stars it is a warning, and nobody was paid for that."""
DISCLOSURES = (
    Phrase(("in exchange for", "in return for"), ((40, _OPINION),)),
    Phrase(_GIVEN, ((60, _AT_NO_COST), (60, _TO_TELL))),
    Phrase(_GIVEN, ((40, _MAKER), (40, _TO_TELL))),
    Phrase(
        ("received", "provided with", "supplied with"),
        ((_SPACE, _ARTICLE), (_SPACE, ("free", "complimentary")), (_SPACE, _ITEM)),
    ),
    Phrase(
        ("sent me", "sent us"),
        ((_SPACE, ("a", "the", "this", "these")), (_SPACE, ("free", "complimentary")), (_SPACE, _ITEM)),
    ),
    Phrase(
        ("free", "complimentary", "discounted"),
        ((_SPACE, _ITEM), (30, ("for",)), (_SMALL_WORDS, _OPINION)),
    ),
    Phrase(("received this", "received it", "received these"), ((_PERHAPS_A_WORD, ("complimentary",)),)),
    Phrase(
        ("vine", "amazon vine"),
        (
            (
                _SPACE,
                ("voice", "program", "programme", "member", "customer review", "review", "reviewer"),
            ),
        ),
    ),
    Phrase(
        tuple(f"{paid} {what}" for paid in ("paid", "compensated") for what in ("to write", "for writing", "for")),
        ((_SPACE, ("this", "my", "a", "the")), (re.compile(" (?:honest )?"), ("review",))),
    ),
    Phrase(
        ("refunded",),
        (
            (20, ("after", "when", "once")),
            (_SPACE, ("i", "we")),
            (_SPACE, ("left", "gave", "wrote", "posted")),
            (20, _OPINION),
        ),
    ),
    Phrase(("collected as part of a promotion",)),
    Phrase(("#ad", "#gifted", "#sponsored", "#complimentary", "#freeproduct")),
    Phrase(_KOSTENLOS, ((40, ("zur verfügung gestellt",)),)),
    Phrase(
        _KOSTENLOS,
        (
            (30, ("zum", "für einen", "für den")),
            (_SPACE, ("test", "testen", "produkttest", "produkttesten")),
        ),
    ),
    Phrase(
        ("im austausch für", "im austausch gegen", "als gegenleistung für", "als gegenleistung gegen"),
        ((40, ("bewertung", "rezension", "meinung")),),
    ),
    Phrase(
        ("en échange de", "en échange des", "en échange du", "en échange d'", "en échange d’"),
        ((30, ("avis", "commentaire", "évaluation")),),
    ),
    Phrase(("reçu", "offert"), ((20, ("gratuitement",)), (60, ("avis", "test", "tester", "évaluation")))),
    Phrase(("a cambio de",), ((30, ("reseña", "opinión", "valoración", "comentario")),)),
    Phrase(("in cambio di",), ((30, ("recensione", "opinione", "valutazione", "parere")),)),
    Phrase(("em troca de",), ((30, ("avaliação", "opinião", "resenha", "análise")),)),
    Phrase(("in ruil voor",), ((30, ("review", "recensie", "mening", "beoordeling")),)),
    Phrase(("w zamian za",), ((30, ("opinię", "recenzję", "ocenę")),)),
    Phrase(("i utbyte mot",), ((30, ("recension", "omdöme", "åsikt")),)),
    Phrase(("無料で",), ((15, ("提供", "いただ", "頂", "もら")),), SENTENCE_OF_KANJI),
    Phrase(
        ("商品", "製品", "サンプル"),
        (
            (re.compile("を?(?:ご)?"), ("提供",)),
            (re.compile("(?:して)?"), ("いただ", "頂", "もら", "され")),
        ),
        SENTENCE_OF_KANJI,
    ),
    Phrase(("レビュー",), ((12, ("代わりに", "引き換えに", "条件に")),), SENTENCE_OF_KANJI),
    *OFFERS,
)

_LIKELY = (
    *("free", "complimentary", "exchange", "return for", "discount", "gift card", "giftcard", "voucher", "coupon"),
    *(
        "no cost",
        "no charge",
        "refund",
        "rebate",
        "vine",
        "paid",
        "compensated",
        "promotion",
        "#ad",
        "#gifted",
        "#sponsored",
    ),
    *("the company", "the seller", "the brand", "the manufacturer", "the maker", "the vendor", "the publisher"),
    *("kostenlos", "gratis", "unentgeltlich", "austausch", "gegenleistung", "échange", "gratuitement"),
    *("cambio", "troca", "ruil", "zamian", "utbyte", "無料", "提供", "レビュー"),
)
"""Every disclosure contains one of these; a fast filter for all other texts."""
_NEGATION = re.compile(
    r"\b(?:not|never|no(?! (?:cost|charge)\b)|nor|without|neither|nobody|nothing)\b|n['’]t\b", re.IGNORECASE
)
_REFUSAL = re.compile(
    r"\b(?:refused|declined|rejected|ignored|turned (?:it|them|this|that) down|said no)\b", re.IGNORECASE
)
_LOOK_BACK = 40
"""Characters before a disclosure in which a negation in the same sentence takes it back."""
_LOOK_ON = 80
"""Characters after it in which a refusal does."""
_SENTENCE_END = re.compile(r"[.!?\n。！？\]]")
_END_BEFORE = re.compile(r"[.!?\n]")
_LONGEST_SENTENCE = 100
"""Characters around a disclosure that belong to its sentence at most."""
_MOST_SENTENCES = 5


def disclosure(text: str, *, stars: float | None = None) -> str | None:
    """Return the part of a text that discloses a reward; `None` if there is none, or it is denied."""
    if not _may_disclose(text):
        return None
    searched = SearchedText(text)
    for phrase in DISCLOSURES:
        if stars is not None and stars <= 2 and phrase in OFFERS:
            continue
        if found := next(_affirmed(text, searched.spans(phrase)), None):
            return text[slice(*found)]
    return None


def without_disclosures(text: str) -> str:
    """The text with blanks in the place of a sentence that discloses a reward: thousands of honest people use the
    same few, as they are told to. As long as before; of more than five such sentences the first five are blanked.
    """
    if not _may_disclose(text):
        return text
    searched = SearchedText(text)
    left, done, blanked = text, 0, 0
    for start, end in heapq.merge(*(_affirmed(text, searched.spans(phrase)) for phrase in DISCLOSURES)):
        if start < done:
            continue
        before = max(done, start - _LONGEST_SENTENCE)
        ends = [match.end() for match in _SENTENCE_END.finditer(text, before, start)]
        end_of_it = _SENTENCE_END.search(text, end, end + _LONGEST_SENTENCE)
        first = ends[-1] if ends else before
        done = end_of_it.end() if end_of_it else min(len(text), end + _LONGEST_SENTENCE)
        left = left[:first] + " " * (done - first) + left[done:]
        blanked += 1
        if blanked == _MOST_SENTENCES:
            break
    return left


def _may_disclose(text: str) -> bool:
    lowered = text.lower()
    return any(map(lowered.__contains__, _LIKELY))


def _affirmed(text: str, spans: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Keep the spans that are neither negated nor refused."""
    for start, end in spans:
        before = _END_BEFORE.split(text[max(0, start - _LOOK_BACK) : start])[-1]
        denied = _NEGATION.search(before) or _NEGATION.search(text, start, end)
        if not denied and not _REFUSAL.search(text, end, end + _LOOK_ON):
            yield start, end
