"""What the checks count with: chance, days with spikes, independent looks, similar sets, words and progress."""

import math
from array import array

import pytest
from review_data import invented, no_op

from outlast_reviews.checks import PROGRESS, checks, run_checks
from outlast_reviews.checks.burst import Spike, find_spikes, non_overlapping
from outlast_reviews.checks.finding import part_of
from outlast_reviews.checks.incentive import mostly_known
from outlast_reviews.checks.significance import fisher_tail, independent_tests, poisson_tail
from outlast_reviews.checks.similar_sets import similar_groups, spread
from outlast_reviews.checks.stars_text import is_english
from outlast_reviews.checks.words import MOST_WORDS, shingles_of, spans_of, words_of


def everybody(_one: int, _other: int) -> bool:
    return True


@pytest.mark.parametrize(("count", "expected"), [(1, 0.2), (3, 2.9), (3, 3.0), (3, 3.1), (40, 10.0), (9, 30.0)])
def test_a_poisson_tail_is_the_sum_of_what_is_as_much_or_more(count, expected):
    terms = (math.exp(k * math.log(expected) - expected - math.lgamma(k + 1)) for k in range(count, 400))
    assert poisson_tail(count, expected) == pytest.approx(math.fsum(terms), rel=1e-9)


@pytest.mark.parametrize("table", [(6, 10, 2, 10), (1, 10, 9, 10), (5, 10, 5, 10), (0, 4, 3, 9), (4, 4, 0, 9)])
def test_a_fisher_tail_is_the_sum_over_all_tables_as_lopsided_or_more(table):
    inside, inside_all, outside, outside_all = table
    hits, everything = inside + outside, inside_all + outside_all
    ways = sum(
        math.comb(hits, k) * math.comb(everything - hits, inside_all - k)
        for k in range(inside, min(hits, inside_all) + 1)
    )
    assert fisher_tail(*table) == pytest.approx(ways / math.comb(everything, inside_all), rel=1e-9)


class TestSpikes:
    """Days are numbers; one review a day for a hundred days, and more on some of them."""

    QUIET = tuple(range(1, 101))

    def found(self, *more: int) -> list[tuple[int, int, int, int]]:
        days = sorted([*self.QUIET, *more])
        return [(c.start, c.end, c.first, c.after) for c in non_overlapping(find_spikes(days, no_op))]

    def test_a_spike_is_found_with_its_reviews(self):
        assert self.found(*[50] * 12) == [(50, 50, 49, 62)]

    def test_a_stretch_of_days_is_found_as_one(self):
        ((start, end, first, after),) = self.found(*[50] * 8, *[51] * 8, *[52] * 8)
        assert (start, end, after - first) == (50, 52, 27)

    def test_two_far_apart_are_two_in_order_of_time(self):
        assert [spike[:2] for spike in self.found(*[80] * 20, *[20] * 12)] == [(20, 20), (80, 80)]

    def test_fewer_than_eight_are_no_spike(self):
        sparse = [1, 200, *[100] * 7]
        assert find_spikes(sorted(sparse), no_op) == []
        assert find_spikes(sorted([*sparse, 100]), no_op) != []

    def test_the_least_likely_stands_first_and_its_chance_counts_all_stretches(self):
        days = sorted([*self.QUIET, *[20] * 12, *[80] * 30])
        found = find_spikes(days, no_op)
        assert found[0].start == found[0].end == 80
        assert [spike.chance for spike in found] == sorted(spike.chance for spike in found)
        usual = 56 / 56  # one a day in the four weeks before and after
        assert found[0].chance == pytest.approx(poisson_tail(31, usual) * 100 * 8, rel=1e-6)

    def test_an_edge_has_surroundings_on_one_side(self):
        days = sorted([*self.QUIET, *[1] * 12])
        first = next(spike for spike in find_spikes(days, no_op) if spike.end == 1)
        assert first.chance == pytest.approx(poisson_tail(13, 1.0) * 100 * 8, rel=1e-6)

    def test_twice_as_many_is_the_least(self):
        busy = [day for day in range(1, 101) for _ in range(100)]
        assert non_overlapping(find_spikes(sorted([*busy, *[50] * 95]), no_op)) == []
        assert len(non_overlapping(find_spikes(sorted([*busy, *[50] * 105]), no_op))) == 1

    def test_a_stretch_of_a_third_of_all_days_is_the_longest(self):
        short = sorted([1, 2, 3, 4, 5, 6, *[3] * 30, *[4] * 30])
        assert {c.end - c.start + 1 for c in find_spikes(short, no_op)} <= {1, 2}

    def test_what_chance_gives_more_than_once_in_twenty_is_no_spike(self):
        busier = sorted([*self.QUIET, *range(2, 101, 2)])  # three in two days
        assert 0.05 < poisson_tail(8, 1.5) * 100 * 8 < 1
        assert find_spikes(sorted([*busier, *[50] * 6]), no_op) == []
        assert find_spikes(sorted([*busier, *[50] * 9]), no_op) != []

    def test_those_that_touch_are_one_and_the_first_named_stays(self):
        def spike(start: int, end: int) -> Spike:
            return Spike(0.0, start, end, 0, 0)

        first, touching, after, before = spike(5, 7), spike(7, 9), spike(8, 9), spike(1, 4)
        assert non_overlapping([first, touching, after, before]) == [before, first, after]
        assert non_overlapping([touching, first]) == [touching]
        assert non_overlapping([spike(7, 7), first]) == [spike(7, 7)]

    def test_at_most_two_hundred_are_told(self):
        days = [day for n in range(260) for day in [100 * n] * 20]
        assert len(find_spikes(sorted([*days, *range(0, 26_000, 20)]), no_op)) == 200


@pytest.mark.slow
@pytest.mark.parametrize(
    ("slices", "least", "most"),
    [
        ([], 1.0, 1.0),
        ([(0, 10)], 1.0, 1.0),
        ([(0, 100), (0, 50)], 1.0, 1.0),  # all of them is no look
        ([(0, 10), (0, 10)], 1.0, 1.3),
        ([(0, 10), (50, 60)], 1.6, 2.0),
        ([(n * 10, n * 10 + 10) for n in range(10)], 7.0, 10.0),
        ([(n, n + 30) for n in range(40)], 5.0, 20.0),
    ],
)
def test_looks_at_the_same_count_once_and_looks_apart_each(slices, least, most):
    looks = independent_tests(slices, 100)
    assert least <= looks <= most
    assert looks == independent_tests(slices, 100)


def test_what_stands_apart_from_the_longest_stretch_is_counted():
    yes, no = True, False
    assert spread([]) == spread([no]) == spread([yes, yes]) == 0
    assert spread([yes, no, yes]) == 1
    assert spread([yes, yes, no, yes, no, yes, yes, yes]) == 3


def test_groups_are_joined_over_others_and_only_where_it_is_allowed():
    one, two, three = array("I", range(9)), array("I", range(3, 12)), array("I", range(6, 15))
    assert similar_groups([one, two, three], everybody, no_op) == [[0, 1, 2]]
    assert similar_groups([one, two, three], lambda a, b: {a, b} != {1, 2}, no_op) == [[0, 1]]


@pytest.mark.parametrize(
    ("shared", "size", "loosely", "alike"),
    [
        (16, 32, (True, True), True),
        (16, 32, (True, False), False),
        (16, 32, (False, True), False),
        (13, 32, (True, True), True),  # of 51 different ones
        (12, 32, (True, True), False),  # of 52
        (10, 20, (True, True), True),
        (9, 20, (True, True), False),  # nearly a third, but fewer than ten
    ],
)
def test_long_texts_may_share_a_quarter_in_several_places(shared, size, loosely, alike):
    """Every other number is shared, so that no stretch is long."""

    def woven(own: int) -> array:
        return array("I", [at // 2 if at % 2 == 0 and at // 2 < shared else own + at for at in range(size)])

    assert bool(similar_groups([woven(1_000), woven(2_000)], everybody, no_op, loosely=loosely)) is alike


def test_one_long_stretch_in_common_is_no_copy():
    common = range(16)
    sets = [array("I", [*range(base, base + 16), *common]) for base in (1_000, 2_000)]
    assert similar_groups(sets, everybody, no_op, loosely=[True, True]) == []


def test_progress_of_comparing_only_grows():
    told: list[float] = []
    similar_groups([array("I", [n * 10 + k for k in range(8)]) for n in range(1_100)], everybody, told.append)
    assert told == sorted(told)
    assert (told[0], told[-1]) == (0, pytest.approx(0.2 + 0.8 * 1_024 / 1_100))


def test_progress_of_a_part_is_told_as_its_share_of_the_whole():
    told: list[float] = []
    half = part_of(told.append, 0.5, 0.75)
    half(0)
    half(0.5)
    half(1)
    assert told == [0.5, 0.625, 0.75]


@pytest.mark.slow
def test_the_bar_of_all_checks_grows_to_its_end_and_names_each():
    told: list[tuple[int, int, str]] = []
    findings = run_checks(invented(600), lambda done, total, message: told.append((done, total, message)))
    planned = checks()
    whole = PROGRESS * sum(one.work for one in planned)
    assert [finding.name for finding in findings] == [
        *("near_copies", "reviewer_overlap", "burst", "incentive", "unverified", "stars_text"),
        *("marketing_text", "vanished", "buyers"),
    ]
    assert {total for _, total, _ in told} == {whole} == {1_000}
    done = [done for done, _, _ in told]
    assert done == sorted(done)
    assert (told[0][0], told[-1]) == (0, (whole, whole, "All checks done"))
    starts = {message: at for at, _, message in reversed(told)}
    assert [starts[one.message] for one in planned] == [0, 600, 630, 750, 870, 880, 960, 980, 990]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Don't STOP, now!", ["don't", "stop", "now"]),
        ("'tis the end'", ["tis", "the", "end"]),
        ("Größe über ’alles’ d’eau", ["grösse", "über", "alles", "d'eau"]),
        ("snake_case 2x", ["snake", "case", "2x"]),
        ("枕头good", ["枕", "头", "good"]),
        ("", []),
    ],
)
def test_words_are_folded_and_without_punctuation(text, words):
    assert list(words_of(text).words) == words


def test_a_character_of_a_script_without_spaces_is_half_a_word_and_texts_are_cut():
    assert words_of("枕头很好").length == 2
    assert words_of("枕头 good").length == 2
    assert words_of("good pillow").length == 2
    for word in ("good ", "gut ü "):
        assert len(words_of(word * 3_000).words) == MOST_WORDS == len(spans_of(word * 3_000))


def test_places_are_those_of_the_words():
    text = "The “best” pillow, isn't it? 枕"
    assert [text[start:end].lower() for start, end in spans_of(text)] == list(words_of(text).words)
    assert len(shingles_of(words_of(text).words)) == 4
    assert shingles_of(("a", "b")) == []
    assert shingles_of(("a", "b", "c")) != shingles_of(("c", "b", "a"))


@pytest.mark.parametrize(
    ("texts", "known"),
    [
        ([], True),
        (["too short to tell"], True),
        (["Tämä on todella hyvä tyyny ja nukun sillä paremmin"], False),
        (["Tämä on todella hyvä tyyny ja nukun sillä paremmin", "これは枕"], True),
        (["Tämä on todella hyvä tyyny ja nukun sillä paremmin"] * 2 + ["これは枕"], False),
        (["the aaa bbb ccc ddd eee fff"], True),  # seven words say nothing
        (["the aaa bbb ccc ddd eee fff ggg"], False),  # one of eight is too few
        (["the and bbb ccc ddd eee fff ggg"], True),
    ],
)
def test_half_of_the_texts_must_be_in_a_language_whose_words_are_known(texts, known):
    assert mostly_known(texts) is known


@pytest.mark.parametrize(
    ("text", "english"),
    [
        ("it is", False),
        ("it is on my bed", True),
        ("it xx xx xx xx", True),
        ("it xx xx xx xx xx", False),
        ("IT is 1 2 3 on bed", False),
        ("das ist sehr gut für mich", False),
    ],
)
def test_a_text_is_english_by_a_fifth_of_its_words(text, english):
    assert is_english(text) is english
