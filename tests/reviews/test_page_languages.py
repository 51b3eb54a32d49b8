"""Pages in another language: no word of a template or of Python stays English, and figures are written its way."""

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from html import unescape
from pathlib import Path

import pytest
from bracketed_language import LANGUAGE, EverySentence, untranslated, write_catalogue
from shown_pages import OWN, evidence_pages, report_pages, results, site_pages

from outlast_reviews.evidence import page as evidence
from outlast_reviews.evidence.document import document_of
from outlast_reviews.evidence.keys import InstallationKey
from outlast_reviews.evidence.signing import signed_page, verify
from outlast_reviews.pages import languages, render_report
from outlast_reviews.pages.collecting import WORDS
from outlast_reviews.pages.share_card import share_card

ASSETS = Path(languages.__file__).parent / "assets"
PAGES = {"report": report_pages, "evidence": evidence_pages, "site": site_pages}
Pages = Callable[[str], Iterator[tuple[str, str]]]
every_page = pytest.mark.parametrize("pages", PAGES.values(), ids=PAGES)


@pytest.fixture
def fresh() -> Iterator[None]:
    """Templates and words of this test alone."""
    kept = (languages.translations, languages.templates, evidence.templates)
    for cache in kept:
        cache.cache_clear()
    yield
    for cache in kept:
        cache.cache_clear()


@pytest.fixture
def catalogue(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fresh: None) -> None:
    write_catalogue(tmp_path)
    monkeypatch.setattr(languages, "LOCALE", tmp_path)


@pytest.mark.slow
@every_page
@pytest.mark.usefixtures("fresh")
def test_no_word_of_a_template_stays_english(pages: Pages, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(languages, "Translations", EverySentence)
    assert {text: name for name, html in pages(LANGUAGE) for text in untranslated(html)} == {}


@pytest.mark.slow
@every_page
@pytest.mark.usefixtures("catalogue")
def test_no_sentence_of_python_stays_english(pages: Pages) -> None:
    assert {text: name for name, html in pages(LANGUAGE) for text in untranslated(html)} == {}


@pytest.mark.slow
@every_page
@pytest.mark.usefixtures("catalogue")
def test_another_language_shows_the_same_figures(pages: Pages) -> None:
    for (name, english), (_, other) in zip(pages(languages.ENGLISH), pages(LANGUAGE), strict=True):
        assert _digits(other) == _digits(english), name


def _digits(html: str) -> str:
    return "".join(re.findall(r"\d", re.sub(r"<[^>]+>", "", html)))


@pytest.mark.slow
@pytest.mark.usefixtures("catalogue")
def test_figures_are_written_as_in_the_language() -> None:
    report = results()["group"]["report"]
    page = render_report(results()["group"], None, replace(OWN, language=LANGUAGE))
    shown = re.sub("⟦|⟧", "", " ".join(unescape(re.sub(r"<[^>]+>", " ", page)).split()))
    assert f"{report['original_rating']:.2f} ★".replace(".", ",") in shown
    assert f"{report['product_rating']:.2f}.".replace(".", ",", 1) in shown
    assert "4. März 2025, 05:06 UTC" in shown
    assert "100 %" in shown
    assert "What the missing reviews could change" in shown, "a plural that does not show its number"


def test_the_words_that_the_page_hands_to_the_scripts_are_those_of_the_scripts() -> None:
    scripts = "".join((ASSETS / name).read_text() for name in ("collector.mjs", "collecting.mjs", "receiving.mjs"))
    assert set(re.findall(r'\bsaid\("([^"]+)"', scripts)) == set(WORDS)


@pytest.mark.slow
@pytest.mark.usefixtures("catalogue")
def test_an_evidence_page_in_another_language_is_signed_and_known_as_one() -> None:
    key = InstallationKey(bytes(range(32)))
    document = document_of(results()["C"])
    page = evidence.page_of(document, "0" * 64, key.public, LANGUAGE)
    assert f'<html lang="{LANGUAGE}"' in page
    signed = signed_page(page, key).encode()
    assert verify(signed, key.public).state == "valid"
    assert verify(signed.replace(b'lang="de"', b'lang="fr"'), key.public).state == "altered"


@pytest.mark.slow
@pytest.mark.usefixtures("catalogue")
def test_a_share_card_speaks_the_language_it_is_asked_for() -> None:
    report = {**results()["D"]["report"], "tone": "bad"}
    assert share_card(report) != share_card(report, LANGUAGE)
    assert share_card(report) == share_card(report, languages.ENGLISH)
