"""Every fault of a model's server ends in "not judged" or a right judgement, never in an unsuspicious review."""

import json
import threading
import time

import pytest
from judge_runner import JudgeRunner, doubted, reviews

from model_server import (
    DOUBTFUL,
    JSON,
    Answer,
    honest,
    judged,
    judgements,
    model_server,
    refusal,
    said,
)
from outlast_reviews.language_model.judging import ConcurrencyLimit

HTML = Answer(b"<html><form>Please log in</form></html>", 200, {"Content-Type": "text/html"})


@pytest.fixture
def model():
    with model_server() as model:
        yield model


@pytest.fixture
def runner(model):
    return JudgeRunner(model)


def holds(opinion, right, texts):
    """Nothing wrong is said: signs only where right, and what has none is judged rightly or not judged."""
    told = opinion.report
    assert set(doubted(opinion)) <= set(right)
    assert told.judged + told.not_judged == told.texts == texts
    missed = set(right) - set(doubted(opinion))
    assert len(missed) <= told.not_judged
    if told.not_judged:
        assert opinion.finding.outcome != "clear"
        assert "not judged: " in opinion.finding.sentence


def test_a_sound_server_is_asked_in_batches_and_its_judgements_are_signs_with_quotes(model, runner):
    opinion = runner.judge(reviews(45, doubtful=[3, 44]))
    assert [len(asked.reviews) for asked in model.asked] == [20, 20, 5]
    assert doubted(opinion) == [3, 44]
    assert opinion.finding.outcome == "found"
    sign = opinion.finding.signs[0]
    assert (sign.strength, sign.quotes) == ("weak", (DOUBTFUL,))
    assert "the language of advertising" in sign.sentence
    assert (opinion.report.judged, opinion.report.not_judged, opinion.report.requests) == (45, 0, 3)
    assert runner.judge(reviews(3)).finding.outcome == "clear"


def test_it_is_asked_at_temperature_0_without_tools_and_told_no_name_date_or_row(model, runner):
    runner.judge(reviews(2), key="secret-key")
    (asked,) = model.asked
    assert asked.body["temperature"] == 0
    assert asked.body.keys() == {"model", "messages", "max_tokens", "temperature", "response_format"}
    assert asked.body["response_format"]["json_schema"]["strict"] is True
    assert all(review.keys() == {"id", "stars", "title", "text"} for review in asked.reviews)
    assert asked.headers["Authorization"] == "Bearer secret-key"
    assert "Person" not in json.dumps(asked.body)


def test_without_a_key_none_is_sent_and_nothing_of_the_environment(model, runner, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "of-the-environment")
    monkeypatch.setenv("OPENAI_ORG_ID", "of-the-environment")
    runner.judge(reviews(1), url=f"{model.url}/")
    (asked,) = model.asked
    assert "Authorization" not in asked.headers
    assert "of-the-environment" not in str(asked.headers)


def test_the_proxy_of_the_environment_is_used(model, runner, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", model.url.removesuffix("/v1"))
    opinion = runner.judge(reviews(1), url="http://model.example/v1")
    assert "does not know this model or address" in (opinion.report.stopped or "")


def test_a_key_may_have_any_letters(model, runner):
    runner.judge(reviews(1), key="schlüssel")
    assert model.asked[0].headers["Authorization"].encode("latin-1").decode() == "Bearer schlüssel"


def test_the_ids_are_new_each_time(model, runner):
    runner.judge(reviews(20))
    runner.memory.facts.clear()
    runner.judge(reviews(20))
    assert not set(model.asked[0].ids) & set(model.asked[1].ids)


def garbled_items(asked):
    one, *rest = asked.reviews
    return judgements(
        [
            judged(one, suspicion="90"),
            *({"id": r["id"], "suspicion": 101, "reasons": [], "quote": ""} for r in rest),
        ]
    )


ONCE = {
    "429 without Retry-After": lambda _: refusal(429),
    "429 with Retry-After": lambda _: refusal(429, Retry_After="2"),
    "429 with a date": lambda _: refusal(429, Retry_After="Wed, 21 Oct 2015 07:28:00 GMT"),
    "429 with nonsense": lambda _: refusal(429, Retry_After="soon"),
    "500": lambda _: refusal(500),
    "503": lambda _: Answer(b"<html>down</html>", 503, {"Content-Type": "text/html"}),
    "529": lambda _: refusal(529),
    "connection cut before the answer": lambda a: honest(a)._replace(cut_after=0),
    "connection cut in the answer": lambda a: honest(a)._replace(cut_after=40),
    "HTML login page": lambda _: HTML,
    "HTML that calls itself JSON": lambda _: HTML._replace(headers=JSON),
    "garbage": lambda _: said("I would say that they are all fine!"),
    "nothing": lambda _: said(""),
    "null content": lambda _: Answer(b'{"choices": [{"message": {"content": null}, "finish_reason": "stop"}]}'),
    "no choices": lambda _: Answer(b'{"choices": []}'),
    "choices of a wrong type": lambda _: Answer(b'{"choices": {"message": 1}}'),
    "a number": lambda _: Answer(b"42"),
    "not UTF-8": lambda _: Answer(b"\xff\xfe\x00"),
    "too deep": lambda _: said("[" * 100_000),
    "not a number": lambda a: said(json.dumps({"judgements": [*map(judged, a.reviews)]}).replace(": 5", ": NaN")),
    "wrong types": garbled_items,
    "missing ids": lambda a: judgements([judged(r) for r in a.reviews[:3]]),
    "no ids at all": lambda a: judgements([{k: v for k, v in judged(r).items() if k != "id"} for r in a.reviews]),
    "extra ids": lambda a: judgements([*map(judged, a.reviews), {**judged(a.reviews[0]), "id": "ffffff"}]),
    "doubled ids": lambda a: judgements([judged(a.reviews[0], suspicion=0), *map(judged, a.reviews)]),
    "everything doubled": lambda a: judgements([*map(judged, a.reviews), *map(judged, a.reviews)]),
    "quotes of nobody": lambda a: judgements([judged(r, suspicion=99, quote="Person 1") for r in a.reviews]),
    "suspicion without a quote": lambda a: judgements([judged(r, suspicion=99, quote="") for r in a.reviews]),
    "truncated": lambda a: said(json.dumps({"judgements": [*map(judged, a.reviews)]})[:400], finish="length"),
    "truncated at once": lambda _: said("", finish="length"),
    "refused by the model": lambda _: said("", finish="content_filter"),
    "an empty list": lambda _: judgements([]),
    "context too long": lambda _: refusal(400, "This model's maximum context length is 4096 tokens"),
    "too long": lambda _: Answer(b" " * (3 << 20)),
    "compressed": lambda a: honest(a)._replace(headers={**JSON, "Content-Encoding": "gzip"}),
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("fault", ONCE)
def test_after_one_fault_all_is_judged_rightly(model, runner, fault):
    model.first = [ONCE[fault]]
    opinion = runner.judge(reviews(30, doubtful=[1, 5, 29]))
    assert doubted(opinion) == [1, 5, 29]
    assert opinion.report.not_judged == 0
    assert opinion.report.stopped is None


@pytest.mark.slow
@pytest.mark.parametrize("fault", [fault for fault in ONCE if fault not in {"extra ids", "missing ids"}])
def test_a_fault_that_stays_ends_in_not_judged_after_few_requests(model, runner, fault):
    model.behave = ONCE[fault]
    right = [1, 5, 29]
    opinion = runner.judge(reviews(200, doubtful=right))
    holds(opinion, right, 200)
    assert opinion.report.not_judged > 0
    assert len(model.asked) <= 40


@pytest.mark.slow
def test_each_fault_that_stays_has_its_reason_in_the_report(model, runner):
    for behave, reason in (
        (ONCE["500"], "has a fault of its own (500)"),
        (ONCE["429 without Retry-After"], "asks for fewer questions"),
        (ONCE["HTML login page"], "gave an answer that is no chat completion"),
        (ONCE["garbage"], "gave an answer that is no list of judgements"),
        (ONCE["an empty list"], "gave answers of which nothing held"),
        (ONCE["too long"], "gave an answer that is too long"),
        (ONCE["compressed"], "gave a compressed answer"),
        (ONCE["connection cut in the answer"], "cannot be reached"),
        (lambda _: refusal(401, "Incorrect API key provided: sk-12345"), "refuses the key (ANALYSIS_LLM_API_KEY)"),
        (lambda _: refusal(403), "refuses the key (ANALYSIS_LLM_API_KEY)"),
        (lambda _: refusal(404), "does not know this model or address"),
        (lambda _: refusal(402), "says that the account is used up"),
        (lambda _: refusal(429, code="insufficient_quota"), "says that the quota is used up"),
        (
            lambda _: refusal(429, Retry_After="3600"),
            "asks for fewer questions and wants to be asked again in 3,600 seconds",
        ),
        (
            lambda _: Answer(b"", 302, {"Location": "http://127.0.0.1:9/login"}),
            "sends us to another address",
        ),
    ):
        model.behave = behave
        told = runner.judge(reviews(40, doubtful=[1]))
        assert told.report.judged == 0
        assert reason in (told.report.stopped or "")
        assert told.finding.outcome == "not_assessed"
        assert reason in told.finding.sentence
        assert "sk-12345" not in told.finding.sentence


@pytest.mark.slow
def test_a_key_that_is_refused_and_a_used_up_quota_are_not_tried_again(model, runner):
    for answer in (refusal(401), refusal(429, code="insufficient_quota"), refusal(404)):
        model.asked.clear()
        model.behave = lambda _, answer=answer: answer
        runner.judge(reviews(100))
        assert len(model.asked) == 1
    assert runner.waits == []


def test_a_server_that_is_not_there_costs_nothing_but_the_models_opinion(runner):
    opinion = runner.judge(reviews(100, doubtful=[2]), url="http://127.0.0.1:9/v1")
    assert opinion.report.stopped == "The model's server cannot be reached."
    assert (opinion.report.judged, opinion.report.tokens) == (0, 0)


@pytest.mark.slow
def test_a_redirect_is_not_followed_so_that_texts_go_nowhere_else(model, runner):
    with model_server() as other:
        for status in (301, 302, 303, 307, 308):
            model.behave = lambda _, status=status: Answer(
                b"", status, {"Location": f"{other.url}/chat/completions"}
            )
            runner.judge(reviews(3))
        assert other.asked == []


@pytest.mark.slow
def test_waits_are_as_long_as_the_server_says_else_longer_and_longer_with_jitter(model, runner):
    model.first = [lambda _: refusal(429, Retry_After="7")]
    runner.judge(reviews(1))
    assert 7 <= runner.waits.pop() <= 8
    model.first = [ONCE["500"]] * 3
    runner.judge(reviews(2))
    assert runner.waits == [1, 2, 4]
    runner.waits.clear()
    runner.chance = 0.25
    model.first = [ONCE["500"]] * 3
    runner.judge(reviews(3))
    assert runner.waits == [0.25, 0.5, 1]


@pytest.mark.slow
@pytest.mark.parametrize("grades", [("json_schema",), ("json_schema", "json_object")])
def test_a_server_without_structured_output_is_asked_for_less_and_this_is_remembered(model, runner, grades):
    def behave(asked):
        if asked.form in grades:
            return refusal(400, f"response_format.type {asked.form} is not supported")
        text = json.dumps({"judgements": [judged(r) for r in asked.reviews]})
        return said(f"<think>Hm {'{'} [1] </think>Here you are:\n```json\n{text}\n```\nAnything else?")

    model.behave = behave
    opinion = runner.judge(reviews(45, doubtful=[3, 44]))
    assert doubted(opinion) == [3, 44]
    assert opinion.report.not_judged == 0
    assert sum(asked.form in grades for asked in model.asked) == len(grades)
    before = len(model.asked)
    runner.judge(reviews(60))
    assert not any(asked.form in grades for asked in model.asked[before:])
    runner.judge(reviews(61), name="another")
    assert model.asked[-1].form not in grades
    assert sum(asked.form in grades for asked in model.asked) == 2 * len(grades)


def test_a_model_that_takes_no_temperature_or_another_limit_is_asked_its_way_and_that_is_told(model, runner):
    def behave(asked):
        if "max_tokens" in asked.body:
            return refusal(400, "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead.")
        if "temperature" in asked.body:
            return refusal(400, "Unsupported value: 'temperature' does not support 0 with this model.")
        return honest(asked)

    model.behave = behave
    opinion = runner.judge(reviews(40, doubtful=[7]))
    assert doubted(opinion) == [7]
    assert opinion.report.repeatable is False
    assert len(model.asked) == 4


@pytest.mark.slow
def test_an_answer_that_does_not_come_in_time_is_asked_for_in_smaller_pieces(model, runner):
    runner.timeout = 0.5
    never = threading.Event()

    def behave(asked):
        if len(asked.reviews) > 5:
            never.wait(1)
        return honest(asked)

    model.behave = behave
    opinion = runner.judge(reviews(20, doubtful=[7]))
    assert doubted(opinion) == [7]
    assert opinion.report.not_judged == 0
    assert [len(asked.reviews) for asked in model.asked] == [20, 10, 5, 5, 10, 5, 5]


@pytest.mark.slow
def test_a_review_that_the_server_cannot_stand_is_not_judged_and_the_others_are(model, runner):
    def behave(asked):
        if any("Number 7:" in review["text"] for review in asked.reviews):
            return refusal(400, "prompt contains a forbidden word")
        return honest(asked)

    model.behave = behave
    opinion = runner.judge(reviews(20, doubtful=[7, 9]))
    assert doubted(opinion) == [9]
    assert opinion.report.not_judged == 1
    assert "One text was not judged" in opinion.finding.sentence


@pytest.mark.slow
def test_the_time_limit_ends_it_with_what_is_judged_so_far(model, runner):
    gone = threading.Event()

    def behave(asked):
        if len(model.asked) > 1:
            gone.wait(20)
        return honest(asked)

    model.behave = behave
    began = time.monotonic()
    opinion = runner.judge(reviews(60, doubtful=[1, 50]), seconds=1)
    assert time.monotonic() - began < 10
    gone.set()
    assert doubted(opinion) == [1]
    assert (opinion.report.judged, opinion.report.stopped) == (
        20,
        "The 1 seconds that the model may take were over.",
    )


@pytest.mark.slow
def test_never_more_requests_at_once_than_allowed_and_as_many_as_that(model, runner):
    meeting = threading.Barrier(3)
    model.first = [lambda asked: (meeting.wait(20), honest(asked))[1]] * 3
    opinion = runner.judge(reviews(200), at_once=3)
    assert opinion.report.judged == 200
    assert model.most_at_once == 3


@pytest.mark.slow
def test_all_analyses_of_a_process_share_the_requests_that_are_allowed_at_once(model):
    gate, opinions = ConcurrencyLimit(2), []

    def analysis():
        opinions.append(JudgeRunner(model).judge(reviews(100), at_once=2, gate=gate))

    analyses = [threading.Thread(target=analysis) for _ in range(3)]
    for one in analyses:
        one.start()
    for one in analyses:
        one.join()
    assert [opinion.report.judged for opinion in opinions] == [100] * 3
    assert model.most_at_once <= 2


def test_the_budget_is_never_exceeded_and_the_rest_is_not_judged(model, runner):
    model.behave = lambda a: honest(a)._replace(
        body=json.dumps({**json.loads(honest(a).body), "usage": {"total_tokens": 5_000}}).encode()
    )
    opinion = runner.judge(reviews(200, doubtful=[1, 199]), tokens=20_000, at_once=4)
    told = opinion.report
    assert 0 < told.judged < 200
    assert told.tokens <= 20_000
    assert told.stopped == "The budget of 20,000 tokens was used up."
    assert doubted(opinion) == [1]
    assert told.estimated_tokens > 0


@pytest.mark.parametrize("usage", [{"total_tokens": -5}, {"total_tokens": "many"}, [], {"total_tokens": 0}, None])
def test_where_the_server_does_not_say_what_it_took_it_is_estimated(model, runner, usage):
    model.behave = lambda a: judgements([judged(r) for r in a.reviews], usage=usage)
    told = runner.judge(reviews(40)).report
    assert told.judged == 40
    assert told.tokens > 1_000
    assert told.estimated_tokens / 2 <= told.tokens <= told.estimated_tokens * 2
