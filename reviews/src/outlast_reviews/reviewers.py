"""Identity of reviewers, and their shortened names for reports (pure)."""

import re
import unicodedata

from outlast_reviews.review import Review

NAMELESS = frozenset(
    {
        *("a customer", "a google user", "a verified customer", "anonymous", "anonymous user", "customer"),
        *("deleted user", "google user", "guest", "n/a", "none", "unknown", "user", "verified buyer"),
        *("verified customer", "amazon customer", "kindle customer", "amazon user", "amazon shopper"),
        *("flipkart customer", "walmart customer", "aliexpress shopper", "lazada customer", "ebay user"),
        *("amazon kunde", "kindle kunde", "anonym", "anonymer nutzer", "ein kunde", "ein google nutzer", "kunde"),
        *("client d'amazon", "client amazon", "client kindle", "anonyme", "utilisateur anonyme", "un client"),
        *("utilisateur google", "un utilisateur de google", "client", "invité"),
        *(
            "cliente amazon",
            "cliente de amazon",
            "cliente kindle",
            "cliente de kindle",
            "anónimo",
            "usuario anónimo",
        ),
        *("un cliente", "usuario de google", "un usuario de google", "cliente", "usuario"),
        *("anonimo", "utente anonimo", "utente google", "un utente google", "cliente verificato"),
        *("cliente da amazon", "anônimo", "usuário anônimo", "um usuário do google"),
        *("amazon klant", "kindle klant", "anoniem", "een klant", "klant", "gast", "een google gebruiker"),
        *("amazon kund", "kindle kund", "anonymous kund", "klient amazon", "klient kindle", "anonimowy"),
        *("amazon müşterisi", "kindle müşterisi", "amazon カスタマー", "amazonカスタマー", "amazon のお客様"),
        *(
            "kindleのお客様",
            "kindle カスタマー",
            "アマゾンカスタマー",
            "匿名",
            "匿名希望",
            "匿名用户",
            "亚马逊用户",
        ),
        *("amazon 用户", "亚马逊买家", "kindle 用户"),
    }
)
"""Names that shops give to everybody who has none: two reviews under them are not one reviewer's."""

_LONGEST_WORD = 12
_UNSPACED = ("CJK", "HANGUL", "HIRAGANA", "KATAKANA")
_ASIDE = re.compile(r"[(\[（【][^)\]）】]*[)\]）】]?")
_CODE = re.compile(r"[A-Z0-9]{9,}|[0-9a-f-]{16,}")


def identity(review: Review) -> str | None:
    """A key that is equal for two reviews of one reviewer; `None` when nobody can know."""
    if review.reviewer is None:
        return None
    key = " ".join(unicodedata.normalize("NFKC", review.reviewer).casefold().split())
    return key if key and key.replace("-", " ") not in NAMELESS else None


def short_name(reviewer: str | None) -> str | None:
    """First word and the initial of the last, "Erin B."; of a name in one word, a code or an address, its start.

    What stands in brackets is dropped; the names of everybody who has none stay whole.
    """
    whole = " ".join((reviewer or "").split())
    if whole.casefold().replace("-", " ") in NAMELESS:
        return whole
    words = [word for word in _ASIDE.sub(" ", whole).split() if any(map(str.isalnum, word))]
    if not words:
        return None
    first, last = words[0], words[-1]
    if len(words) == 1 or "@" in first or _CODE.fullmatch(first):
        shown = _shown(first)
        return first if len(first) <= shown else f"{first[:shown]}…"
    shown = first if len(first) <= _LONGEST_WORD else f"{first[:_LONGEST_WORD]}…"
    if last.isdigit() and len(last) <= 4:
        return f"{shown} {last}"
    return f"{shown} {next(filter(str.isalnum, last)).upper()}."


def _shown(word: str) -> int:
    """Letters of a name that is one word; where words have no spaces between them, three are a whole name."""
    return 1 if unicodedata.name(word[0], "").startswith(_UNSPACED) else 3
