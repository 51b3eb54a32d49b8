"""The glossary explains every word in the names of modules, public classes and tables."""

import ast
import re
from collections.abc import Iterator, Mapping

import pytest
from source_tree import PACKAGES, ROOT, in_package, modules

WORDS_OF_EVERY_PROGRAMMER = """
add after almost ambiguous analyse api app application archive async bad blocking cache cached case celery channel
chat child cli client clock column command connection container content count counter cpu cross current cursor
data database date declaration decoder default definition detail diagnostic disk document driver earlier error
exit fetched fetching file flag format formatter formatting forwarded full given gone handle header id index
info input installation invalid ip item keyword kind lazy level like limit line link live load local lock locked
log login machine main many mapper mapping memory missing mounting much name named new no not notifying number
open option origin out package page parent part pipe plugin point policy postgres prefix printer process proxy
pytest raised range read reader reason redis registration reply reporting request response row rule run runtime
scope searched security serve server set setting settings shape slice slow socket soon sorted sqlite start started
state static stop stopped stream summary sync system table tag template terminal text thread time timed timeout
token too tracker transport tree unix unknown update usage use value view web with word writer xml zip
band card grid month preview
"""
PLAIN = frozenset(WORDS_OF_EVERY_PROGRAMMER.split())

SPELLED_AS_ONE = {"SQLite": "Sqlite", "BrightData": "Brightdata", "JudgeMe": "Judgeme"}
ENDING_IN_S = {"postgres", "redis", "settings"}
WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z0-9]+")
TABLE = re.compile(r"CREATE TABLE (?:IF NOT EXISTS )?(\w+)|DROP TABLE (\w+)|ALTER TABLE (\w+) RENAME TO (\w+)")


@pytest.mark.slow
def test_the_glossary_explains_every_word_of_a_name() -> None:
    explained = _explained()
    missing = [
        f"{word} (in {', '.join(sorted(names))})"
        for word, names in sorted(_words().items())
        if word not in explained | PLAIN
    ]
    assert not missing, "docs/glossary.md must explain: " + "; ".join(missing)


@pytest.mark.slow
def test_every_plain_word_is_in_use() -> None:
    unused = sorted(PLAIN - set(_words()))
    assert not unused, f"No name has these words any more, so take them out of PLAIN: {', '.join(unused)}"


def test_every_term_is_explained_once_in_one_sentence() -> None:
    terms = [term for first, _ in _entries() for term in re.findall(r"\*\*(.+?)\*\*", first)]
    assert not [term for term in terms if terms.count(term) > 1]
    assert not [first for first, meaning in _entries() if not re.fullmatch(r"\S.*[^.]\.", meaning)]


def _words() -> Mapping[str, set[str]]:
    """Return each word in the singular, with the names that contain it."""
    found: dict[str, set[str]] = {}
    for name, spelled in _names():
        for word in WORD.findall(spelled):
            found.setdefault(_singular(word.lower()), set()).add(name)
    return found


def _names() -> Iterator[tuple[str, str]]:
    """Yield each name with its description for a message."""
    for path in modules():
        relative = in_package(path)
        if "testing" in relative.parts:
            continue
        for part in relative.with_suffix("").parts:
            if not part.startswith("_"):
                yield f"file {relative}", part
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                spelled = node.name
                for ours, as_one in SPELLED_AS_ONE.items():
                    spelled = spelled.replace(ours, as_one)
                yield f"class {node.name}", spelled
    for table in _tables():
        yield f"table {table}", table


def _tables() -> set[str]:
    """Return the tables of both databases after all migrations."""
    tables: set[str] = set()
    for folder in sorted(PACKAGES[0].glob("backends/*/migrations")):
        for path in sorted(folder.glob("*.sql")):
            for made, dropped, before, after in TABLE.findall(path.read_text(encoding="utf-8")):
                tables = tables - {dropped, before} | ({made, after} - {""})
    return tables


def _entries() -> list[tuple[str, str]]:
    """Return the rows of the glossary: each term with its other forms, and its meaning."""
    text = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")
    return re.findall(r"^\| (\*\*.+?) \| (.+?) \|$", text, re.MULTILINE)


def _explained() -> set[str]:
    return {_singular(word) for first, _ in _entries() for word in re.findall(r"[a-z0-9]+", first.lower())}


def _singular(word: str) -> str:
    if word in ENDING_IN_S or re.search(r"(ss|us|is)$", word):
        return word
    if word == "analyses":
        return "analysis"
    if word.endswith("ies") and word != "cookies":
        return word.removesuffix("ies") + "y"
    return word.removesuffix("es") if re.search(r"(ss|ch|x)es$", word) else word.removesuffix("s")
