"""Sessions of the product analysis with a model: asked once, told in form and report, never a session's end."""

import asyncio
import io
import json
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from review_data import invented

from model_server import DOUBTFUL, Model, honest, model_server, refusal
from outlast import Outlast, SessionView, Settings, SettingsError, Status
from outlast_reviews.analysis import register
from outlast_reviews.pages import render_report
from outlast_reviews.settings import ReviewSettings, review_settings
from sqlite_template import with_store

ME = "me"
DOUBTED = (3, 41)


def table(count: int = 50) -> bytes:
    """Reviews without any sign that the checks see; the model doubts two."""
    rows = [
        f"{r.row},{r.rating},{r.date},{r.text} {DOUBTFUL if r.row in DOUBTED else ''},{r.reviewer},{r.verified}"
        for r in invented(60)[:count]
    ]
    return "\n".join(["review_id,rating,date,text,reviewer,verified", *rows]).encode()


@pytest.fixture
def model() -> Iterator[Model]:
    with model_server() as model:
        yield model


def settings_for(model: Model, **more: Any) -> ReviewSettings:
    return ReviewSettings(llm_base_url=model.url, llm_model="tiny<1>", **more)


@pytest.fixture
async def outlast(tmp_path: Path, model: Model) -> AsyncIterator[Outlast]:
    outlast = Outlast(Settings(data_dir=with_store(tmp_path), queue_max_tries=2))
    register(outlast, settings_for(model, llm_concurrency=2))
    async with outlast.lifespan(workers=1):
        yield outlast


async def finished(outlast: Outlast, content: bytes) -> tuple[list[SessionView], dict[str, Any]]:
    upload = await outlast.upload(io.BytesIO(content), "a.csv", owner=ME)
    started = await outlast.start("product", owner=ME, source=repr(upload))
    views = [view async for view in outlast.watch(started.session.id)]
    assert views[-1].session.status is Status.COMPLETED, views[-1].session.error
    stored = await outlast.result(views[-1].session.id)
    assert stored
    return views, json.loads(stored.result)


@pytest.mark.slow
async def test_a_session_has_the_models_signs_and_an_account_of_how_they_came_about(outlast, model):
    views, result = await finished(outlast, table())
    report = result["report"]
    (check,) = [check for check in report["checks"] if check["name"] == "model"]
    assert (check["outcome"], check["count"]) == ("found", 2)
    doubted = {f["review_id"]: f["counted"] for f in report["flagged"] if f["reasons"][-1]["check"] == "model"}
    assert doubted == {"3": False, "41": False}
    told = report["method"]["model"]
    assert (told["model"], told["texts"], told["judged"], told["requests"]) == ("tiny<1>", 50, 50, 3)
    assert told["where"] == "on this site's own machine"
    assert 0 < told["estimated_tokens"] <= told["token_budget"]
    words = " ".join([report["method"]["summary"], *report["method"]["rules"], *report["method"]["accuracy"]])
    for said in ("50 of 50 judged", "question version 1", "55 to 61%", "0.6 instead of 0.5", "tiny<1>"):
        assert said in words
    assert "nothing leaves" not in words
    page = render_report(result)
    assert "tiny&lt;1&gt;" in page
    assert "a language model has doubts" in page or "language model doubts" in page
    steps = [step.name for step in views[-1].session.progress.steps]
    assert steps == ["gather", "tidy", "judge", "ask_model", "write", "remember", "compare"]


@pytest.mark.slow
async def test_what_was_judged_is_not_asked_again_whoever_asks(outlast, model):
    first = (await finished(outlast, table(50)))[1]["report"]
    assert len(model.texts) == 50
    again = (await finished(outlast, table(52)))[1]["report"]
    assert len(model.texts) == 52
    assert again["method"]["model"]["remembered"] == 50
    both = ([f for f in report["flagged"] if f["reasons"][-1]["check"] == "model"] for report in (first, again))
    assert len({json.dumps(flagged) for flagged in both}) == 1


@pytest.mark.slow
async def test_a_server_that_fails_costs_the_models_opinion_and_nothing_else(outlast, model):
    model.behave = lambda _: refusal(401)
    report = (await finished(outlast, table()))[1]["report"]
    (check,) = [check for check in report["checks"] if check["name"] == "model"]
    assert check["outcome"] == "not_assessed"
    assert "50 texts were not judged: The model's server refuses the key" in check["sentence"]
    assert not any(reason["check"] == "model" for flagged in report["flagged"] for reason in flagged["reasons"])
    assert report["method"]["model"]["judged"] == 0


@pytest.mark.slow
async def test_a_session_that_is_cancelled_stops_asking(outlast, model):
    asked, go = threading.Event(), threading.Event()

    def behave(question):
        asked.set()
        go.wait(30)
        return honest(question)

    model.behave = behave
    upload = await outlast.upload(io.BytesIO(table()), "a.csv", owner=ME)
    started = await outlast.start("product", owner=ME, source=repr(upload))
    assert await asyncio.to_thread(asked.wait, 30)
    await outlast.cancel(started.session.id, owner=ME)
    async with asyncio.timeout(10):
        views = [view async for view in outlast.watch(started.session.id)]
    assert views[-1].session.status is Status.CANCELLED
    before = len(model.asked)
    go.set()
    await finished(outlast, table(20).replace(b"lamp", b"bed"))
    assert len(model.asked) == before + 1, "of the next session, and none of the cancelled one"


@pytest.mark.slow
async def test_the_store_holds_no_word_of_the_reviews_beside_the_judgements(outlast, model, tmp_path):
    await finished(outlast, table())
    import apsw

    database = apsw.Connection(str(tmp_path / "outlast.db"), flags=apsw.SQLITE_OPEN_READONLY)
    facts = database.execute("SELECT * FROM facts").fetchall()
    database.close()
    assert len(facts) >= 50
    assert "miracle" not in repr(facts)
    assert not any(word in repr(facts).split() for word in invented(1)[0].text.split())


@pytest.mark.slow
async def test_the_form_says_before_the_start_that_a_model_reads_the_texts_and_where(outlast, tmp_path):
    async def form(site: Outlast) -> str:
        transport = httpx.ASGITransport(site.asgi())
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as browser:
            return (await browser.get("/")).text

    page = await form(outlast)
    assert "(tiny&lt;1&gt;, on this site" in page
    assert "Nothing else leaves this server." in page
    plain = Outlast(Settings(data_dir=tmp_path / "plain"))
    register(plain, ReviewSettings())
    async with plain.lifespan():
        page = await form(plain)
    assert "We never pass your files on." in page
    assert "language model" not in page


@pytest.mark.slow
async def test_without_a_model_there_is_no_step_no_check_and_no_word_of_it(tmp_path, model):
    outlast = Outlast(Settings(data_dir=tmp_path))
    register(outlast, ReviewSettings())
    async with outlast.lifespan(workers=1):
        views, result = await finished(outlast, table())
    assert [step.name for step in views[-1].session.progress.steps] == [
        "gather",
        "tidy",
        "judge",
        "write",
        "remember",
        "compare",
    ]
    assert "model" not in {check["name"] for check in result["report"]["checks"]}
    assert result["report"]["method"]["model"] is None
    assert "no language model takes part, and nothing leaves this server" in result["report"]["method"]["summary"]
    assert model.asked == []


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"MODEL": "m"}, "ANALYSIS_LLM_BASE_URL: ANALYSIS_LLM_MODEL needs it"),
        ({"BASE_URL": "http://localhost/v1"}, "ANALYSIS_LLM_MODEL: ANALYSIS_LLM_BASE_URL needs it"),
        ({"MODEL": "m", "BASE_URL": "localhost"}, "ANALYSIS_LLM_BASE_URL: it is not an http"),
        (
            {"MODEL": "m", "BASE_URL": "http://me:hidden@h/v1"},
            "ANALYSIS_LLM_BASE_URL: it holds more than",
        ),
        ({"TOKEN_BUDGET": "few"}, "ANALYSIS_LLM_TOKEN_BUDGET: "),
        ({"TOKEN_BUDGET": "1"}, "ANALYSIS_LLM_TOKEN_BUDGET: "),
        ({"CONCURRENCY": "0"}, "ANALYSIS_LLM_CONCURRENCY: "),
        ({"REQUEST_TIMEOUT": "-1"}, "ANALYSIS_LLM_REQUEST_TIMEOUT: "),
        ({"TIME_LIMIT": "nan"}, "ANALYSIS_LLM_TIME_LIMIT: "),
    ],
)
def test_a_wrong_setting_is_named_with_what_is_wrong_and_an_example(monkeypatch, given, said):
    for name, value in given.items():
        monkeypatch.setenv(f"ANALYSIS_LLM_{name}", value)
    with pytest.raises(SettingsError) as refused:
        review_settings()
    assert said in str(refused.value)
    assert "For example: ANALYSIS_LLM_" in str(refused.value)
    assert "hidden" not in str(refused.value)


def test_the_key_is_in_no_text_of_the_settings(monkeypatch):
    monkeypatch.setenv("ANALYSIS_LLM_API_KEY", "canary-key")
    settings = review_settings()
    assert "canary-key" not in repr(settings)
    assert settings.llm_api_key.get_secret_value() == "canary-key"


@pytest.mark.slow
def test_serving_imports_no_http_client_and_no_terminal():
    program = "import sys, outlast_reviews.app; sys.exit(str({'click', 'httpx', 'rich'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.stderr.strip() == "set()"
