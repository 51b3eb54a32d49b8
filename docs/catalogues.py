"""Brings the gettext catalogues of the library and of the product up to date; run `python docs/catalogues.py`.

It takes the messages from the code and from the page templates, keeps their translations, leaves new ones empty
and drops those that are gone. With `--check` it writes nothing, and fails if a file is not current.
"""

import ast
import sys
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import IO, Any, Final

from babel import Locale
from babel.messages import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po, write_po

ROOT: Final = Path(__file__).parent.parent
PACKAGES: Final = (ROOT / "src" / "outlast", ROOT / "reviews" / "src" / "outlast_reviews")
PLURALS: Final = {
    "de": "nplurals=2; plural=(n != 1);",
    "es": "nplurals=2; plural=(n != 1);",
    "fr": "nplurals=2; plural=(n > 1);",
}
"""The languages, and how each chooses between singular and plural."""
MARKS: Final = {"message": 1, "plural": 2}
"""The functions that mark messages, and how many literals each takes."""
MODULES: Final = {"outlast", "outlast.domain.messages"}
TEMPLATES: Final = {"silent": "false", "trim_blocks": "true", "trimmed": "true", "newstyle_gettext": "true"}
WIDTH: Final = 110


def extracted(package: Path) -> Catalog:
    """The messages of a package, without translations."""
    found = Catalog()
    keywords = {"gettext": None, "_": None, "ngettext": (1, 2)}
    methods: list[tuple[str, Any]] = [("**.py", marked), ("**.html", "jinja2")]
    options = {pattern: TEMPLATES if method == "jinja2" else {} for pattern, method in methods}
    for _, _, message, comments, _ in extract_from_dir(package, methods, options, keywords):
        found.add(message, auto_comments=comments)
    return found


def marked(file: IO[bytes], *_: Any, **__: Any) -> Iterator[tuple[int, str, Any, list[str]]]:
    """The messages of a module, for Babel. Raises `ValueError` for one that is no literal."""
    tree = ast.parse(file.read())
    imported = {
        alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module in MODULES
        for alias in node.names
    }
    for node in ast.walk(tree):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name)):
            continue
        name = node.func.id
        if name not in MARKS or name not in imported:
            continue
        texts = [each.value for each in node.args[: MARKS[name]] if isinstance(each, ast.Constant)]
        if len(texts) < MARKS[name]:
            where = getattr(file, "name", "a module")
            raise ValueError(f"{where}:{node.lineno}: {name} takes its template as a literal.")
        yield node.lineno, "ngettext" if name == "plural" else "gettext", tuple(texts), []


def catalogue(messages: Catalog, language: str, path: Path) -> str:
    """The text of the catalogue at `path`, with these messages."""
    known, current = Catalog(language), Catalog(language)
    if path.exists():
        with path.open("rb") as file:
            known = read_po(file, locale=language, abort_invalid=True)
    current.mime_headers = [("Plural-Forms", PLURALS[language])]
    for message in messages:
        if message.id:
            told = known.get(message.id[0] if message.pluralizable else message.id)
            kept = told.string if told is not None and told.id == message.id and not told.fuzzy else None
            notes = told.user_comments if told is not None else ()
            current.add(message.id, kept, auto_comments=message.auto_comments, user_comments=notes)
    text = BytesIO()
    write_po(text, current, WIDTH, no_location=True, omit_header=True, sort_output=True)
    return _head(language) + text.getvalue().decode()


def outdated() -> Iterator[tuple[Path, str]]:
    """The catalogues that are not current, each with the text that it should have."""
    for package in PACKAGES:
        messages = extracted(package)
        for language in PLURALS:
            path = package / "locale" / language / "LC_MESSAGES" / "messages.po"
            text = catalogue(messages, language, path)
            if not path.exists() or path.read_text(encoding="utf-8") != text:
                yield path, text


def _head(language: str) -> str:
    """What other tools need to know; no dates, which would differ each time."""
    return (
        f"# {Locale.parse(language).english_name}\n"
        'msgid ""\n'
        'msgstr ""\n'
        f'"Language: {language}\\n"\n'
        f'"Plural-Forms: {PLURALS[language]}\\n"\n'
        '"MIME-Version: 1.0\\n"\n'
        '"Content-Type: text/plain; charset=utf-8\\n"\n'
        '"Content-Transfer-Encoding: 8bit\\n"\n\n'
    )


def main() -> None:
    checks = "--check" in sys.argv[1:]
    stale = list(outdated())
    for path, text in stale:
        print(path.relative_to(ROOT), file=sys.stderr)
        if not checks:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
    if checks and stale:
        sys.exit("These catalogues are not current. Run python docs/catalogues.py, and translate what is empty.")


if __name__ == "__main__":
    main()
