"""Copies are shown as one text, and each of them as the words in which it differs."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outlast_reviews.pages.copies import collapsed

TEXT = "I bought this lamp for my desk and the light is gentle and clear all evening"
WORDS = st.lists(st.sampled_from(TEXT.split()), min_size=1, max_size=20)


def differences(text: str, copy: str) -> str:
    marks = {"same": "{}", "added": "+{}+", "left out": "-{}-"}
    (parts,) = collapsed(text, [copy]).differences
    return " ".join(marks[kind].format(words) for words, kind in parts)


@pytest.mark.parametrize(
    ("copy", "said"),
    [
        (TEXT, ""),
        (TEXT.replace("gentle", "soft"), "… light is -gentle- +soft+ and clear …"),
        (TEXT.replace("my desk", "my big desk"), "… for my +big+ desk and …"),
        (TEXT.replace(" and clear", ""), "… is gentle -and clear- all evening"),
        (f"Well, {TEXT}", "+Well,+ I bought …"),
        (
            TEXT.replace("lamp", "light").replace("for my", "for a"),
            "… bought this -lamp- +light+ for -my- +a+ desk and …",
        ),
        ("Something else altogether", "+Something else altogether+"),
        (f"…{TEXT[9:]}", ""),
        (f"{TEXT[:40]}…", ""),
    ],
)
def test_of_a_copy_its_own_words_are_shown_with_a_few_around_them(copy, said):
    assert differences(TEXT, copy) == said


def test_words_are_marked_in_the_text_of_all_where_many_copies_differ():
    copies = [TEXT, TEXT, TEXT.replace("gentle", "soft"), TEXT.replace("gentle", "bright")]
    assert [part for part, marked in collapsed(TEXT, copies).text if marked] == ["gentle"]
    rare = [*[TEXT] * 9, TEXT.replace("gentle", "soft")]
    assert collapsed(TEXT, rare).text == ((TEXT, False),)


@pytest.mark.slow
@given(WORDS, st.lists(WORDS, max_size=4))
def test_the_parts_are_words_of_the_copy_and_of_the_text_in_their_order(words, copies):
    text = " ".join(words)
    found = collapsed(text, [" ".join(copy) for copy in copies])
    assert " ".join(part for part, _ in found.text) == text
    for copy, parts in zip(copies, found.differences, strict=True):
        own = iter(copy)
        said = [word for part, kind in parts if kind != "left out" and part != "…" for word in part.split()]
        assert all(word in own for word in said)
        assert bool(parts) == (copy != words)
