"""What Python said, found again in the catalogues and said in another language."""

from collections.abc import Callable
from pathlib import Path
from string import Formatter
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, Field, create_model

from outlast import Translations, message, plural
from outlast.core.analyses.payload import validate_input
from outlast.domain.errors import InvalidInput
from pseudo_language import LIBRARY, catalogues, outside, write_pseudo_language

GERMAN = r"""
msgid ""
msgstr "Plural-Forms: nplurals=2; plural=(n != 1);\n"

msgid "Done"
msgstr "Fertig"

msgid "We read {found:,} of {known:,} reviews."
msgstr "Wir haben {found} von {known} Bewertungen gelesen."

msgid "{n} review"
msgid_plural "{n:,} reviews"
msgstr[0] "{n} Bewertung"
msgstr[1] "{n} Bewertungen"

msgid "one page"
msgid_plural "{n} pages"
msgstr[0] "eine Seite"
msgstr[1] "{n} Seiten"

msgid "The average is {average:.2f}, and {share} are new."
msgstr "{share} sind neu, der Schnitt ist {average}."

msgid "{what} since {when}."
msgstr "{what} seit {when}."

msgid "This was read. That was not."
msgstr "Dies wurde gelesen, das nicht."

msgid "{name} said {name}."
msgstr "{name} sagte {name}."
"""
SAID = {
    "Done": "Fertig",
    "done": "done",
    "We read 1,234 of 20,000 reviews.": "Wir haben 1.234 von 20.000 Bewertungen gelesen.",
    "We read many of 20,000 reviews.": "We read many of 20,000 reviews.",
    "1 review": "1 Bewertung",
    "1,000 reviews": "1.000 Bewertungen",
    "The average is 4.20, and 12–15% are new.": "12–15\N{NO-BREAK SPACE}% sind neu, der Schnitt ist 4,20.",
    "1,000 reviews since 3 May 2024.": "1.000 Bewertungen seit 3. Mai 2024.",
    "Nobody since May 2024.": "Nobody seit Mai 2024.",
    "Done since 31 February 2024.": "Fertig seit 31 February 2024.",
    "This was read. That was not.": "Dies wurde gelesen, das nicht.",
    "This was read. That was not. Done since 1 review.": "Dies wurde gelesen, das nicht. Fertig seit 1 Bewertung.",
    "Ann said Ann.": "Ann sagte Ann.",
    "Ann said Bob.": "Ann said Bob.",
    "4.20": "4,20",
    "2024": "2024",
    "< 0.1%": "< 0,1\N{NO-BREAK SPACE}%",
    "": "",
    " ": " ",
    "{n} review": "{n} review",
    "many reviews": "many reviews",
    "²\u00a0 reviews": "²\u00a0 reviews",
    "٣ reviews": "٣ reviews",
    "Done. " * 31 + "Done": "Done. " * 31 + "Done",
    "one page": "eine Seite",
    "2 pages": "2 Seiten",
    "Reviews of a kettle": "Reviews of a kettle",
}


@pytest.fixture(scope="module")
def german(tmp_path_factory: pytest.TempPathFactory) -> Translations:
    path = tmp_path_factory.mktemp("locale") / "de" / "LC_MESSAGES" / "messages.po"
    path.parent.mkdir(parents=True)
    path.write_text(GERMAN, encoding="utf-8")
    return Translations("de", [path.parents[2]])


@pytest.fixture(scope="module")
def pseudo(tmp_path_factory: pytest.TempPathFactory) -> Translations:
    """Every message of the library between brackets."""
    return Translations("de", [write_pseudo_language(tmp_path_factory.mktemp("locale"), LIBRARY)])


@pytest.mark.parametrize(("english", "told"), SAID.items())
def test_a_sentence_is_said_in_german(german: Translations, english: str, told: str):
    assert german.said(english) == told


def test_english_is_as_python_said_it():
    assert all(Translations("en").said(english) is english for english in SAID)


VALUES: dict[str, st.SearchStrategy[Any]] = {
    ",": st.integers(0, 10**9),
    "d": st.integers(0, 10**9),
    "": st.text("xyzäß ", min_size=1).map(str.strip).filter(bool),
    "f": st.floats(0, 10**6),
    "g": st.integers(1, 999),
}
TEMPLATES = [m.id for m in catalogues().extracted(LIBRARY) if "{" in str(m.id) and "%(" not in str(m.id)]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=300)
@given(st.data())
def test_every_sentence_of_the_library_is_found_again(pseudo: Translations, data: st.DataObject):
    template = data.draw(st.sampled_from(TEMPLATES))
    forms = [template] if isinstance(template, str) else list(template)
    fields = {name: spec for text in forms for _, name, spec, _ in Formatter().parse(text) if name}
    values = {name: data.draw(VALUES[(spec or "")[-1:]]) for name, spec in fields.items() if name != "n"}
    if isinstance(template, str):
        said = pseudo.said(message(template, **values))
    else:
        said = pseudo.said(plural(template[0], template[1], data.draw(st.integers(0, 10**6)), **values))
    assert outside(said).strip() == "", said


@given(st.text(st.characters(categories=("Lo",)), max_size=4_500))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_text_that_is_no_sentence_stays_as_it_is(pseudo: Translations, text: str):
    assert pseudo.said(text) == text


HOSTILE: list[Callable[[int], str]] = [
    lambda n: "This analysis ended its worker 1 times, so it is not tried again: " * n,
    lambda n: "Answer this: " * n,
    lambda n: "a. " * n,
    lambda n: "Done. " * n + "Input should be ",
    lambda n: "1," * n,
    lambda n: "9" * n,
    lambda n: "5 s" * n,
    lambda n: "12% " * n + "%",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_texts_are_answered_at_once(pseudo: Translations, text: Callable[[int], str]):
    for length in (50, 3_999, 4_000, 100_000):
        assert isinstance(pseudo.said(text(length)[:length]), str)


FAULTS: list[tuple[Any, Any, dict[str, Any]]] = [
    (int, "a", {}),
    (int, 1.5, {}),
    (int, 1, {"ge": 3}),
    (float, 9.5, {"lt": 2.5}),
    (str, "", {"min_length": 1}),
    (str, "abc", {"max_length": 2}),
    (bool, "x", {}),
    (list[int], [1, 2], {"max_length": 1}),
]


@pytest.mark.parametrize(("kind", "value", "bounds"), FAULTS)
def test_what_pydantic_says_about_a_field_is_in_the_catalogue(
    pseudo: Translations, kind: Any, value: Any, bounds: dict[str, Any]
):
    model: type[BaseModel] = create_model("Input", x=(kind, Field(**bounds)))
    with pytest.raises(InvalidInput) as refused:
        validate_input(model, {"x": value})
    assert outside(pseudo.said(str(refused.value))).strip() == ""


def test_a_catalogue_that_is_missing_or_damaged_is_named(tmp_path: Path):
    with pytest.raises(ValueError, match=r"messages\.po is missing, so there are no words in the language 'de'"):
        Translations("de", [tmp_path])
    path = tmp_path / "de" / "LC_MESSAGES" / "messages.po"
    path.parent.mkdir(parents=True)
    path.write_text('msgid "a\n')
    with pytest.raises(ValueError, match=r"messages\.po is not a gettext catalogue"):
        Translations("de", [tmp_path])
