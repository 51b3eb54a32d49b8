"""The pages, snapshots and problems of a site in the visitor's language."""

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from babel.dates import get_month_names
from edge_site import HOST, OpenSite, Visitor, events_of, open_site

from outlast import Outlast
from outlast.testing.acts import completed
from pseudo_language import LIBRARY, english_in, outside, write_pseudo_language

HTML = {"Accept": "text/html"}
GERMAN = {"Accept-Language": "de-AT,de;q=0.9,en;q=0.5"}
DECLARED = (
    *("Echo", "Held", "Failing", "Breaking", "Asking", "Hollow", "Moving", "Product", "The site", "About"),
    *("Text", "Size", "Moves", "Name", "To", "Source", "Only", "The text", "Reading", "Judging", "Waiting"),
    *("Which one?", "The <first>", "The second", "There are two.", "Reading {text}"),
    "There is no page for {text}.",
)
"""What the analyses of the site declare and say."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_pseudo_language(tmp_path_factory.mktemp("locale"), LIBRARY, more=DECLARED)


@pytest.fixture
async def site(tmp_path: Path, folder: Path) -> AsyncIterator[OpenSite]:
    async with open_site(tmp_path, translations=folder) as site:
        yield site


@pytest.fixture
async def german(site: OpenSite) -> Visitor:
    visitor = site.client()
    visitor.headers.update(GERMAN)
    return await visitor.arrive()


async def page(visitor: Visitor, address: str, status: int = 200) -> str:
    answer = await visitor.get(address, headers=HTML)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-language"] == "de"
    assert {"Accept-Language", "Cookie", "Accept-Encoding"} <= set(answer.headers["vary"].split(", "))
    assert '<html lang="de"' in answer.text
    return answer.text


async def test_every_page_of_a_visitor_is_in_the_catalogues(site: OpenSite, german: Visitor):
    site.outlast.page("about", title="About")(lambda view: f"<p>{view.language}</p>")
    session_id = await german.started("echo", text="tea")
    shown = {
        "form": await page(german, "/"),
        "waiting": await page(german, f"/analysis/{session_id}"),
        "list": await page(german, "/analyses"),
        "own": await page(german, "/pages/about"),
        "missing": await page(german, "/nowhere", 404),
        "wrong": await page(german, "/analysis/" + "a" * 26, 404),
    }
    await site.end(session_id, completed('{"text":"tea"}'))
    shown["result"] = await page(german, f"/analysis/{session_id}")
    link = (await german.post(f"/api/analysis/share/{session_id}")).json()["url"].removeprefix(HOST)
    shown["with link"] = await page(german, f"/analysis/{session_id}")
    shown["shared"] = await page(german, link)
    shown["ended"] = await page(german, "/analyses")
    async with site.working():
        for analysis, text in (("failing", "tea"), ("asking", "tea"), ("breaking", "tea")):
            other = await german.started(analysis, text=text)
            await german.finished(other)
            shown[analysis] = await page(german, f"/analysis/{other}")
            shown[f"correct {analysis}"] = await page(german, f"/analysis/{other}/correct")
    # the input, the language, formats that the form quotes, and units
    data = ("tea", "de", "https", "PT1H30M", "UTC", "min", "JSON", *get_month_names(locale="de").values())
    for name, html in shown.items():
        assert english_in(html, data) == set(), name


@pytest.mark.parametrize(
    "values", [{}, {"text": "a", "size": "b"}, {"text": "a", "size": 1.5}], ids=["missing", "parsing", "fraction"]
)
async def test_what_is_wrong_with_an_input_is_said_in_the_language(german: Visitor, values: dict[str, Any]):
    refused = (await german.post("/api/analysis/start", json={"analysis": "echo", "input": values})).json()
    assert [outside(text).strip() for text in (refused["title"], refused["detail"], refused["error"])] == [""] * 3
    assert [outside(each["detail"]).strip() for each in refused["errors"]] == [""]


async def test_forms_come_back_with_their_faults_in_the_language(german: Visitor):
    sent = {"csrf_token": german.token, "analysis": "product", "source": "https://unreadable.example/"}
    answer = await german.post("/", data=sent, headers=HTML)
    assert answer.status_code == 422
    assert english_in(answer.text) >= {"That", "shop"}, "the sentence of the application is in no catalogue"
    switches = re.findall(r'<a href="([^"]+)" hreflang="(\w+)"', answer.text)
    assert switches == [("/?outlast_language=en", "en"), ("/?outlast_language=de", "de")]


async def test_the_switch_keeps_the_page_and_wins_over_the_browser(german: Visitor):
    session_id = await german.started("echo", text="tea")
    address = f"/analysis/{session_id}?part=2&to=a%26b"
    shown = await page(german, address)
    switch = re.findall(r'<a href="(\?[^"]+)" hreflang="en"', shown)[0].replace("&amp;", "&")
    answer = await german.get(f"/analysis/{session_id}{switch}", headers=HTML)
    assert (answer.status_code, answer.headers["location"]) == (303, address)
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith("outlast_language=en; Path=/; Max-Age=31536000; HttpOnly; SameSite=Lax")
    english = await german.get(address, headers=HTML)
    assert english.headers["content-language"] == "en"
    assert "⟦" not in english.text
    assert (await german.snapshot(session_id))["phase_title"] == "Waiting in the queue"


@pytest.mark.parametrize("language", ["xx", "de%0d%0aX-Evil:1", "", "EN", "../de"])
async def test_a_language_that_is_not_offered_sets_no_cookie(site: OpenSite, language: str):
    answer = await site.client().get(f"/?outlast_language={language}", headers=HTML)
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    assert "set-cookie" not in answer.headers
    assert "x-evil" not in answer.headers


async def test_clients_of_two_languages_share_a_session_and_never_their_answers(site: OpenSite, german: Visitor):
    session_id = await german.started("held", text="tea")
    path = f"/api/analysis/progress/{session_id}"
    english = {"Accept-Language": "en"}
    titles = {"⟦Waiting in the queue⟧": GERMAN, "Waiting in the queue": english}
    for _ in range(3):
        for title, headers in titles.items():
            answer = await german.get(path, headers=headers)
            assert answer.json()["phase_title"] == title
            again = await german.get(path, headers={**headers, "If-None-Match": answer.headers["etag"]})
            assert again.status_code == 304
    tags = {(await german.get(path, headers=headers)).headers["etag"] for headers in titles.values()}
    assert len(tags) == 2, "a tag of one language would confirm the snapshot of another"
    async with site.working():
        site.hold.go.open()
        read = [first_event(german, path, headers) for headers in titles.values()]
        assert await asyncio.gather(*read) == ["⟦Done⟧", "Done"]
        assert (
            outside((await german.get("/api/analysis", headers=GERMAN)).json()["sessions"][0]["phase_title"])
            == " "
        )


async def first_event(visitor: Visitor, path: str, headers: dict[str, str]) -> str:
    """The title in the last event."""
    title = ""
    async with visitor.stream("GET", f"{path}/events", headers=headers) as stream:
        async for event in events_of(stream):
            title = event.data["phase_title"]
    return title


async def test_a_site_without_catalogues_answers_as_before(tmp_path: Path):
    async with open_site(tmp_path) as site:
        answer = await site.client().get("/", headers={**HTML, **GERMAN, "Cookie": "outlast_language=de"})
        assert answer.headers["vary"] == "Accept-Encoding"
        assert "content-language" not in answer.headers
        assert "hreflang" not in answer.text
        chosen = await site.client().get("/?outlast_language=de", headers=HTML)
        assert chosen.status_code == 200


async def test_the_dashboard_and_the_reference_stay_english(site: OpenSite, german: Visitor):
    answer = await german.get("/docs", headers=HTML)
    assert answer.headers["content-language"] == "en"
    assert "⟦" not in answer.text
    assert "hreflang" not in answer.text


async def test_an_intro_may_depend_on_the_language(site: OpenSite, german: Visitor):
    @site.outlast.analysis("told", intro=lambda view: f"<p>in {view.language}, below {view.root}/</p>")
    async def told() -> None: ...

    assert "<p>in de, below /</p>" in await page(german, "/")


def test_a_folder_without_catalogues_is_refused(tmp_path: Path):
    with pytest.raises(ValueError, match=r"has no catalogue: each is a file LANGUAGE/LC_MESSAGES/messages\.po"):
        Outlast(translations=tmp_path)
