"""Which language a request gets."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outlast.web.languages import SiteLanguages, chosen, own_name, switch

HEADERS = {
    "": "en",
    "de": "de",
    "DE-at": "de",
    "de-Latn-AT": "de",
    "fr-CH, fr;q=0.9, en;q=0.8, de;q=0.7, *;q=0.5": "fr",
    "it, de;q=0.3, en;q=0.2": "de",
    "en;q=0.2, de;q=0.3": "de",
    "en-US,en;q=0.9,de;q=0.8": "en",
    "de;q=0": "en",
    "de;q=0, fr;q=0.1": "fr",
    "*": "en",
    "en;q=0, *": "de",
    "pt": "en",
    "pt-BR": "pt_BR",
    "pt-br-x-own": "pt_BR",
    "de;q=nan": "en",
    "de;q=2": "en",
    "de;q=x, fr;q=0.1": "fr",
    "de;q=0.5;level=1, fr": "fr",
    "de,,,;q=1": "de",
    "de-": "de",
}


@pytest.fixture(scope="module")
def languages(tmp_path_factory: pytest.TempPathFactory) -> SiteLanguages:
    folder = tmp_path_factory.mktemp("locale")
    for language in ("de", "fr", "pt_BR"):
        path = folder / language / "LC_MESSAGES"
        path.mkdir(parents=True)
        (path / "messages.po").write_text('msgid "Done"\nmsgstr "(fertig)"\n')
    return SiteLanguages(folder)


def asking(*headers: tuple[str, bytes]) -> dict[str, object]:
    return {"headers": [(name.encode(), value) for name, value in headers]}


@pytest.mark.parametrize(("accepted", "language"), HEADERS.items())
def test_the_browser_asks_for_a_language(languages: SiteLanguages, accepted: str, language: str):
    assert languages.of(asking(("accept-language", accepted.encode()))) == language


@pytest.mark.parametrize(
    ("cookie", "language"),
    [
        (b"outlast_language=de", "de"),
        (b"a=1; outlast_language=en; b=2", "en"),
        (b"outlast_language=pt_BR", "pt_BR"),
    ]
    + [
        (each, "fr")
        for each in (b"outlast_language=xx", b"outlast_language=", b"outlast_language=DE", b"language=de")
    ],
)
@pytest.mark.parametrize("first", [0, 1])
def test_the_choice_of_the_visitor_wins(languages: SiteLanguages, cookie: bytes, language: str, first: int):
    headers = [("cookie", cookie), ("accept-language", b"fr")]
    assert languages.of(asking(*headers[first:], *headers[:first])) == language


@given(st.binary(max_size=600), st.binary(max_size=200))
def test_no_header_and_no_cookie_makes_another_language(accepted: bytes, cookie: bytes):
    found = OFFERED.of(asking(("accept-language", accepted), ("cookie", b"outlast_language=" + cookie)))
    assert found in OFFERED.offered


class Offered(SiteLanguages):
    """Three languages without files."""

    def __init__(self) -> None:
        super().__init__()
        self.offered = ("en", "de", "fr")
        self._by_tag = {language: language for language in self.offered}


OFFERED = Offered()


def test_a_long_header_is_read_up_to_its_bound(languages: SiteLanguages):
    assert languages.of(asking(("accept-language", b"it," * 1_000_000 + b"de"))) == "en"


@given(st.binary(max_size=80))
def test_a_link_of_the_switch_leads_back_to_the_page_it_is_on(query: bytes):
    scope = {"path": "/below/a page", "query_string": query}
    for link in switch(("en", "de"), scope["path"], query):
        address, _, asked = link["address"].partition("?")
        assert address == "/below/a%20page"
        language, back = chosen({**scope, "query_string": asked.encode()}) or ("", "")
        assert language == link["tag"]
        assert back.startswith("/below/a%20page")
        assert chosen({**scope, "query_string": back.partition("?")[2].encode()}) is None


def test_languages_have_the_names_that_their_speakers_use():
    assert [own_name(each) for each in ("de", "es", "fr", "it", "pt_BR", "xx")] == [
        *("Deutsch", "Español", "Français", "Italiano", "Português (Brasil)", "Xx")
    ]
