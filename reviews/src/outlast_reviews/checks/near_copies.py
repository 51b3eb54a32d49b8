"""Check for near-duplicate texts under different names, by shingles of three words (pure)."""

from array import array
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from outlast_reviews.checks.disclosures import without_disclosures
from outlast_reviews.checks.finding import Advance, Finding, Sign, Strength, part_of
from outlast_reviews.checks.formulas import Sentence, formulas_in, without_formulas
from outlast_reviews.checks.similar_sets import LOOSE_SHARED, LOOSE_SPREAD, similar_groups, spread
from outlast_reviews.checks.words import SHINGLE, shingles_of, spans_of, words_of
from outlast_reviews.deduplicate import folded
from outlast_reviews.review import Review
from outlast_reviews.reviewers import identity

NAME, TITLE = "near_copies", "Near-identical texts"
LEAST_WORDS = 8
STRONG_WORDS = 12
"""From here on a copy is a strong sign: two people do write "the most comfortable pillow I have ever had"."""
CORE = 0.2
"""Share of a group's writers who have a run of words that is part of the group's core."""
LEAST_IN_CORE = 0.25
"""Share of a copy's three-word runs that are in the core."""
_LEAST_SHINGLES = 4
"""Different ones: "very very very very …" is no text to compare."""
LONG_WORDS = 20
"""From here on texts may be alike by less."""
LEAST_OF_CORE = 0.35
"""Share of a long text's three-word runs that several copies of a group have too: then it is one of them."""
LEAST_ALIKE = 0.8
"""Share of a short text's words that stand in the same order in a copy of such a group."""
_MOST_ROUNDS = 4
_MOST_CLUSTERS = 16
"""Clusters listed for one shingle."""
_MOST_SAMPLES = 8
"""Copies of a group that a short text is compared with."""
_MOST_QUOTES = 12
_READ, _COMPARED, _JOINED = 0.45, 0.85, 0.92
"""Shares of the work after which the texts are taken apart, compared, and put in groups."""


@dataclass(frozen=True, slots=True)
class _Text:
    """All reviews with the same set of shingles."""

    shingles: "array[int]"
    """Each once, in reading order."""
    reviews: tuple[Review, ...]
    words: float
    writers: frozenset[str]
    unknown_writers: int

    @property
    def by_several(self) -> bool:
        return len(self.writers) + self.unknown_writers > 1


def near_copies(reviews: Sequence[Review], advance: Advance, /) -> Finding:
    """Reviews that share at least half of their three-word runs with one by another reviewer.

    A review whose reviewer is unknown counts as by somebody else than every other.
    """
    formulas = _formulas(reviews)
    texts = _texts(reviews, part_of(advance, 0, _READ))
    compared = sum(len(text.reviews) for text in texts)
    if compared < 2:
        why = f"Fewer than two reviews have the {LEAST_WORDS} words we need to compare them."
        return Finding(NAME, TITLE, "not_assessed", why)
    found = _clusters(texts, part_of(advance, _READ, _JOINED))
    clusters = [kept for cluster in found if (kept := _checked(cluster, formulas))]
    if not clusters:
        whose = " under different names" if any(text.writers for text in texts) else ""
        sentence = f"No two of {compared:,} texts are copies{whose}."
        return Finding(NAME, TITLE, "clear", sentence)
    members = sum(len(text.reviews) for cluster in clusters for text in cluster)
    signs: list[Sign] = []
    for n, cluster in enumerate(clusters, start=1):
        for sign in _signs(n, cluster, formulas):
            signs.append(sign)
            if len(signs) % 256 == 0:
                advance(_JOINED + (1 - _JOINED) * len(signs) / members)
    where = f"in {len(clusters)} groups" if len(clusters) > 1 else "in one group"
    whose = " under different names" if any(text.writers for cluster in clusters for text in cluster) else ""
    sentence = f"{len(signs):,} reviews{whose} have nearly the same text, {where}."
    return Finding(NAME, TITLE, "found", sentence, tuple(signs))


def _formulas(reviews: Sequence[Review]) -> frozenset[Sentence]:
    """Formulas among the texts of different writers; of a known writer one text counts."""
    texts: dict[str, str] = {}
    for review in reviews:
        texts.setdefault(identity(review) or f"row {review.row}", review.text)
    return formulas_in([without_disclosures(text) for text in dict.fromkeys(texts.values())])


def _own_words(text: str, formulas: frozenset[Sentence]) -> str:
    """The text without formulas and without what writers were told to write; places stay the same."""
    return without_formulas(without_disclosures(text), formulas)


def _texts(reviews: Sequence[Review], advance: Advance) -> list[_Text]:
    """Group reviews by shingles, ordered by content alone."""
    by_shingles: dict[bytes, list[Review]] = {}
    lengths: dict[bytes, float] = {}
    for n, review in enumerate(reviews):
        if n % 256 == 0:
            advance(n / len(reviews) / 2)
        words = words_of(without_disclosures(review.text))
        shingles = array("I", dict.fromkeys(shingles_of(words.words)))
        if words.length >= LEAST_WORDS and len(shingles) >= _LEAST_SHINGLES:
            key = shingles.tobytes()
            by_shingles.setdefault(key, []).append(review)
            lengths[key] = max(words.length, lengths.get(key, 0))
    texts: list[_Text] = []
    for n, key in enumerate(sorted(by_shingles)):
        if n % 1_000 == 0:
            advance((1 + n / len(by_shingles)) / 2)
        texts.append(_text(key, lengths[key], by_shingles[key]))
    return texts


def _text(key: bytes, words: float, reviews: Sequence[Review]) -> _Text:
    shingles = array("I")
    shingles.frombytes(key)
    writers = [identity(review) for review in reviews]
    return _Text(shingles, tuple(reviews), words, frozenset(w for w in writers if w), writers.count(None))


def _clusters(texts: Sequence[_Text], advance: Advance) -> list[list[_Text]]:
    """The largest first, then by date."""

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
    groups += [[n] for n, text in enumerate(texts) if n not in grouped and text.by_several]
    clusters = [[texts[n] for n in group] for group in groups]
    grouped = {n for group in groups for n in group}
    others = [text for n, text in enumerate(texts) if n not in grouped]
    for turn in range(_MOST_ROUNDS):
        left = _COMPARED + (1 - _COMPARED) * turn / _MOST_ROUNDS
        others, before = _join_reworded(others, clusters, part_of(advance, left, 1)), len(others)
        if len(others) == before:
            break
    return sorted(clusters, key=sort_key)


def _checked(cluster: Sequence[_Text], formulas: frozenset[Sentence]) -> list[_Text]:
    """Keep the texts that are like the core of their group: what many writers have in common beside formulas.

    A chain of texts, each a little like the next, has no core, and neither have texts that share formulas alone.
    Returns none if the rest is one writer's.
    """
    kept = [(text, own) for text in cluster if (own := _own_shingles(text, formulas))]
    while kept:
        core = _core(kept)
        like = [(text, own) for text, own in kept if len(own & core) >= LEAST_IN_CORE * len(own)]
        if len(like) == len(kept):
            break
        kept = like
    names = {name for text, _ in kept for name in text.writers}
    several = len(names) + sum(text.unknown_writers for text, _ in kept) > 1
    return [text for text, _ in kept] if several else []


def _own_shingles(text: _Text, formulas: frozenset[Sentence]) -> frozenset[int]:
    if not formulas:
        return frozenset(text.shingles)
    return frozenset(shingles_of(words_of(_own_words(text.reviews[0].text, formulas)).words))


def _core(texts: Sequence[tuple[_Text, frozenset[int]]]) -> frozenset[int]:
    """The runs that two writers have, and a share of all; a writer counts once, however many texts are theirs."""
    writers: defaultdict[int, set[str]] = defaultdict(set)
    for n, (text, own) in enumerate(texts):
        names = [*text.writers, *(f"{n} {number}" for number in range(text.unknown_writers))]
        for shingle in own:
            writers[shingle].update(names)
    least = max(2, CORE * len(set[str]().union(*writers.values())))
    return frozenset(shingle for shingle, names in writers.items() if len(names) >= least)


def _join_reworded(others: Sequence[_Text], clusters: Sequence[list[_Text]], advance: Advance) -> list[_Text]:
    """Add to each cluster the texts that are made of its core, the runs that several of its texts share.

    Returns the texts that are left.
    Two copies with every fifth word changed share little with each other, but much with what all share.
    """
    clusters_by_shingle: dict[int, list[int]] = {}
    for n, cluster in enumerate(clusters):
        if sum(len(text.reviews) for text in cluster) > 2:
            for shingle, count in _counted(cluster).items():
                if count > 1 and len(listed := clusters_by_shingle.setdefault(shingle, [])) < _MOST_CLUSTERS:
                    listed.append(n)
    models = [[_folded_words(text) for text in cluster[:_MOST_SAMPLES]] for cluster in clusters]
    left: list[_Text] = []
    for n, text in enumerate(others):
        if n % 250 == 0:
            advance(n / len(others) / _MOST_ROUNDS)
        if clusters_by_shingle.keys().isdisjoint(text.shingles):
            left.append(text)
            continue
        hits = Counter(group for shingle in text.shingles for group in clusters_by_shingle.get(shingle, ()))
        best, shared = max(hits.items(), key=lambda hit: (hit[1], -hit[0]))
        if text.words < LONG_WORDS:
            reworded = _alike(text, models[best])
        else:
            reworded = shared >= max(LOOSE_SHARED, LEAST_OF_CORE * len(text.shingles)) and (
                spread([best in clusters_by_shingle.get(shingle, ()) for shingle in text.shingles]) >= LOOSE_SPREAD
            )
        if reworded:
            clusters[best].append(text)
        else:
            left.append(text)
    return left


def _counted(cluster: Sequence[_Text]) -> Counter[int]:
    counted: Counter[int] = Counter()
    for text in cluster:
        for shingle in text.shingles:
            counted[shingle] += len(text.reviews)
    return counted


def _alike(text: _Text, models: Sequence[Sequence[str]]) -> bool:
    """One changed word in a short text changes nearly half of its runs: its words themselves are compared."""
    words = _folded_words(text)
    return any(
        SequenceMatcher(None, words, model, autojunk=False).ratio() >= LEAST_ALIKE
        for model in models
        if 2 * min(len(words), len(model)) >= LEAST_ALIKE * (len(words) + len(model))  # else too long or too short
    )


def _folded_words(text: _Text) -> Sequence[str]:
    return words_of(without_disclosures(text.reviews[0].text)).words


def _first_date(cluster: Sequence[_Text]) -> str:
    return min((str(r.date) for text in cluster for r in text.reviews if r.date), default="")


def _signs(number: int, cluster: Sequence[_Text], formulas: frozenset[Sentence]) -> Iterator[Sign]:
    members = [review for text in cluster for review in text.reviews]
    is_short = max(text.words for text in cluster) < STRONG_WORDS
    strength: Strength = "medium" if is_short or _may_be_repeated_rows(members) else "strong"
    in_texts = Counter(x for text in cluster for x in text.shingles)
    others = len(members) - 1
    as_others = "another review" if others == 1 else f"{others:,} other reviews"
    whose = " under different names" if any(text.writers for text in cluster) else ""
    if is_short:
        sentence = f"Nearly the same few words as {as_others}{whose}; that may be chance."
    elif strength == "strong":
        sentence = f"Nearly the same words as {as_others}{whose}."
    else:
        sentence = f"Identical to {as_others}. Without names, this may be one review exported twice."
    for text in cluster:
        shared = {x for x in text.shingles if in_texts[x] > 1 or len(text.reviews) > 1}
        for review in sorted(text.reviews, key=lambda r: (str(r.date), r.row)):
            yield Sign(review.row, strength, sentence, _shared_runs(review.text, shared, formulas), cluster=number)


def _may_be_repeated_rows(members: Sequence[Review]) -> bool:
    """Without names, rows alike in every field are as likely one review that the export holds twice."""
    if any(identity(review) for review in members):
        return False
    return len({(folded(r.text), folded(r.title), r.date, r.rating) for r in members}) == 1


def _shared_runs(text: str, shared: set[int], formulas: frozenset[Sentence]) -> tuple[str, ...]:
    """The parts of the text that the cluster shares, the longest first."""
    own = _own_words(text, formulas)
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
