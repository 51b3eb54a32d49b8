"""From a model's words to judgements: whole, in bounds, asked for, and quoted from that very review."""

import json
from contextlib import suppress

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from outlast_reviews.language_model.answer import LONGEST_QUOTE, Judgement, find_quote, judgements
from outlast_reviews.language_model.cache import JudgementCache
from outlast_reviews.language_model.client import describe_server
from outlast_reviews.language_model.errors import InvalidAnswerError
from outlast_reviews.language_model.judging import Budget
from outlast_reviews.language_model.prompt import (
    BATCH,
    LONGEST_TEXT,
    REASONS,
    RequestFormat,
    ReviewText,
    estimate_all,
    longest_answer,
    messages,
    most_tokens,
    request_format_from,
    text_of,
)
from outlast_reviews.review import Review

TEXT = ReviewText("This “lamp”  changed\nmy life – truly", "", 5.0)
ASKED = {"a1": TEXT, "b2": ReviewText("short", "", 1.0), "c3": ReviewText("Quite good for the price", "", None)}


def item(own="a1", suspicion=90, reasons=("generic_praise",), quote="changed my life", **more):
    return {"id": own, "suspicion": suspicion, "reasons": list(reasons), "quote": quote, **more}


def read(*items, cut=False):
    return judgements(json.dumps({"judgements": items}), ASKED, cut=cut)


def test_a_judgement_has_its_reasons_and_the_place_of_its_quote_in_the_review():
    judgement = read(item())["a1"]
    assert (judgement.suspicion, judgement.reasons) == (90, ("generic_praise",))
    assert TEXT.shown[judgement.start : judgement.end] == "changed\nmy life"


@pytest.mark.parametrize("quote", ['"lamp" changed', "CHANGED  MY life", "life - truly", TEXT.shown])
def test_a_quote_may_differ_in_case_white_space_and_kind_of_marks(quote):
    assert "a1" in read(item(quote=quote))


@pytest.mark.parametrize(
    "quote", ["changed his life", "Quite good", "", "my", "truly!", "x" * 5_000, ".*", "[a-z]+"]
)
def test_a_suspicion_without_words_of_that_review_is_no_judgement(quote):
    assert read(item(quote=quote)) == {}


def test_a_whole_text_may_be_quoted_however_short_and_an_unsuspicious_one_needs_no_quote():
    assert read(item("b2", quote="short"))["b2"].end == 5
    assert read(item("b2", suspicion=10, quote="", reasons=[]))["b2"] == Judgement(10)


@pytest.mark.parametrize(
    "changes",
    [
        {"suspicion": -1},
        {"suspicion": 101},
        {"suspicion": 1e300},
        {"suspicion": 90.5},
        {"suspicion": "90"},
        {"suspicion": True},
        {"suspicion": None},
        {"suspicion": 10**30},
        {"reasons": "generic_praise"},
        {"reasons": [1]},
        {"reasons": None},
        {"quote": 5},
        {"quote": ["changed my life"]},
        {"id": 1},
        {"id": None},
        {"id": "A1"},
        {"id": "zz"},
    ],
)
def test_impossible_values_and_ids_that_were_not_given_are_no_judgement(changes):
    assert read({**item(), **changes}) == {}


@pytest.mark.parametrize("name", ["id", "suspicion", "reasons", "quote"])
def test_nothing_may_be_left_out(name):
    assert read({key: value for key, value in item().items() if key != name}) == {}


def test_an_id_that_is_answered_twice_is_not_judged_whatever_is_said_of_it():
    low = item(suspicion=0, reasons=[], quote="")
    assert read(item(), low, item("b2", quote="short")).keys() == {"b2"}
    assert read(low, low) == {}
    assert read(item(), {"id": "a1"}) == {}


def test_reasons_that_are_not_ours_are_left_out_and_the_others_stand_in_our_order():
    judgement = read(item(reasons=["<script>", "no_sign_of_use", "generic_praise", "generic_praise", "genuine"]))[
        "a1"
    ]
    assert judgement.reasons == ("generic_praise", "no_sign_of_use")


@pytest.mark.parametrize(
    "wrapped",
    [
        "{}",
        " \n{}\n",
        "```json\n{}\n```",
        "```\n{}\n```",
        "Sure! Here:\n{}\nHope it helps.",
        "<think>[1]{{</think>{}",
    ],
)
def test_json_is_found_where_models_put_it(wrapped):
    for content in (json.dumps({"judgements": [item()]}), json.dumps([item()]), json.dumps(item())):
        found = wrapped.replace("{{", "{").replace("{}", content)
        assert judgements(found, ASKED, cut=False).keys() == {"a1"}, found


@pytest.mark.parametrize(
    "content", ["", "no", "5", "null", "{}", '"judgements"', '{"judgements": 5}', "[" * 9_999]
)
def test_what_is_no_list_of_judgements_is_garbled(content):
    with pytest.raises(InvalidAnswerError):
        judgements(content, ASKED, cut=False)


def test_an_answer_that_was_cut_off_counts_as_far_as_it_is_whole():
    whole = json.dumps({"judgements": [item(), item("b2", quote="short"), item("c3", quote="Quite good")]})
    for length in range(len(whole) - 2):
        try:
            found = judgements(whole[:length], ASKED, cut=True)
        except InvalidAnswerError:
            found = {}
        complete = [own for own, quote in (("a1", "my life"), ("b2", "short"), ("c3", "Quite good"))
                    if length > whole.index(f'{quote}"')]  # fmt: skip
        assert list(found) in (complete, complete[:-1])
        assert all(judgement.suspicion == 90 for judgement in found.values())


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.sampled_from(["a1", "b2"]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["judgements", "id", "suspicion", "reasons", "quote"]), inner, max_size=5
        )
    ),
    max_leaves=20,
)


@pytest.mark.slow
@given(ANYTHING, st.booleans())
@example([item(), item()], False)
def test_whatever_else_is_said_nothing_breaks(said, cut):
    with suppress(InvalidAnswerError):
        assert set(judgements(json.dumps(said), ASKED, cut=cut)) <= set(ASKED)


ITEMS = st.fixed_dictionaries(
    {
        "id": st.sampled_from([*ASKED, "zz"]),
        "suspicion": st.integers(-3, 103) | st.just(69) | st.just(70),
        "reasons": st.lists(st.sampled_from([*REASONS, "made_up"]), max_size=3),
        "quote": st.sampled_from(["", "  ", "changed my life", "Quite good for", "short", "Quite", "of nobody"]),
    }
)


def holds(said: dict, times: int) -> bool:
    """What the rules say of one item, without the code that follows them."""
    if said["id"] not in ASKED or times > 1 or not 0 <= said["suspicion"] <= 100:
        return False
    quote, text = said["quote"].strip(), " ".join(ASKED[said["id"]].shown.split())
    if quote and quote not in text:
        return False
    shows = bool(quote) and (len(quote) >= 6 or quote == text)
    return shows or said["suspicion"] < 70


@pytest.mark.slow
@given(st.lists(ITEMS, min_size=1, max_size=4))
def test_of_answers_in_the_right_form_exactly_those_count_that_hold(said):
    found = read(*said)
    own = [one["id"] for one in said]
    assert set(found) == {one["id"] for one in said if holds(one, own.count(one["id"]))}
    for one in said:
        if one["id"] in found:
            judgement, shown = found[one["id"]], ASKED[one["id"]].shown
            assert judgement.suspicion == one["suspicion"]
            assert judgement.reasons == tuple(reason for reason in REASONS if reason in one["reasons"])
            quoted_there = " ".join(shown[judgement.start : judgement.end].split())
            assert quoted_there in {"", one["quote"]}


@pytest.mark.slow
@given(st.text(max_size=600), st.text(max_size=80), st.text(max_size=600))
def test_a_quote_that_was_copied_is_found_where_it_is(before, middle, after):
    whole = before + middle + after
    place = find_quote(middle, whole)
    if not middle.split() or len(middle) > LONGEST_QUOTE:
        assert place is None
    else:
        assert place is not None
        assert "".join(whole[slice(*place)].split()).casefold() == "".join(middle.split()).casefold()


@pytest.mark.slow
@given(st.lists(st.text(min_size=1, max_size=3_000), min_size=1, max_size=BATCH))
def test_no_text_gets_out_of_its_place_in_the_question(texts):
    batch = {f"id{n}": shown for n, text in enumerate(texts) if (shown := text_of(Review(n, text=text)))}
    _, user = messages(batch, "c0ffee")
    first, document, last = user["content"].split("\n")
    assert (first, last) == ("BEGIN REVIEWS c0ffee", "END REVIEWS c0ffee")
    read_back = json.loads(document)["reviews"]
    assert [(r["id"], r["text"]) for r in read_back] == [(own, text.shown) for own, text in batch.items()]
    assert all(len(r["text"]) <= LONGEST_TEXT for r in read_back)


def test_the_same_question_to_another_model_or_server_is_another():
    keys = {TEXT.key(model, url) for model in ("m", "n") for url in ("http://a/v1", "http://b/v1")}
    assert len(keys) == 4
    others = (ReviewText("x", "", 5.0), ReviewText(TEXT.shown, "", 4.0), ReviewText(TEXT.shown, "t", 5.0))
    assert TEXT.key("m", "http://a/v1") not in {other.key("m", "http://a/v1") for other in others}


def test_a_budget_has_room_until_it_is_spent_or_set_aside():
    budget = Budget(100)
    assert budget.reserve(60)
    assert not budget.reserve(60)
    budget.charge(60, 30)
    assert budget.reserve(60)
    assert (budget.spent, budget.reserved) == (30, 60)


def test_an_estimate_lies_below_what_is_set_aside_and_grows_with_the_texts():
    texts = [ReviewText("A text of some words. " * 5, "Title", 5.0)] * BATCH
    asked = messages({str(n): text for n, text in enumerate(texts)}, "m")
    assert 0 < estimate_all(texts[:10]) < estimate_all(texts) < most_tokens(asked, BATCH)
    assert most_tokens(asked, BATCH) > longest_answer(BATCH)


def test_what_was_remembered_and_makes_no_sense_is_asked_again():
    class Memory:
        def get(self, keys):
            from outlast import Fact

            return {key: [Fact(key, value)] for key, value in facts.items() if key in keys}

        def put(self, facts, *, keep):
            raise AssertionError

    good = {"suspicion": 90, "reasons": ["generic_praise"], "start": 0, "end": 5}
    facts = {"good": good, "long": {**good, "end": 999}, "odd": {**good, "reasons": ["x"]}, "none": None, "no": []}
    remembered = JudgementCache(Memory(), "u", "m")
    assert remembered.find(dict.fromkeys(facts, TEXT)) == {"good": Judgement(90, ("generic_praise",), 0, 5)}
    assert request_format_from({"form": "telepathy"}) == RequestFormat() == remembered.request_format()
    assert request_format_from(RequestFormat(form="text", temperature=False).as_json()) == RequestFormat(
        form="text", temperature=False
    )


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("http://localhost:11434/v1", "on this site's own machine"),
        ("http://127.0.0.1:8080/v1", "on this site's own machine"),
        ("http://[::1]/v1", "on this site's own machine"),
        ("http://ollama:11434/v1", "in this site's own network"),
        ("http://gpu.internal/v1", "in this site's own network"),
        ("http://10.1.2.3/v1", "in this site's own network"),
        ("https://api.openai.com/v1", "at api.openai.com"),
        ("https://8.8.8.8/v1", "at 8.8.8.8"),
    ],
)
def test_visitors_are_told_where_texts_go_and_nothing_of_the_network(url, told):
    assert describe_server(url) == told


@pytest.mark.parametrize(
    ("answer", "for_all"),
    [
        ([Judgement(10)] * 20, True),
        ([Judgement(90, ("generic_praise",), 0, 5), *[Judgement(10)] * 19], True),
        ([Judgement(90, ("generic_praise",), 0, 5)] * 20, False),
        ([Judgement(90, ("speaks_to_machines",), 0, 5), *[Judgement(10)] * 19], False),
    ],
)
def test_an_answer_that_a_text_may_have_led_astray_is_remembered_for_its_own_source_alone(answer, for_all):
    kept = {}

    class Memory:
        def get(self, keys):
            return {key: [kept[key]] for key in keys if key in kept}

        def put(self, facts, *, keep):
            kept.update({fact.key: fact for fact in facts})

    texts = {f"{n}": TEXT for n in range(20)}
    judged = dict(zip(texts, answer, strict=True))
    JudgementCache(Memory(), "u", "m", "upload:1").save(judged)
    assert JudgementCache(Memory(), "u", "m", "upload:1").find(texts) == judged
    assert (JudgementCache(Memory(), "u", "m", "upload:2").find(texts) == judged) is for_all
