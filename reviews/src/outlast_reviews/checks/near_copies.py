"""Check for near-duplicate texts under different names, by shingles of three words (pure)."""

import zlib
from array import array
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import chain

from outlast import message, plural
from outlast_reviews.checks.disclosures import without_disclosures
from outlast_reviews.checks.finding import Advance, Finding, Sign, Strength, part_of
from outlast_reviews.checks.formulas import formulas_in, without_formulas
from outlast_reviews.checks.similar_sets import LOOSE_SHARED, LOOSE_SPREAD, similar_groups, spread
from outlast_reviews.checks.words import SHINGLE, shingles_of, spans_of, words_of
from outlast_reviews.deduplicate import folded
from outlast_reviews.progress import counted_progress
from outlast_reviews.review import Review
from outlast_reviews.reviewers import identity

NAME, TITLE = "near_copies", message("Near-identical texts")
LEAST_WORDS = 8
STRONG_WORDS = 12
"""From here on a copy is a strong sign: two people do write "the most comfortable pillow I have ever had"."""
LEAST_IN_COMMON = 11
"""Words that half of a small group's writers must share for a strong sign, and three in ten of a larger one's: a
sentence of eight words is anybody's.
"""
SMALL_GROUP = 6
CORE = 0.2
"""Share of a group's writers who have a run of words that is part of the group's core."""
LEAST_IN_CORE = 0.3
"""Share of a copy's three-word runs that are in the core."""
LEAST_IN_PAIR = 0.5
"""The same where there are only two writers."""
LEAST_COVERED = 0.35
"""Share of the core that is in a copy."""
COMMON, LEAST_COMMON = 0.001, 2
"""A run of words that more texts outside a group have than in it is nobody's copy, if it is in this share of all
texts and in so many more.
"""
_LEAST_SHINGLES = 4
"""Different ones: "very very very very …" is no text to compare."""
LONG_WORDS = 20
"""From here on texts may be alike by less."""
LEAST_OF_CORE = 0.35
"""Share of a long text's three-word runs that several copies of a group have too: then it is one of them."""
LEAST_ALIKE = 0.8
"""Share of a short text's words that stand in the same order in a copy of such a group."""
_MOST_ROUNDS = 4
_MOST_TRIMS = 8
_MOST_CORES = 8
"""Groups that one chain of texts can fall into."""
_MOST_CLUSTERS = 16
"""Clusters listed for one shingle."""
_MOST_SAMPLES = 8
"""Copies of a group that a short text is compared with."""
_MOST_QUOTES = 12
_FORMULAS, _READ, _GROUPED = 0.25, 0.55, 0.94
"""Shares of the work after which formulas are known, the texts are taken apart, and put in groups."""
_COMPARED, _JOINED, _COUNTED = 0.8, 0.88, 0.93
"""Shares of the grouping after which texts are compared, reworded ones joined, and runs of words counted."""


@dataclass(frozen=True, slots=True)
class _Text:
    """All reviews with the same set of shingles."""

    shingles: "array[int]"
    """Each once, in reading order, without those of formulas."""
    size: int
    """Their number with those of formulas."""
    reviews: tuple[Review, ...]
    words: float
    """Without formulas."""
    writers: frozenset[str]
    unknown_writers: int

    @property
    def writers_count(self) -> int:
        return len(self.writers) + self.unknown_writers


def near_copies(reviews: Sequence[Review], advance: Advance, /) -> Finding:
    """Reviews that share at least half of their three-word runs with one by another reviewer.

    A review whose reviewer is unknown counts as by somebody else than every other.
    """
    own_words = _own_words(reviews, part_of(advance, 0, _FORMULAS))
    texts = _texts(reviews, own_words, part_of(advance, _FORMULAS, _READ))
    compared = sum(len(text.reviews) for text in texts)
    if compared < 2:
        why = message("Fewer than two reviews have the {least} words we need to compare them.", least=LEAST_WORDS)
        return Finding(NAME, TITLE, "not_assessed", why)
    clusters = _clusters(texts, own_words, part_of(advance, _READ, _GROUPED))
    named = any(text.writers for text in texts)
    if not clusters:
        sentence = (
            message("No two of {texts:,} texts are copies under different names.", texts=compared)
            if named
            else message("No two of {texts:,} texts are copies.", texts=compared)
        )
        return Finding(NAME, TITLE, "clear", sentence)
    members = sum(len(text.reviews) for cluster in clusters for text in cluster)
    signs: list[Sign] = []
    for n, cluster in enumerate(clusters, start=1):
        for sign in _signs(n, cluster, own_words):
            signs.append(sign)
            if len(signs) % 256 == 0:
                advance(_GROUPED + (1 - _GROUPED) * len(signs) / members)
    different_names = any(text.writers for cluster in clusters for text in cluster)
    sentence = _found(len(signs), len(clusters), different_names=different_names)
    return Finding(NAME, TITLE, "found", sentence, tuple(signs), different_names=different_names)


def _found(reviews: int, groups: int, *, different_names: bool) -> str:
    if different_names:
        return plural(
            "{reviews:,} reviews under different names have nearly the same text, in one group.",
            "{reviews:,} reviews under different names have nearly the same text, in {n} groups.",
            groups,
            reviews=reviews,
        )
    return plural(
        "{reviews:,} reviews have nearly the same text, in one group.",
        "{reviews:,} reviews have nearly the same text, in {n} groups.",
        groups,
        reviews=reviews,
    )


def _own_words(reviews: Sequence[Review], advance: Advance) -> Callable[[str], str]:
    """A function that blanks, in a text, formulas and what writers were told to write; places stay the same.

    Formulas are those among the texts of different writers; of a known writer one text counts.
    """
    texts: dict[str, str] = {}
    same = Counter[str]()
    for review in counted_progress(reviews, part_of(advance, 0, 1 / 3)):
        writer = identity(review)
        same[review.text] += writer is None
        texts.setdefault(writer or f"{same[review.text]}\n{review.text}", without_disclosures(review.text))
    mixed = sorted(texts, key=lambda key: (zlib.crc32(key.encode("utf-8", "replace")), key))
    formulas = formulas_in([texts[key] for key in mixed], part_of(advance, 1 / 3, 1))
    return lambda text: without_formulas(without_disclosures(text), formulas)


def _texts(reviews: Sequence[Review], own_words: Callable[[str], str], advance: Advance) -> list[_Text]:
    """Group reviews by shingles, ordered by content alone."""
    by_shingles: dict[bytes, list[Review]] = {}
    for review in counted_progress(reviews, part_of(advance, 0, 1 / 2)):
        words = words_of(without_disclosures(review.text))
        shingles = array("I", dict.fromkeys(shingles_of(words.words)))
        if words.length >= LEAST_WORDS and len(shingles) >= _LEAST_SHINGLES:
            by_shingles.setdefault(shingles.tobytes(), []).append(review)
    keys = counted_progress(sorted(by_shingles), part_of(advance, 1 / 2, 1))
    return [_text(key, by_shingles[key], own_words) for key in keys]


def _text(key: bytes, reviews: Sequence[Review], own_words: Callable[[str], str]) -> _Text:
    words = words_of(own_words(min(reviews, key=lambda review: review.text).text))
    writers = [identity(review) for review in reviews]
    return _Text(
        array("I", dict.fromkeys(shingles_of(words.words))),
        len(key) // 4,
        tuple(reviews),
        words.length,
        frozenset(w for w in writers if w),
        writers.count(None),
    )


def _clusters(texts: Sequence[_Text], own_words: Callable[[str], str], advance: Advance) -> list[list[_Text]]:
    """The largest first, then by date."""
    texts = [text for text in texts if text.words >= LEAST_WORDS and len(text.shingles) >= _LEAST_SHINGLES]

    def sort_key(cluster: Sequence[_Text]) -> tuple[int, str, bytes]:
        return -sum(len(text.reviews) for text in cluster), _first_date(cluster), cluster[0].shingles.tobytes()

    def may_link(one: int, other: int) -> bool:
        a, b = texts[one], texts[other]
        return bool(a.unknown_writers or b.unknown_writers) or len(a.writers | b.writers) > 1

    groups = similar_groups(
        [text.shingles for text in texts],
        may_link,
        part_of(advance, 0, _COMPARED),
        loosely=[text.words >= LONG_WORDS for text in texts],
    )
    grouped = {n for group in groups for n in group}
    groups += [[n] for n, text in enumerate(texts) if n not in grouped and text.writers_count > 1]
    clusters = [[texts[n] for n in group] for group in groups]
    grouped = {n for group in groups for n in group}
    others = [text for n, text in enumerate(texts) if n not in grouped]
    for turn in range(_MOST_ROUNDS):
        start = _COMPARED + (_JOINED - _COMPARED) * turn / _MOST_ROUNDS
        before = len(others)
        others = _join_reworded(others, clusters, own_words, part_of(advance, start, _JOINED))
        if len(others) == before:
            break
    common = _common(texts, clusters, part_of(advance, _JOINED, _COUNTED))
    members, done = sum(map(len, clusters)), 0
    with_cores: list[list[_Text]] = []
    for cluster in clusters:
        start, done = done, done + len(cluster)
        part = part_of(part_of(advance, _COUNTED, 1), start / members, done / members)
        with_cores += _with_cores(cluster, common, part)
    return sorted(with_cores, key=sort_key)


def _common(
    texts: Sequence[_Text], clusters: Sequence[Sequence[_Text]], advance: Advance
) -> Callable[[int, int], bool]:
    """A function that says of a three-word run, which so many texts of a group have, whether it is common outside
    the group: what everybody writes is nobody's copy.
    """
    everywhere = dict.fromkeys(chain.from_iterable(text.shingles for cluster in clusters for text in cluster), 0)
    for text in counted_progress(texts, advance):
        writers = text.writers_count
        for shingle in filter(everywhere.__contains__, text.shingles):
            everywhere[shingle] += writers
    few = LEAST_COMMON + COMMON * sum(text.writers_count for text in texts)
    return lambda shingle, inside: everywhere[shingle] - inside > max(inside, few)


def _with_cores(
    cluster: Sequence[_Text], common: Callable[[int, int], bool], advance: Advance
) -> Iterator[list[_Text]]:
    """Take a chain of texts, each like the next, apart into groups with a core that each member is like.

    The core is what many writers of the group have in common and others have not. What is one writer's alone is no
    group. Nobody knows how many looks it takes: each is half of the progress that is left.
    """
    left, done = list(cluster), 0.0
    for _ in range(_MOST_CORES):
        kept = left
        for _ in range(_MOST_TRIMS):
            start, done = done, (1 + done) / 2
            like = _like_their_core(kept, common, part_of(advance, start, done))
            if len(like) == len(kept):
                break
            kept = like
        if not kept:
            return
        if len({name for text in kept for name in text.writers}) + sum(t.unknown_writers for t in kept) > 1:
            yield kept
        chosen = {id(text) for text in kept}
        left = [text for text in left if id(text) not in chosen]


def _like_their_core(texts: Sequence[_Text], common: Callable[[int, int], bool], advance: Advance) -> list[_Text]:
    """Of a writer with many texts, each run of words counts once."""
    having = _counted(texts, lambda text: text.writers_count)
    everybody = [_names(n, text) for n, text in enumerate(texts)]
    many = len(set[str]().union(*everybody))
    few = max(2, CORE * many)
    frequent = {x for x, n in having.items() if n >= few}
    writers: defaultdict[int, set[str]] = defaultdict(set)
    for text, names in counted_progress(list(zip(texts, everybody, strict=True)), advance):
        for shingle in filter(frequent.__contains__, text.shingles):
            writers[shingle].update(names)
    core = {x for x, names in writers.items() if len(names) >= few and not common(x, having[x])}
    share = LEAST_IN_PAIR if many < 3 else LEAST_IN_CORE
    return [
        text
        for text in texts
        if len(core.intersection(text.shingles)) >= max(share * text.size, LEAST_COVERED * len(core))
    ]


def _names(number: int, text: _Text) -> Sequence[str]:
    """The writers of a text, of which `number` tells those who are unknown apart from all others."""
    return [*text.writers, *(f"{number} {n}" for n in range(text.unknown_writers))]


def _join_reworded(
    others: Sequence[_Text], clusters: Sequence[list[_Text]], own_words: Callable[[str], str], advance: Advance
) -> list[_Text]:
    """Add to each cluster the texts that are made of its core, the runs that several of its texts share.

    Returns the texts that are left.
    Two copies with every fifth word changed share little with each other, but much with what all share.
    """
    clusters_by_shingle: dict[int, list[int]] = {}
    for n, cluster in enumerate(clusters):
        if sum(len(text.reviews) for text in cluster) > 2:
            for shingle, count in _counted(cluster, lambda text: len(text.reviews)).items():
                if count > 1 and len(listed := clusters_by_shingle.setdefault(shingle, [])) < _MOST_CLUSTERS:
                    listed.append(n)
    models = [[_folded_words(text, own_words) for text in cluster[:_MOST_SAMPLES]] for cluster in clusters]
    left: list[_Text] = []
    for text in counted_progress(others, part_of(advance, 0, 1 / _MOST_ROUNDS)):
        if clusters_by_shingle.keys().isdisjoint(text.shingles):
            left.append(text)
            continue
        hits = Counter(group for shingle in text.shingles for group in clusters_by_shingle.get(shingle, ()))
        best, shared = max(hits.items(), key=lambda hit: (hit[1], -hit[0]))
        if text.words < LONG_WORDS:
            reworded = _alike(_folded_words(text, own_words), models[best])
        else:
            reworded = shared >= max(LOOSE_SHARED, LEAST_OF_CORE * len(text.shingles)) and (
                spread([best in clusters_by_shingle.get(shingle, ()) for shingle in text.shingles]) >= LOOSE_SPREAD
            )
        if reworded:
            clusters[best].append(text)
        else:
            left.append(text)
    return left


def _counted(texts: Sequence[_Text], times: Callable[[_Text], int]) -> Counter[int]:
    """How often each run of words is in the texts, each as many `times` as it counts."""
    counted = Counter(chain.from_iterable(text.shingles for text in texts))
    for text in texts:
        if more := times(text) - 1:
            for shingle in text.shingles:
                counted[shingle] += more
    return counted


def _alike(words: Sequence[str], models: Sequence[Sequence[str]]) -> bool:
    """One changed word in a short text changes nearly half of its runs: its words themselves are compared."""
    return any(
        SequenceMatcher(None, words, model, autojunk=False).ratio() >= LEAST_ALIKE
        for model in models
        if 2 * min(len(words), len(model)) >= LEAST_ALIKE * (len(words) + len(model))  # else too long or too short
    )


def _folded_words(text: _Text, own_words: Callable[[str], str]) -> Sequence[str]:
    return words_of(own_words(text.reviews[0].text)).words


def _first_date(cluster: Sequence[_Text]) -> str:
    return min((str(r.date) for text in cluster for r in text.reviews if r.date), default="")


def _signs(number: int, cluster: Sequence[_Text], own_words: Callable[[str], str]) -> Iterator[Sign]:
    members = [review for text in cluster for review in text.reviews]
    repeated = _may_be_repeated_rows(members)
    in_texts = Counter[int]()
    for text in cluster:
        in_texts.update(dict.fromkeys(text.shingles, text.writers_count))
    writers = sum(text.writers_count for text in cluster)
    most = (0.5 if writers <= SMALL_GROUP else 0.3) * writers
    in_common = sum(times > max(1, most) for times in in_texts.values())
    of_writer = Counter(filter(None, map(identity, members)))
    for text in cluster:
        shared = {x for x in text.shingles if in_texts[x] > 1 or len(text.reviews) > 1}
        words_in_common = (in_common + SHINGLE - 1) * text.words / (len(text.shingles) + SHINGLE - 1)
        few = text.words < STRONG_WORDS or words_in_common < LEAST_IN_COMMON
        strength: Strength = "medium" if repeated or few else "strong"
        for review in sorted(text.reviews, key=lambda r: (str(r.date), r.row)):
            others = len(members) - of_writer.get(identity(review) or "", 1)
            sentence = _sign_sentence(others, few=few, repeated=repeated, different_names=bool(of_writer))
            quotes = _shared_runs(review.text, own_words(review.text), shared)
            yield Sign(review.row, strength, sentence, quotes, cluster=number)


def _sign_sentence(others: int, *, few: bool, repeated: bool, different_names: bool) -> str:
    """Of a copy of so many other reviews; `repeated` ones have no names."""
    if few and different_names:
        return plural(
            "Nearly the same few words as another review under another name, which may be chance.",
            "Nearly the same few words as {n:,} other reviews under different names, which may be chance.",
            others,
        )
    if few:
        return plural(
            "Nearly the same few words as another review, which may be chance.",
            "Nearly the same few words as {n:,} other reviews, which may be chance.",
            others,
        )
    if repeated:
        return plural(
            "Identical to another review. Without names, this may be one review exported twice.",
            "Identical to {n:,} other reviews. Without names, this may be one review exported twice.",
            others,
        )
    if different_names:
        return plural(
            "Nearly the same words as another review under another name.",
            "Nearly the same words as {n:,} other reviews under different names.",
            others,
        )
    return plural(
        "Nearly the same words as another review.", "Nearly the same words as {n:,} other reviews.", others
    )


def _may_be_repeated_rows(members: Sequence[Review]) -> bool:
    """Without names, rows alike in every field are as likely one review that the export holds twice."""
    if any(identity(review) for review in members):
        return False
    return len({(folded(r.text), folded(r.title), r.date, r.rating) for r in members}) == 1


def _shared_runs(text: str, own: str, shared: set[int]) -> tuple[str, ...]:
    """The parts of the text that the cluster shares, the longest first; `own` is the text without formulas."""
    words, spans = words_of(own).words, spans_of(own)
    runs: list[tuple[int, int]] = []
    for start, shingle in enumerate(shingles_of(words)):
        if shingle not in shared:
            continue
        if runs and start <= runs[-1][1]:
            runs[-1] = (runs[-1][0], start + SHINGLE)
        else:
            runs.append((start, start + SHINGLE))
    longest = sorted(runs, key=lambda run: (run[0] - run[1], run[0]))[:_MOST_QUOTES]
    return tuple(text[spans[first][0] : spans[end - 1][1]] for first, end in longest)
