"""Recognises the hosts of known shops, and imitations of them (pure)."""

import re
import unicodedata

from outlast import message

AMAZON = {
    "com": "us", "ca": "ca", "com.mx": "mx", "com.br": "br", "co.uk": "uk", "ie": "ie", "de": "de", "fr": "fr",
    "it": "it", "es": "es", "nl": "nl", "com.be": "be", "se": "se", "pl": "pl", "com.tr": "tr", "ae": "ae",
    "sa": "sa", "eg": "eg", "in": "in", "co.jp": "jp", "com.au": "au", "sg": "sg", "cn": "cn", "co.za": "za",
}  # fmt: skip
"""Amazon's sites by what follows "amazon.", and their countries."""
_AMAZON_SHORT = frozenset({"amzn.to", "a.co", "amzn.eu", "amzn.asia", "amzn.com", "amzn.in"})

_LOOKS_LIKE = str.maketrans(
    "аᴀɑαοоօ0рсϲеєхуіıίјѕмᴍтɴпհոկһԁɡƶzᴢʐ1ɩ",
    "aaaaoooopcceexyiiijsmmtnnhnkhdgzzzzll",
)
"""Letters of other alphabets, and digits, that are read as Latin ones."""
_ALPHABETS = ("LATIN", "CYRILLIC", "GREEK", "ARMENIAN", "CHEROKEE")


def amazon_country(host: str) -> str | None:
    """The country of one of Amazon's sites, or `None`: only "amazon." and the site's ending at the very end."""
    labels = host.split(".")
    for at, label in enumerate(labels):
        if label == "amazon" and (country := AMAZON.get(".".join(labels[at + 1 :]))):
            return country
    return None


def is_amazon_short(host: str) -> bool:
    """Whether the host's links lead to Amazon's products without naming them."""
    return host.removeprefix("www.") in _AMAZON_SHORT


def imitation(host: str) -> str | None:
    """What is wrong with a host that pretends to be somebody else's, in a sentence; or `None`."""
    if amazon_country(host):
        return None
    name = host[:100]
    for label in host.split("."):
        shown = _shown(label)
        if shown is None:
            return message("“{host}” is not a proper host name.", host=name)
        if "amazon" in re.split(r"[-_]", _skeleton(shown)):
            return message("“{host}” is not one of Amazon's sites, though it looks like one.", host=name)
        if len({alphabet for letter in shown if (alphabet := _alphabet(letter))}) > 1:
            return message("“{host}” mixes letters of several alphabets, as imitations of shops do.", host=name)
    return None


def _shown(label: str) -> str | None:
    """A label as browsers show it."""
    if not label.startswith("xn--"):
        return label
    try:
        return label[4:].encode("ascii").decode("punycode")
    except UnicodeError:
        return None


def _skeleton(label: str) -> str:
    plain = "".join(c for c in unicodedata.normalize("NFKD", label) if not unicodedata.combining(c))
    return plain.casefold().translate(_LOOKS_LIKE).replace("rn", "m")


def _alphabet(letter: str) -> str | None:
    name = unicodedata.name(letter, "")
    return next((alphabet for alphabet in _ALPHABETS if name.startswith(alphabet)), None)
