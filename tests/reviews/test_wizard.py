"""The page that asks which column is which: drawn by the site, answered without JavaScript, kept as input."""

import json
import re
from collections.abc import AsyncIterator
from html import unescape
from pathlib import Path

import httpx
import pytest

from outlast import Outlast, Settings
from outlast_reviews.analysis import register
from sqlite_template import with_store

TABLE = "Punkte,Meinung,<script>\n" + "".join(f"{n % 5 + 1},Text <b>{n}</b>,x\n" for n in range(30))
HTML = {"Accept": "text/html"}


class Visitor:
    """A browser without JavaScript."""

    def __init__(self, client: httpx.AsyncClient, token: str) -> None:
        self.client = client
        self.token = token

    async def submit(self, files: list | None = None, **fields: str) -> httpx.Response:
        form = {"csrf_token": self.token, "analysis": "product", **fields}
        return await self.client.post("/", data=form, files=files, headers=HTML)

    async def start(self, **given: object) -> httpx.Response:
        body = {"analysis": "product", "input": given}
        return await self.client.post("/api/analysis/start", json=body, headers={"X-CSRF-Token": self.token})


@pytest.fixture
async def visitor(tmp_path: Path) -> AsyncIterator[Visitor]:
    outlast = Outlast(Settings(data_dir=with_store(tmp_path)))
    register(outlast)
    async with outlast.lifespan(workers=1):
        transport = httpx.ASGITransport(outlast.asgi())
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            token = (await client.get("/api/analysis/token")).json()["token"]
            yield Visitor(client, token)


def file(content: str, name: str = "a.csv") -> tuple:
    return ("source_file", (name, content.encode(), "text/csv"))


def kept(page: str) -> str:
    found = re.search(r'name="source_kept" value="([^"]*)"', page)
    assert found
    return found[1]


def select(page: str, part: str) -> str:
    found = re.search(rf'<select[^>]*name="mapping.{part}".*?</select>', page, re.DOTALL)
    assert found, page
    return found[0]


async def finished(visitor: Visitor, answer: httpx.Response) -> dict:
    session, tag = answer.headers["location"].rpartition("/")[2], ""
    while True:
        path = f"/api/analysis/progress/{session}?wait=10"
        moved = await visitor.client.get(path, headers={"If-None-Match": tag})
        tag = moved.headers["etag"]
        if moved.status_code == 200 and (snapshot := moved.json())["status"] not in ("pending", "processing"):
            return snapshot


@pytest.mark.slow
async def test_the_first_form_asks_nothing_about_columns_and_takes_several_files(visitor: Visitor):
    page = (await visitor.client.get("/", headers=HTML)).text
    assert "<select" not in page
    assert re.search(r'<input[^>]*name="source_file"[^>]* multiple', page)


@pytest.mark.slow
async def test_unknown_columns_are_shown_with_values_and_the_answer_starts_the_analysis(visitor: Visitor):
    asked = await visitor.submit([file(TABLE)])
    assert asked.status_code == 422
    rating = select(asked.text, "rating")
    assert " required" in rating
    assert "Punkte: 1, 2, 3" in unescape(rating)
    assert "Text <b>0</b>" in unescape(rating)
    assert "<b>0" not in asked.text
    assert "<script>:" not in asked.text
    assert "We have your file" in asked.text
    answers = {"mapping.rating": "Punkte", "mapping.text": "Meinung", "mapping.date": ""}
    started = await visitor.submit(source_kept=kept(asked.text), source="", **answers)
    assert started.status_code == 303
    snapshot = await finished(visitor, started)
    assert snapshot["status"] == "completed"
    assert snapshot["result"]["report"]["total_reviews"] == 30


@pytest.mark.slow
async def test_what_is_understood_is_chosen_already_and_what_was_answered_stays(visitor: Visitor):
    asked = await visitor.submit([file("rating,Meinung,Tag\n5,gut,heute\n")])
    assert 'value="rating" selected' in select(asked.text, "rating")
    again = await visitor.submit(
        source_kept=kept(asked.text), **{"mapping.rating": "rating", "mapping.date": "Tag"}
    )
    assert again.status_code == 422
    assert 'value="Tag" selected' in select(again.text, "date")
    assert kept(again.text) == kept(asked.text)


@pytest.mark.slow
async def test_several_files_are_kept_while_something_is_asked(visitor: Visitor):
    known = "rating,text\n5,a\n"
    asked = await visitor.submit([file(known), file(TABLE, "b.csv")])
    assert asked.status_code == 422
    assert len(kept(asked.text).split()) == 2
    assert "We have your 2 files" in asked.text


@pytest.mark.slow
async def test_reviews_without_stars_are_judged_by_their_words(visitor: Visitor):
    table = "Person,Words\n" + "".join(f"P{n},All that a lamp should be number {n}\n" for n in range(30))
    asked = await visitor.submit([file(table)])
    assert "My file has no stars" in select(asked.text, "rating")
    answer = await visitor.submit(
        source_kept=kept(asked.text),
        **{"mapping.rating": "-", "mapping.text": "Words", "mapping.reviewer": "Person"},
    )
    assert answer.status_code == 303, answer.text
    report = (await finished(visitor, answer))["result"]["report"]
    assert report["coverage"]["with_text"] == 30
    assert report["original_rating"] is None


@pytest.mark.slow
async def test_several_files_of_the_form_are_one_product(visitor: Visitor):
    started = await visitor.submit([file("rating,text\n5,a\n"), file("rating,text\n4,b\n", "b.csv")])
    snapshot = await finished(visitor, started)
    assert snapshot["result"]["report"]["total_reviews"] == 2


@pytest.mark.slow
async def test_a_new_file_takes_the_place_of_the_one_that_was_kept(visitor: Visitor):
    asked = await visitor.submit([file(TABLE)])
    started = await visitor.submit([file("rating,text\n5,a\n")], source_kept=kept(asked.text))
    assert (await finished(visitor, started))["result"]["report"]["total_reviews"] == 1


@pytest.mark.slow
async def test_anothers_upload_cannot_be_named_as_kept(visitor: Visitor):
    answer = await visitor.submit(source_kept="upload:" + "a" * 64)
    assert answer.status_code == 422
    assert "no such uploaded file of yours" in answer.text


@pytest.mark.slow
async def test_a_program_gets_the_questions_as_data(visitor: Visitor):
    headers = {"X-CSRF-Token": visitor.token}
    sent = await visitor.client.post("/api/analysis/upload", files=[("file", ("a.csv", TABLE))], headers=headers)
    answer = await visitor.start(source=sent.json()["source"])
    assert answer.status_code == 422
    problem = answer.json()
    assert problem["errors"][0]["pointer"] == "/mapping"
    rating = problem["questions"][0]
    assert (rating["name"], rating["required"], rating["chosen"]) == ("rating", True, "Punkte")
    assert [option["value"] for option in rating["options"]] == ["Punkte", "Meinung", "<script>", "-"]
    mapping = {"rating": "Punkte", "text": "Meinung"}
    started = await visitor.start(source=sent.json()["source"], mapping=mapping)
    assert started.status_code == 202
    assert json.loads(started.content)["session"]["subject"].startswith("mapped:")
    await finished(visitor, started)


SHOP = "product_title,rating,text\n" + "".join(
    f"{('A pillow', 'A <x>lamp')[n % 3 == 0]},{n % 5 + 1},Words {n} about it\n" for n in range(30)
)


@pytest.mark.slow
async def test_of_several_products_the_page_asks_which_one_is_meant(visitor: Visitor):
    asked = await visitor.submit([file(SHOP)])
    assert asked.status_code == 422
    found = re.search(r'<select[^>]*name="only.product".*?</select>', asked.text, re.DOTALL)
    assert found
    assert re.findall(r'value="([^"]*)"', unescape(found[0])) == ["", "A pillow", "A <x>lamp", "*"]
    assert "<x>lamp" not in asked.text
    started = await visitor.submit(source_kept=kept(asked.text), **{"only.product": "A <x>lamp"})
    report = (await finished(visitor, started))["result"]["report"]
    assert (report["product_title"], report["unique_reviews"]) == ("A <x>lamp", 10)
    assert report["coverage"]["left_out"] == ["20 reviews of other products"]
    assert report["coverage"]["products"] == []


@pytest.mark.slow
async def test_all_of_them_together_is_an_answer_and_the_report_says_so(visitor: Visitor):
    asked = await visitor.submit([file(SHOP)])
    started = await visitor.submit(source_kept=kept(asked.text), **{"only.product": "*"})
    report = (await finished(visitor, started))["result"]["report"]
    assert report["unique_reviews"] == 30
    assert report["product_title"] is None
    assert report["coverage"]["products"] == [
        {"name": "A pillow", "count": 20},
        {"name": "A <x>lamp", "count": 10},
    ]
    assert "These are reviews of 2 products, judged together." in report["explanation"]


@pytest.mark.slow
async def test_what_was_answered_about_columns_stays_while_it_is_asked_which_product_is_meant(visitor: Visitor):
    table = SHOP.replace("rating,text", "Punkte,Meinung")
    asked = await visitor.submit([file(table)])
    columns = {"mapping.rating": "Punkte", "mapping.text": "Meinung"}
    again = await visitor.submit(source_kept=kept(asked.text), **columns)
    assert again.status_code == 422
    hidden = dict(re.findall(r'<input type="hidden" name="(mapping[^"]*)" value="([^"]*)"', again.text))
    assert hidden == columns
    started = await visitor.submit(source_kept=kept(again.text), **hidden, **{"only.product": "A pillow"})
    assert (await finished(visitor, started))["result"]["report"]["unique_reviews"] == 20


@pytest.mark.slow
async def test_a_product_that_nobody_named_is_refused_with_those_that_are_there(visitor: Visitor):
    asked = await visitor.submit([file(SHOP)])
    started = await visitor.submit(source_kept=kept(asked.text), **{"only.product": "A chair"})
    assert "Products found: “A pillow”, “A <x>lamp”." in (await finished(visitor, started))["error"]


@pytest.mark.slow
async def test_a_program_that_wants_all_together_says_so(visitor: Visitor):
    headers = {"X-CSRF-Token": visitor.token}
    sent = await visitor.client.post("/api/analysis/upload", files=[("file", ("a.csv", SHOP))], headers=headers)
    asked = await visitor.start(source=sent.json()["source"])
    assert asked.json()["errors"][0]["pointer"] == "/only"
    assert asked.json()["questions"][0]["name"] == "product"
    for only in ({}, {"product": "*"}):
        assert (await visitor.start(source=sent.json()["source"], only=only)).status_code == 202
