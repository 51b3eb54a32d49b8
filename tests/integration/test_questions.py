"""A running analysis asks: the session ends with questions, and the answer restarts it after its kept steps."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from edge_site import HOST, WHICH, OpenSite, Visitor, open_site

from outlast import AnalysisFailed, InvalidInput, Outlast, RetryAnswer, Settings
from outlast.domain.questions import question_fields
from sqlite_template import with_store

HTML = {"Accept": "text/html"}


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[OpenSite]:
    async with open_site(tmp_path, workers=1) as site:
        yield site


@pytest.fixture
async def visitor(site: OpenSite) -> Visitor:
    return await site.visitor()


async def asked(visitor: Visitor, text: str = "tea") -> str:
    """The id of a session that has asked."""
    session_id = await visitor.started("asking", text=text)
    assert (await visitor.finished(session_id))["error_code"] == "question"
    return session_id


async def answer(visitor: Visitor, session_id: str, **answers: object):
    return await visitor.post(f"/api/analysis/answer/{session_id}", json={"answers": answers})


async def answer_on_page(visitor: Visitor, session_id: str, **answers: str):
    form = {"csrf_token": visitor.token, **{f"only.{name}": text for name, text in answers.items()}}
    return await visitor.post(f"/analysis/{session_id}/answer", data=form, headers=HTML)


async def test_the_snapshot_has_the_questions_and_is_no_mere_failure(visitor: Visitor):
    snapshot = await visitor.snapshot(await asked(visitor))
    assert snapshot["status"] == "failed"
    assert snapshot["questions"] == [question_fields(WHICH)]
    assert snapshot["questions"][0]["options"][0] == {"value": "a", "label": "The <first>", "samples": ["1 & 2"]}
    assert (snapshot["phase_title"], snapshot["tone"]) == ("A question for you", "warning")
    assert (snapshot["notice"], snapshot["attempt"]) == ("There are two.", 1)


async def test_the_answer_restarts_the_session_without_repeating_what_is_kept(site: OpenSite, visitor: Visitor):
    session_id = await asked(visitor)
    answered = await answer(visitor, session_id, which="b")
    assert answered.status_code == 202
    assert answered.json()["session"]["session_id"] == session_id
    snapshot = await visitor.finished(session_id)
    assert (snapshot["status"], snapshot["questions"]) == ("completed", None)
    assert snapshot["result"] == {"text": "tea", "which": "b"}
    assert site.hold.reads == 1


@pytest.mark.slow
async def test_another_answer_is_another_subject(visitor: Visitor):
    first, second = [await asked(visitor, "tea") for _ in range(2)]
    assert first != second
    await answer(visitor, first, which="a")
    await answer(visitor, second, which="b")
    subjects = {(await visitor.finished(one))["subject"] for one in (first, second)}
    assert len(subjects) == 2


@pytest.mark.slow
@pytest.mark.parametrize(
    ("body", "status", "detail"),
    [
        ({"answers": {}}, 422, "Answer this: Which one?"),
        ({"answers": {"which": ""}}, 422, "Answer this: Which one?"),
        ({"answers": {"which": "a", "why": "b"}}, 422, "Nothing is asked under the name 'why'."),
        ({"answers": {"which": 5}}, 422, 'The body is a JSON object: {"answers": {"…": "…"}}'),
        ({"answers": ["a"]}, 422, 'The body is a JSON object: {"answers": {"…": "…"}}'),
        ([], 422, 'The body is a JSON object: {"answers": {"…": "…"}}'),
    ],
)
async def test_what_is_no_answer_is_refused_and_may_be_given_again(
    visitor: Visitor, body: object, status: int, detail: str
):
    session_id = await asked(visitor)
    refused = await visitor.post(f"/api/analysis/answer/{session_id}", json=body)
    assert refused.status_code == status
    assert detail in refused.json()["errors"][0]["detail"]
    assert (await answer(visitor, session_id, which="a")).status_code == 202


async def test_a_session_that_asks_nothing_takes_no_answer(visitor: Visitor):
    failing = await visitor.started("failing", text="a")
    await visitor.finished(failing)
    assert (await answer(visitor, failing, which="a")).status_code == 409
    session_id = await asked(visitor)
    await answer(visitor, session_id, which="a")
    await visitor.finished(session_id)
    assert (await answer(visitor, session_id, which="b")).status_code == 409


async def test_nobody_answers_for_another_visitor(site: OpenSite, visitor: Visitor):
    session_id = await asked(visitor)
    assert (await answer(await site.visitor(), session_id, which="a")).status_code == 404


@pytest.mark.slow
async def test_the_page_asks_where_the_progress_was_and_goes_on(visitor: Visitor):
    session_id = await asked(visitor)
    page = (await visitor.get(f"/analysis/{session_id}", headers=HTML)).text
    assert "<analysis-progress" not in page
    assert "There are two." in page
    assert 'data-samples="[&#34;1 \\u0026 2&#34;]"' in page
    assert re.search(r'<option value="a"[^>]*>The &lt;first&gt;</option>', page)
    empty = await answer_on_page(visitor, session_id)
    assert empty.status_code == 422
    assert "Answer this: Which one?" in empty.text
    given = await answer_on_page(visitor, session_id, which="b")
    assert (given.status_code, given.headers["location"]) == (303, f"/analysis/{session_id}")
    await visitor.finished(session_id)
    again = await answer_on_page(visitor, session_id, which="a")
    assert again.status_code == 303


@pytest.mark.slow
async def test_an_answer_may_lead_to_a_failure_that_asks_nothing(visitor: Visitor):
    session_id = await asked(visitor)
    await answer(visitor, session_id, which="neither")
    snapshot = await visitor.finished(session_id)
    assert (snapshot["error_code"], snapshot["questions"]) == ("permanent", None)


@pytest.mark.parametrize("isolation", ["none", "process"])
async def test_code_answers_by_its_handle(tmp_path: Path, isolation: str):
    outlast = Outlast(Settings(data_dir=with_store(tmp_path)))
    options = {"isolation": "process"} if isolation == "process" else {}
    handle = outlast.analysis("sum", **options)(add)
    async with outlast.lifespan(workers=1):
        session = await handle.start(numbers=[1, 2])
        with pytest.raises(AnalysisFailed) as failed:
            await session.result()
        assert (failed.value.code, failed.value.message) == ("question", "There are two.")
        assert failed.value.questions[0].samples == {"a": ["1 & 2"], "b": ["3"]}
        with pytest.raises(InvalidInput, match="Which one"):
            await session.answer({})
        assert await session.answer({"which": "a"}) == RetryAnswer.RETRIED
        assert await session.result() == 3
        assert await session.answer({"which": "a"}) == RetryAnswer.NOTHING_ASKED
        assert await outlast.answer("a" * 26, {"which": "a"}) is None


def add(numbers: list[int], only: dict[str, str] | None = None) -> int:
    if only is None:
        raise InvalidInput("There are two.", "/only", questions=[WHICH])
    return sum(numbers)


@pytest.mark.slow
async def test_work_inside_a_request_asks_too(tmp_path: Path):
    async with open_site(tmp_path, async_enabled=False) as site:
        visitor = await site.client(HOST).arrive()
        started = await visitor.start("asking", text="tea")
        assert (started.status_code, started.json()["session"]["error_code"]) == (200, "question")
        session_id = started.json()["session_id"]
        await answer(visitor, session_id, which="a")
        assert (await visitor.finished(session_id))["result"]["which"] == "a"
