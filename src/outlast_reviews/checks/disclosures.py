"""Words that disclose a reward for a review, in the languages that this knows (pure)."""

import re

_OPINION = r"\b(?:reviews?|opinions?|feedback|evaluations?|ratings?|testimonials?|stars?)\b"
_ITEM = r"(?:products?|samples?|items?|units?|copy|copies|testers?)\b"
_GIFT = r"\b(?:gift ?cards?|vouchers?|coupons?|refunds?|rebates?|discounts?|free (?:products?|samples?|items?))\b"
_GIVEN = r"\b(?:received|given|sent|provided|supplied|offered|gifted|got)\b"
_AT_NO_COST = r"\b(?:for free|free of charge|at no (?:cost|charge)|at a discount)\b"
_IF = r"\b(?:for|if|to) (?:I|you|we|my|your|an?|this|the|post|posting|leave|leaving|write|writing)\b"
_FOR_MY = r"\bfor (?:(?:my|an?|this|the|our|honest|unbiased|fair) ){0,3}"
_MAKER = r"\b(?:from|by) the (?:company|seller|brand|manufacturer|maker|vendor|publisher)\b"
_TRY = r"\b(?:test|testing|try|review|reviewing|evaluate|evaluation)\b"
_WROTE = r"(?:left|gave|wrote|posted)"
_KOSTENLOS, _MEINUNG = r"\b(?:kostenlos|gratis|unentgeltlich)\b", r"(?:bewertung|rezension|meinung)"


def _within(characters: int) -> str:
    return rf"[^.!?\n]{{0,{characters}}}?"


OFFERS = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        rf"{_GIFT}{_within(40)}{_IF}{_within(30)}{_OPINION}",
        rf"{_OPINION}{_within(20)}\b(?:for|to get) (?:a|my|the) {_within(20)}{_GIFT}",
    )
)
"""A reward that its writer may not have taken; with few stars it is a warning, and nobody was paid for that."""
DISCLOSURES = (
    *(
        re.compile(pattern, re.IGNORECASE)
        for pattern in (
            rf"\bin (?:exchange|return) for\b{_within(40)}{_OPINION}",
            rf"{_GIVEN}{_within(60)}{_AT_NO_COST}{_within(60)}(?:{_OPINION}|{_TRY})",
            rf"{_GIVEN}{_within(40)}{_MAKER}{_within(40)}(?:{_OPINION}|{_TRY})",
            rf"\b(?:received|provided with|supplied with) (?:a|my|the|this|these) (?:free|complimentary) {_ITEM}",
            rf"\bsent (?:me|us) (?:a|the|this|these) (?:free|complimentary) {_ITEM}",
            rf"\b(?:free|complimentary|discounted) {_ITEM}{_within(30)}{_FOR_MY}{_OPINION}",
            r"\breceived (?:this|it|these)(?: \w{1,20})? complimentary\b",
            r"\b(?:amazon )?vine (?:voice|program(?:me)?|member|customer review|review(?:er)?)\b",
            r"\b(?:paid|compensated) (?:to write|for writing|for) (?:this|my|a|the) (?:honest )?review\b",
            rf"\brefunded{_within(20)}\b(?:after|when|once) (?:I|we) {_WROTE}{_within(20)}{_OPINION}",
            r"\bcollected as part of a promotion\b",
            r"#(?:ad|gifted|sponsored|complimentary|freeproduct)\b",
            rf"{_KOSTENLOS}{_within(40)}\bzur verfügung gestellt\b",
            rf"{_KOSTENLOS}{_within(30)}\b(?:zum|für einen|für den) (?:produkt)?test(?:en)?\b",
            rf"\b(?:im austausch|als gegenleistung) (?:für|gegen)\b{_within(40)}\b{_MEINUNG}\b",
            rf"\ben échange d[eu'’]{_within(30)}\b(?:avis|commentaire|évaluation)\b",
            rf"\b(?:reçu|offert)\b{_within(20)}\bgratuitement\b{_within(60)}\b(?:avis|test|tester|évaluation)\b",
            rf"\ba cambio de\b{_within(30)}\b(?:reseña|opinión|valoración|comentario)\b",
            rf"\bin cambio di\b{_within(30)}\b(?:recensione|opinione|valutazione|parere)\b",
            rf"\bem troca de\b{_within(30)}\b(?:avaliação|opinião|resenha|análise)\b",
            rf"\bin ruil voor\b{_within(30)}\b(?:review|recensie|mening|beoordeling)\b",
            rf"\bw zamian za\b{_within(30)}\b(?:opinię|recenzję|ocenę)\b",
            rf"\bi utbyte mot\b{_within(30)}\b(?:recension|omdöme|åsikt)\b",
            r"無料で[^。！？\n]{0,15}(?:提供|いただ|頂|もら)",
            r"(?:商品|製品|サンプル)を?(?:ご)?提供(?:して)?(?:いただ|頂|もら|され)",
            r"レビュー[^。！？\n]{0,12}(?:代わりに|引き換えに|条件に)",
        )
    ),
    *OFFERS,
)
"""Each is bounded: from any place in a text it reads at most some two hundred characters on."""

_LIKELY = (
    *("free", "complimentary", "exchange", "return for", "discount", "gift card", "giftcard", "voucher", "coupon"),
    *("refund", "rebate", "vine", "paid", "compensated", "promotion", "#ad", "#gifted", "#sponsored"),
    *("the company", "the seller", "the brand", "the manufacturer", "the maker", "the vendor", "the publisher"),
    *("kostenlos", "gratis", "unentgeltlich", "austausch", "gegenleistung", "échange", "gratuitement"),
    *("cambio", "troca", "ruil", "zamian", "utbyte", "無料", "提供", "レビュー"),
)
"""One of these is in every disclosure: most texts have none, and are not looked at any closer."""
_NEGATION = re.compile(r"\b(?:not|never|no|nor|without|neither|nobody|nothing)\b|n['’]t\b", re.IGNORECASE)
_REFUSAL = re.compile(
    r"\b(?:refused|declined|rejected|ignored|turned (?:it|them|this|that) down|said no)\b", re.IGNORECASE
)
_LOOK_BACK = 40
"""Characters before a disclosure in which a negation in the same sentence takes it back."""
_LOOK_ON = 80
"""Characters after it in which a refusal does."""
_SENTENCE_END = re.compile(r"[.!?\n。！？\]]")
_LONGEST_SENTENCE = 100
"""Characters around a disclosure that belong to its sentence at most."""
_MOST_SENTENCES = 5


def disclosure(text: str, *, stars: float | None = None) -> str | None:
    """The part of a text that discloses a reward for it; `None` where none does, or only in denial."""
    found = _found(text, stars)
    return found[0] if found else None


def without_disclosures(text: str) -> str:
    """The text with blanks in the place of a sentence that discloses a reward: thousands of honest people use the
    same few, as they are told to. As long as before.
    """
    left = text
    for _ in range(_MOST_SENTENCES):
        found = _found(left, None)
        if found is None:
            break
        before = max(0, found.start() - _LONGEST_SENTENCE)
        ends = [match.end() for match in _SENTENCE_END.finditer(left, before, found.start())]
        start = ends[-1] if ends else before
        end_of_it = _SENTENCE_END.search(left, found.end(), found.end() + _LONGEST_SENTENCE)
        end = end_of_it.end() if end_of_it else min(len(left), found.end() + _LONGEST_SENTENCE)
        left = left[:start] + " " * (end - start) + left[end:]
    return left


def _found(text: str, stars: float | None) -> re.Match[str] | None:
    lowered = text.lower()
    if not any(map(lowered.__contains__, _LIKELY)):
        return None
    for pattern in DISCLOSURES:
        if stars is not None and stars <= 2 and pattern in OFFERS:
            continue
        for match in pattern.finditer(text):
            before = re.split(r"[.!?\n]", text[max(0, match.start() - _LOOK_BACK) : match.start()])[-1]
            if _NEGATION.search(before) or _NEGATION.search(match[0]):
                continue
            if not _REFUSAL.search(text, match.end(), match.end() + _LOOK_ON):
                return match
    return None
