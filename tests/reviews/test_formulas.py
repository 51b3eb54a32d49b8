"""Sentences that everybody writes are no copies, in six languages; copies among them are found all the same."""

import datetime as dt
import random
from pathlib import Path

import pytest
from source_reading import read

from outlast_reviews.checks.formulas import formulas_in, without_formulas
from outlast_reviews.checks.incentive import incentive
from outlast_reviews.checks.near_copies import near_copies
from outlast_reviews.evaluate.languages import evaluate_languages
from outlast_reviews.invented.languages import LANGUAGES, Language, honest_reviews
from outlast_reviews.progress import ignore_progress
from outlast_reviews.review import Review

CASES = Path(__file__).parent / "cases"
FORMULAS = {
    "English": ("Thank you for the very quick delivery of my order.", "I will gladly buy from this shop again."),
    "German": (
        "Vielen Dank für die sehr schnelle Lieferung der Ware.",
        "Ich kaufe gerne wieder in diesem Shop ein.",
    ),
    "French": (
        "Merci beaucoup pour la livraison très rapide de ma commande.",
        "Je rachèterai volontiers chez ce vendeur.",
    ),
    "Spanish": (
        "Muchas gracias por el envío tan rápido de mi pedido.",
        "Volveré a comprar con gusto en esta tienda.",
    ),
    "Japanese": (
        "この度は迅速に対応していただきありがとうございました。",
        "また機会がありましたらよろしくお願いいたします。",
    ),
    "Chinese": ("非常感谢卖家这么快就发货给我。", "以后有机会还会再来这家店购买。"),
}
WORDS = {
    "English": [
        "lamp",
        "table",
        "garden",
        "paint",
        "corner",
        "handle",
        "drawer",
        "kitchen",
        "button",
        "cover",
        "morning",
        "neighbour",
        "cable",
        "summer",
        "candle",
        "wheel",
        "pocket",
        "ladder",
        "mirror",
        "basket",
        "window",
        "engine",
        "carpet",
        "shadow",
        "bottle",
    ],
    "German": [
        "Lampe",
        "Tisch",
        "Garten",
        "Farbe",
        "Ecke",
        "Griff",
        "Schublade",
        "Küche",
        "Knopf",
        "Deckel",
        "Morgen",
        "Nachbar",
        "Kabel",
        "Sommer",
        "Kerze",
        "Rad",
        "Tasche",
        "Leiter",
        "Spiegel",
        "Korb",
        "Fenster",
        "Motor",
        "Teppich",
        "Schatten",
        "Flasche",
    ],
    "French": [
        "lampe",
        "table",
        "jardin",
        "peinture",
        "coin",
        "poignée",
        "tiroir",
        "cuisine",
        "bouton",
        "couvercle",
        "matin",
        "voisin",
        "câble",
        "été",
        "bougie",
        "roue",
        "poche",
        "échelle",
        "miroir",
        "panier",
        "fenêtre",
        "moteur",
        "tapis",
        "ombre",
        "bouteille",
    ],
    "Spanish": [
        "lámpara",
        "mesa",
        "jardín",
        "pintura",
        "esquina",
        "asa",
        "cajón",
        "cocina",
        "botón",
        "tapa",
        "mañana",
        "vecino",
        "cable",
        "verano",
        "vela",
        "rueda",
        "bolsillo",
        "escalera",
        "espejo",
        "cesta",
        "ventana",
        "motor",
        "alfombra",
        "sombra",
        "botella",
    ],
    "Japanese": list("犬猫山川花木空海星月火水金土石草虫魚鳥馬羊牛竹米茶"),
    "Chinese": list("桌椅灯窗门墙床柜杯碗盘刀布纸笔书包鞋帽衣裤袜镜梳伞"),
}


def own_words(language: str, rng: random.Random, count: int) -> str:
    unspaced = language in {"Japanese", "Chinese"}
    words = [rng.choice(WORDS[language]) for _ in range(2 * count if unspaced else count)]
    return f"{''.join(words)}。" if unspaced else f"{' '.join(words)}."


def honest(language: str, count: int, rng: random.Random) -> list[Review]:
    opening, closing = FORMULAS[language]
    texts = []
    for _ in range(count):
        parts = [own_words(language, rng, rng.randint(8, 20))]
        parts = ([opening] if rng.random() < 0.6 else []) + parts + ([closing] if rng.random() < 0.6 else [])
        texts.append(("" if language in {"Japanese", "Chinese"} else " ").join(parts))
    return [Review(n, text=text, reviewer=f"writer {n}", rating=5.0) for n, text in enumerate(texts, start=1)]


def changed(text: str, language: str, share: float, rng: random.Random) -> str:
    unspaced = language in {"Japanese", "Chinese"}
    words = list(text) if unspaced else text.split()
    for at in rng.sample(range(len(words)), round(share * len(words))):
        words[at] = rng.choice(WORDS[language])
    return ("" if unspaced else " ").join(words)


@pytest.mark.parametrize("language", FORMULAS)
def test_honest_reviews_between_formulas_are_clear(language: str):
    assert near_copies(honest(language, 300, random.Random(1)), ignore_progress).outcome == "clear"


@pytest.mark.parametrize(("share", "recall"), [(0.0, 1.0), (0.05, 0.95), (0.1, 0.7)])
@pytest.mark.parametrize("language", FORMULAS)
def test_copies_between_formulas_are_found(language: str, share: float, recall: float):
    rng = random.Random(2)
    reviews = honest(language, 200, rng)
    template = f"{FORMULAS[language][0]} {own_words(language, rng, 14)} {own_words(language, rng, 10)}"
    copies = [
        Review(n, text=changed(template, language, share, rng), reviewer=f"writer {n}", rating=5.0)
        for n in range(201, 221)
    ]
    found = near_copies([*reviews, *copies], ignore_progress)
    rows = {sign.row for sign in found.signs if sign.strength == "strong"}
    assert len(rows & set(range(201, 221))) >= recall * 20
    assert rows <= set(range(201, 221))


def test_honest_notes_of_thanks_are_no_copies():
    found = read((CASES / "jp2.csv").read_text(encoding="utf-8"))
    assert near_copies(found.reviews, ignore_progress).outcome == "clear"


def test_a_few_equal_words_are_a_medium_sign():
    texts = ["the most comfortable pillow that I have ever had", "a fine lamp with a very long and sturdy cable"]
    reviews = [Review(n, text=texts[n // 2], reviewer=f"writer {n}") for n in range(3)]
    assert {sign.strength for sign in near_copies(reviews, ignore_progress).signs} == {"medium"}


def test_many_texts_of_one_writer_do_not_join_those_of_others():
    own = [
        Review(n, text=f"formula one two three four five six seven {n} {n} end", reviewer="one") for n in range(60)
    ]
    other = Review(99, text="formula one two three four five six seven 4 4 end", reviewer="two")
    found = near_copies([*own, other], ignore_progress)
    assert len({sign.row for sign in found.signs}) <= len(own) + 1
    assert near_copies(own, ignore_progress).outcome == "clear"


@pytest.mark.slow
@pytest.mark.parametrize("language", LANGUAGES, ids=lambda language: language.name)
def test_honest_reviews_put_together_from_the_same_phrases_are_clear(language: Language):
    reviews = list(honest_reviews(language, 500, 7))
    assert "strong" not in {sign.strength for sign in near_copies(reviews, ignore_progress).signs}


@pytest.mark.slow
def test_copies_among_phrases_that_honest_reviews_share_are_found_in_every_language():
    figures = evaluate_languages(500, lambda _done, _total, _message: None)
    assert {figure.value for figure in figures.false_copies.values()} == {0.0}
    assert {edits for (_, edits), figure in figures.copies.items() if figure.value == 1.0} >= {0.0, 0.05}
    assert all(
        (figure.value or 0) >= {0.0: 1, 0.05: 0.95, 0.1: 0.7}[e] for (_, e), figure in figures.copies.items()
    )


def test_a_chain_of_texts_each_a_little_like_the_next_is_no_group():
    words = [f"word{n}" for n in range(400)]
    chain = [
        Review(n, text=" ".join(words[6 * n : 6 * n + 24]), reviewer=f"writer {n}", rating=5.0) for n in range(60)
    ]
    assert near_copies(chain, ignore_progress).outcome == "clear"
    copied = [Review(100 + n, text=chain[30].text, reviewer=f"copier {n}", rating=5.0) for n in range(40)]
    rows = {sign.row for sign in near_copies([*chain, *copied], ignore_progress).signs}
    assert rows >= {review.row for review in copied}
    assert rows <= {*range(28, 33), *(review.row for review in copied)}


def test_one_sentence_in_common_with_a_copied_text_is_no_copy():
    copied = "The cable is long enough for the far socket. My sister took it to the caravan. It was cold there."
    other = (
        "The cable is long enough for the far socket. Our old one broke in May and nobody could mend it any more."
    )
    copies = [Review(n, text=copied, reviewer=f"copier {n}", rating=5.0) for n in range(5)]
    honest = Review(9, text=other, reviewer="honest", rating=4.0)
    assert {sign.row for sign in near_copies([*copies, honest], ignore_progress).signs} == set(range(5))


def test_a_sign_counts_the_reviews_of_other_writers_alone():
    text = "I bought this lamp for my desk and it has lit every single evening since then"
    reviews = [Review(n, text=f"{text} {'x' * n}", reviewer="one", rating=5.0) for n in range(6)]
    reviews.append(Review(9, text=text, reviewer="two", rating=5.0))
    sentences = {sign.row: sign.sentence for sign in near_copies(reviews, ignore_progress).signs}
    assert sentences[0] == "Nearly the same words as another review under another name."
    assert sentences[9] == "Nearly the same words as 6 other reviews under different names."


def test_formulas_keep_the_places_of_the_rest():
    rng = random.Random(3)
    texts = [review.text for review in honest("English", 60, rng)]
    formulas = formulas_in(texts)
    assert {" ".join(words) for words in formulas} == {
        "thank you for the very quick delivery of my order", "i will gladly buy from this shop again",
    }  # fmt: skip
    for text in texts:
        rest = without_formulas(text, formulas)
        assert len(rest) == len(text)
        assert all(a in {b, " "} for a, b in zip(rest, text, strict=True))


@pytest.mark.parametrize(
    ("text", "rewarded"),
    [
        ("This is my second review for the gift card because the first one was cut off", False),
        ("I wrote this review for the gift card they promised", True),
        ("They give you five stars for a gift card", True),
    ],
)
def test_a_review_of_a_gift_card_is_no_reward(text: str, rewarded: bool):
    found = incentive([Review(1, text=text, rating=5.0)], ignore_progress)
    assert (found.outcome == "found") is rewarded


@pytest.mark.parametrize("named", [True, False])
def test_names_are_mentioned_only_where_there_are_some(named: bool):
    text = "I bought this lamp for my desk and it has lit every single evening since then"
    writers = [f"writer {n}" if named else None for n in (1, 2, 3)]
    copies = [Review(n, text=text, date=dt.date(2024, 1, n), reviewer=w) for n, w in enumerate(writers, start=1)]
    found = near_copies(copies, ignore_progress)
    assert found.different_names is named
    for sentence in (found.sentence, *(sign.sentence for sign in found.signs)):
        assert ("under different names" in sentence) is named
