"""Copies under different names are found, one person's repeats and honest texts are not."""

import dataclasses
import random
from array import array

import pytest
from hypothesis import given
from hypothesis import strategies as st
from reference_work import cost, least
from review_data import TEMPLATE, WORDS, copies, invented, no_op

from outlast_reviews.checks.near_copies import near_copies
from outlast_reviews.checks.similar_sets import similar_groups
from outlast_reviews.checks.words import shingles_of, words_of
from outlast_reviews.review import Review


def rows(finding) -> set[int]:
    return {sign.row for sign in finding.signs}


def test_copies_with_changed_words_are_strong_signs_among_honest_reviews():
    finding = near_copies([*invented(300), *copies(12, first_row=1001, changed=2)], no_op)
    assert finding.outcome == "found"
    assert rows(finding) == set(range(1001, 1013))
    assert {sign.strength for sign in finding.signs} == {"strong"}
    assert {sign.cluster for sign in finding.signs} == {1}


def test_honest_reviews_are_clear():
    finding = near_copies(invented(300), no_op)
    assert (finding.outcome, finding.signs) == ("clear", ())


def test_texts_of_fewer_than_eight_words_are_not_compared():
    short = [Review(row=n, text="five stars very good product thanks", reviewer=f"P{n}") for n in range(1, 40)]
    assert near_copies(short, no_op).outcome == "not_assessed"


def test_one_reviewer_may_repeat_herself():
    own = [dataclasses.replace(r, reviewer="Ann B.") for r in copies(5)]
    assert near_copies(own, no_op).outcome == "clear"


def test_a_reviewer_who_repeats_herself_is_found_when_another_copies_her():
    own = [dataclasses.replace(r, reviewer="Ann B.") for r in copies(3)]
    assert rows(near_copies([*own, *copies(1, first_row=9)], no_op)) == {1, 2, 3, 9}


@pytest.mark.parametrize("name", [None, "Amazon Customer"])
def test_unknown_reviewers_count_as_different(name):
    unnamed = [dataclasses.replace(r, reviewer=name) for r in copies(4)]
    finding = near_copies(unnamed, no_op)
    assert rows(finding) == {1, 2, 3, 4}
    assert {sign.strength for sign in finding.signs} == {"strong"}


def test_unnamed_rows_alike_in_every_field_may_be_one_review_and_weigh_less():
    alike = [Review(row=n, text=TEMPLATE, rating=5.0) for n in (1, 2)]
    assert {sign.strength for sign in near_copies(alike, no_op).signs} == {"medium"}
    named = [dataclasses.replace(r, reviewer=f"P{r.row}") for r in alike]
    assert {sign.strength for sign in near_copies(named, no_op).signs} == {"strong"}


def test_clusters_are_numbered_from_the_largest():
    other = " ".join(WORDS[10:50])
    pair = [Review(row=n, text=other, reviewer=f"Q{n}") for n in (1, 2)]
    finding = near_copies([*pair, *copies(3, first_row=10)], no_op)
    assert {sign.row: sign.cluster for sign in finding.signs} == {1: 2, 2: 2, 10: 1, 11: 1, 12: 1}


def test_quotes_are_parts_of_the_text_that_others_share():
    ours, theirs = copies(2, changed=1)
    shared = set(shingles_of(words_of(ours.text).words)) & set(shingles_of(words_of(theirs.text).words))
    texts = {ours.row: ours.text, theirs.row: theirs.text}
    signs = near_copies([ours, theirs], no_op).signs
    assert {sign.row for sign in signs} == set(texts)
    for sign in signs:
        text = texts[sign.row]
        assert all(quote in text for quote in sign.quotes)
        assert {x for quote in sign.quotes for x in shingles_of(words_of(quote).words)} == shared


def test_neither_order_nor_ids_change_the_answer():
    reviews = [*invented(100), *copies(9, first_row=500)]
    shuffled = [dataclasses.replace(r, review_id=f"x{n}") for n, r in enumerate(reviews)]
    random.Random(5).shuffle(shuffled)
    first, second = near_copies(reviews, no_op), near_copies(shuffled, no_op)
    assert (first.sentence, sorted(first.signs, key=str)) == (second.sentence, sorted(second.signs, key=str))


def reworded(text: str, *places: int) -> str:
    return " ".join(f"other{n}" if n in places else word for n, word in enumerate(text.split()))


@pytest.mark.parametrize(("length", "outcome"), [(19, "clear"), (20, "found")])
def test_from_twenty_words_on_texts_may_be_alike_by_less(length, outcome):
    text = " ".join(WORDS[:length])
    pair = [Review(row=1, text=text, reviewer="A"), Review(row=2, text=reworded(text, 0, 5, 11, 19), reviewer="B")]
    assert near_copies(pair, no_op).outcome == outcome


def test_a_text_that_is_no_copy_yet_is_looked_at_again_once_its_model_has_joined():
    text = " ".join(WORDS[:15])
    copied = [Review(row=n, text=text, reviewer=f"A{n}") for n in (1, 2, 3)]
    joins = Review(row=4, text=reworded(text, 1, 5), reviewer="B")
    joins_then = Review(row=5, text=reworded(text, 1, 5, 9, 13), reviewer="C")
    assert rows(near_copies([*copied, joins_then], no_op)) == {1, 2, 3}
    assert rows(near_copies([*copied, joins, joins_then], no_op)) == {1, 2, 3, 4, 5}


def test_texts_without_spaces_are_compared_by_characters():
    text = "这个枕头非常舒服我睡得很好推荐给大家购买"
    finding = near_copies([Review(row=1, text=text), Review(row=2, text=text + "谢谢")], no_op)
    assert rows(finding) == {1, 2}
    assert (
        near_copies([Review(row=1, text=text[:9]), Review(row=2, text=text[:9])], no_op).outcome == "not_assessed"
    )


def test_one_word_over_and_over_is_no_text_to_compare():
    many = [Review(row=n, text="good " * 50, reviewer=f"P{n}") for n in range(1, 9)]
    assert near_copies(many, no_op).outcome == "not_assessed"


@pytest.mark.slow
def test_thousands_of_copies_of_one_template_meet_in_one_cluster():
    finding = near_copies(copies(1_500, changed=2), no_op)
    assert len(finding.signs) > 1_490
    assert {sign.cluster for sign in finding.signs} == {1}


def test_it_reports_how_far_it_is_and_can_be_stopped():
    class StopError(Exception):
        pass

    def stop(share: float) -> None:
        assert 0 <= share <= 1
        raise StopError

    with pytest.raises(StopError):
        near_copies(copies(3), stop)


@pytest.mark.parametrize(("shared", "alike"), [(6, True), (5, False)])
def test_half_of_all_is_enough_and_less_is_not(shared, alike):
    one, other = array("I", range(9)), array("I", [*range(shared), *range(100, 109 - shared)])
    assert bool(similar_groups([one, other], lambda _a, _b: True, no_op)) == alike


SETS = st.lists(st.frozensets(st.integers(0, 9), min_size=1, max_size=8), max_size=10)


@pytest.mark.slow
@given(SETS)
def test_groups_are_those_that_comparing_every_pair_gives(sets):
    found = similar_groups([array("I", sorted(s)) for s in sets], lambda _a, _b: True, no_op)
    naive = list(range(len(sets)))
    for a, one in enumerate(sets):
        for b, other in enumerate(sets[:a]):
            if len(one & other) >= 0.5 * len(one | other):
                old, new = naive[a], naive[b]
                naive = [new if x == old else x for x in naive]
    groups = {tuple(n for n, x in enumerate(naive) if x == key) for key in naive if naive.count(key) > 1}
    assert {tuple(group) for group in found} == groups


def test_shingles_are_the_same_on_every_machine():
    assert shingles_of(("a", "b", "c", "d")) == [2472668549, 552765790]


SENTENCE = " I received this product at a discount in exchange for my honest and unbiased review."


@pytest.mark.slow
def test_a_disclosure_that_many_use_as_they_are_told_makes_no_copies():
    told = [dataclasses.replace(r, text=r.text + SENTENCE) for r in invented(100)]
    assert near_copies(told, no_op).outcome == "clear"
    copied = [dataclasses.replace(r, text=r.text + SENTENCE) for r in copies(5, first_row=500)]
    assert rows(near_copies([*told, *copied], no_op)) == {500, 501, 502, 503, 504}


def test_one_long_stretch_in_common_is_a_stock_sentence_and_several_are_a_copy():
    stock = " ".join(WORDS[:16])
    own = [" ".join(f"{w}{n}" for w in WORDS[20:40]) for n in range(2)]
    together = [Review(row=n, text=f"{text} {stock}", reviewer=f"P{n}") for n, text in enumerate(own)]
    assert near_copies(together, no_op).outcome == "clear"
    words = stock.split()
    apart = [
        Review(
            row=n,
            text=" ".join([*words[:5], *text.split()[:6], *words[5:10], *text.split()[6:9], *WORDS[50:60]]),
            reviewer=f"P{n}",
        )
        for n, text in enumerate(own)
    ]
    assert near_copies(apart, no_op).outcome == "found"


def test_a_short_text_of_a_campaign_is_known_by_its_words_in_their_order():
    """Two changed words of ten leave few of its runs: alone that is no sign, beside several copies it is."""
    short = "best pillow that we have ever had in this house"
    changed = short.replace("ever", "never").replace("best", "good")
    alone = [Review(row=n, text=t, reviewer=f"P{n}") for n, t in enumerate((short, changed))]
    assert near_copies(alone, no_op).outcome == "clear"
    campaign = [Review(row=10 + n, text=short, reviewer=f"Q{n}") for n in range(3)]
    other = Review(row=2, text="we have had many a pillow and this one is fine", reviewer="R")
    assert rows(near_copies([*campaign, alone[1], other], no_op)) == {1, 10, 11, 12}


@pytest.mark.slow
def test_many_groups_that_share_runs_cost_no_more_than_their_size():
    """A hostile file: what several of its copies share leads to thousands of groups."""
    core = " ".join(WORDS[:30])
    reviews = [
        Review(row=n, text=f"{core} " + " ".join(f"x{n // 3}y{k}" for k in range(60)), reviewer=f"P{n}")
        for n in range(3_000)
    ] + [
        Review(row=10_000 + n, text=f"{core} " + " ".join(f"z{n}y{k}" for k in range(40)), reviewer=f"R{n}")
        for n in range(3_000)
    ]

    def use() -> None:
        assert near_copies(reviews, no_op).outcome == "found"

    assert least(lambda: cost(use), 150) <= 150
