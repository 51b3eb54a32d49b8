"""Phrases are found with the gaps, words and sentences that they are made of, and no_op else."""

import re
from itertools import product

import pytest

from outlast_reviews.checks.disclosures import DISCLOSURES, OFFERS, disclosure, without_disclosures
from outlast_reviews.checks.phrases import SENTENCE_OF_KANJI, Phrase, SearchedText

WITHIN_FIVE = Phrase(("one", "uno"), ((5, ("two", "twos")),))


def found(text: str, phrase: Phrase) -> list[str]:
    return [text[start:end] for start, end in SearchedText(text).spans(phrase)]


@pytest.mark.parametrize(
    ("text", "spans"),
    [
        ("one two", ["one two"]),
        ("ONE Two", ["ONE Two"]),
        ("one 345 two", ["one 345 two"]),
        ("one 3456 two", []),
        ("one. two", []),
        ("one! two", []),
        ("one? two", []),
        ("one\n two", []),
        ("one, two.", ["one, two"]),
        ("onetwo", []),
        ("one_two", []),
        ("someone two", []),
        ("_one two", []),
        ("one two_", []),
        ("one twofold", []),
        ("one twos", ["one twos"]),
        ("uno two", ["uno two"]),
        ("two one", []),
        ("one", []),
        ("two", []),
        ("", []),
        ("one one two", ["one one two"]),
        ("one two two", ["one two"]),
        ("one two one two", ["one two", "one two"]),
        ("one ab one two", ["one two"]),
        ("İ one two", ["one two"]),
        ("one two. Then one two!", ["one two", "one two"]),
    ],
)
def test_a_gap_has_so_many_characters_of_one_sentence_between_whole_words(text, spans):
    assert found(text, WITHIN_FIVE) == spans


def test_a_pattern_between_two_parts_is_matched_exactly():
    phrase = Phrase(("one",), ((re.compile(" (?:a )?"), ("two",)),))
    assert found("one two, one a two, one b two, one  two", phrase) == ["one two", "one a two"]


def test_a_phrase_of_three_parts_needs_all_in_order():
    phrase = Phrase(("one",), ((3, ("two",)), (3, ("three",))))
    assert found("one two three", phrase) == ["one two three"]
    assert found("one two two three", phrase) == []
    assert found("one two. three", phrase) == []
    assert found("one three two", phrase) == []


def test_a_part_of_a_script_without_spaces_may_stand_within_words():
    phrase = Phrase(("無料で",), ((3, ("提供",)),), SENTENCE_OF_KANJI)
    assert found("私は無料で商品を提供します", phrase) == ["無料で商品を提供"]
    assert found("無料で商品。提供", phrase) == []
    assert found("無料で.提供", phrase) == ["無料で.提供"]


def _examples(phrase: Phrase) -> list[str]:
    """Each of its words once, with the least between its parts."""
    longest = max(len(part) for part in phrase.parts)
    texts: list[str] = []
    for n in range(longest):
        text = phrase.first[n % len(phrase.first)]
        for gap, part in phrase.rest:
            between = " " if isinstance(gap, int) or gap.fullmatch(" ") else ""
            text += ("" if phrase.ends == SENTENCE_OF_KANJI else between) + part[n % len(part)]
        texts.append(text)
    return texts


@pytest.mark.parametrize("phrase", DISCLOSURES, ids=lambda phrase: phrase.first[0])
def test_every_word_of_every_phrase_discloses(phrase):
    for text in _examples(phrase):
        assert disclosure(f"Well, {text}, fine.") is not None, text
        assert disclosure(f"WELL, {text.upper()}, FINE.") is not None, text


@pytest.mark.parametrize("phrase", OFFERS, ids=lambda phrase: phrase.first[0])
def test_of_an_offer_only_few_stars_make_a_warning(phrase):
    text = _examples(phrase)[0]
    assert [bool(disclosure(text, stars=stars)) for stars in (1.0, 2.0, 2.5, 5.0, None)] == [
        *(False, False),
        *(True, True, True),
    ]


FOR_REVIEW = "in exchange for my review"


@pytest.mark.parametrize(
    ("text", "discloses"),
    [
        (f"not {'x' * 36} {FOR_REVIEW}", True),  # the negation begins 40 characters before, and is cut
        (f"not {'x' * 35} {FOR_REVIEW}", False),
        (f"I did not. It came {FOR_REVIEW}", True),
        (f"I did not, it came {FOR_REVIEW}", False),
        (f"I didn't get it {FOR_REVIEW}", False),
        (f"I didn’t get it {FOR_REVIEW}", False),
        ("in exchange for no review", False),
        (f"{FOR_REVIEW} {'x' * 70} refused", False),
        (f"{FOR_REVIEW} {'x' * 80} refused", True),
        (f"They offered one {FOR_REVIEW} and I turned it down", False),
        (f"not {FOR_REVIEW}. But then it came {FOR_REVIEW}", True),
    ],
)
def test_a_denial_shortly_before_and_a_refusal_shortly_after_take_it_back(text, discloses):
    assert (disclosure(text) is not None) is discloses


def test_the_whole_sentence_is_blanked_up_to_a_hundred_characters_around():
    sentence = f"So I got it {FOR_REVIEW} of course!"
    assert without_disclosures(f"A. {sentence} B.") == f"A.{' ' * (len(sentence) + 1)} B."
    long = "x" * 120
    left = without_disclosures(f"{long} {FOR_REVIEW} {long}")
    assert left == "x" * 21 + " " * (99 + 1 + len(FOR_REVIEW) + 1 + 99) + "x" * 21
    japanese = f"無料で提供され、良い。 {FOR_REVIEW}。"
    assert without_disclosures(f"{japanese}次") == " " * len(japanese) + "次"


def test_the_first_five_sentences_are_blanked():
    left = without_disclosures(f"It came {FOR_REVIEW}. " * 7)
    assert left.strip() == f"It came {FOR_REVIEW}. It came {FOR_REVIEW}."
    assert len(left) == len(f"It came {FOR_REVIEW}. " * 7)


def test_two_disclosures_in_one_sentence_are_one():
    sentence = f"I received a free sample {FOR_REVIEW}. "
    assert without_disclosures(sentence * 5 + "Good.").strip() == "Good."


@pytest.mark.parametrize(
    ("negation", "end"), [*product(["not", "never", "without", "nobody"], [".", "!", "?", "\n"])]
)
def test_each_end_of_a_sentence_ends_a_denial(negation, end):
    assert disclosure(f"{negation}{end} {FOR_REVIEW}") is not None
    assert disclosure(f"{negation} {FOR_REVIEW}") is None
