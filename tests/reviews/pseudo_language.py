"""A language without words: each letter of a message is "¤", so that what was not translated can be seen."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from string import Formatter

from babel.messages.catalog import Catalog
from babel.messages.pofile import write_po

import outlast_reviews
from outlast import Translations

SOURCE = Path(outlast_reviews.__file__).parent
LANGUAGE = "de"
"""Some language that writes numbers and dates in another way than English."""
MONTHS = [
    "Januar",
    "Februar",
    "März",
    "April",
    "Mai",
    "Juni",
    "Juli",
    "August",
    "September",
    "Oktober",
    "November",
    "Dezember",
    "Jan",
    "Feb",
    "Apr",
    "Aug",
    "Sept",
    "Okt",
    "Nov",
    "Dez",
]


def messages() -> Iterator[tuple[str, ...]]:
    """The templates of every call of `message` and `plural` in the product."""
    for file in SOURCE.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                count = {"message": 1, "plural": 2}.get(node.func.id, 0)
                if count:
                    yield tuple(ast.literal_eval(argument) for argument in node.args[:count])


def without_words(template: str) -> str:
    """The template with "¤" for each letter."""
    pieces: list[str] = []
    for before, name, _, _ in Formatter().parse(template):
        pieces += [re.sub(r"[A-Za-z]", "¤", before), f"{{{name}}}" if name else ""]
    return "".join(pieces)


def pseudo_language(folder: Path) -> Translations:
    catalogue = Catalog(LANGUAGE)
    for forms in messages():
        told = tuple(map(without_words, forms))
        catalogue.add(forms if len(forms) > 1 else forms[0], told if len(told) > 1 else told[0])
    path = folder / LANGUAGE / "LC_MESSAGES" / "messages.po"
    path.parent.mkdir(parents=True)
    with path.open("wb") as file:
        write_po(file, catalogue, width=0)
    return Translations(LANGUAGE, [folder])


def words_left(text: str) -> list[str]:
    """The words outside of quotation marks; months are those of the language."""
    bare = re.sub(r"“[^”]*”", "", text)
    return [word for word in re.findall(r"[^\W\d_]{2,}", bare) if word not in MONTHS]
