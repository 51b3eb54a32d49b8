"""Every check says each of its outcomes in one sentence, with the numbers of the reviews that it looked at."""

import dataclasses
import datetime as dt
import random
from collections.abc import Sequence

import pytest
from review_data import WORDS, copies, invented, no_op

from outlast_reviews.checks.burst import burst
from outlast_reviews.checks.buyer_resemblance import buyer_resemblance
from outlast_reviews.checks.facts import EarlierReview, ReviewFacts, Sighting, review_mark, reviewer_mark
from outlast_reviews.checks.finding import Finding, Sign, Window
from outlast_reviews.checks.incentive import incentive
from outlast_reviews.checks.marketing_text import marketing_text
from outlast_reviews.checks.near_copies import near_copies
from outlast_reviews.checks.reviewer_overlap import reviewer_overlap
from outlast_reviews.checks.stars_text import stars_text
from outlast_reviews.checks.unverified import unverified
from outlast_reviews.checks.vanished import vanished
from outlast_reviews.review import Review

DAY = dt.date(2024, 5, 10)


def told(finding: Finding) -> tuple[str, str]:
    return finding.outcome, finding.sentence


def on(day: int, stars: float, row: int) -> Review:
    """So many days after the first."""
    return Review(row=row, rating=stars, date=dt.date(2024, 1, 1) + dt.timedelta(day), text="x")


class TestBurst:
    """One review every other day, of three stars; on top of them spikes of five stars."""

    QUIET = tuple(on(2 * n, 3.0, n) for n in range(1, 101))

    def spike(self, day: int, count: int, stars: float = 5.0, days: int = 1) -> list[Review]:
        return [on(day + n % days, stars, 1_000 * day + n) for n in range(count)]

    def test_a_burst_of_one_day(self):
        finding = burst([*self.QUIET, *self.spike(51, 20)], no_op)
        assert told(finding) == (
            "found",
            (
                "Many more reviews than usual came on 21 February 2024, and 100% of them give five stars, 0% at"
                " other times."
            ),
        )
        assert finding.windows == (Window(dt.date(2024, 2, 21), dt.date(2024, 2, 21), 20),)
        sentence = "100% of the 20 reviews on 21 February 2024 give five stars, against 0% at other times."
        assert finding.signs == tuple(Sign(51_000 + n, "medium", sentence) for n in range(20))

    def test_two_bursts_are_both_told_in_order_of_time(self):
        finding = burst([*self.QUIET, *self.spike(151, 30), *self.spike(51, 20, days=2)], no_op)
        assert told(finding) == (
            "found",
            (
                "Many more reviews than usual came from 21 to 22 February 2024 and on 31 May 2024, and 98% of"
                " them give five stars, 0% at other times."
            ),
        )
        assert [(w.start, w.end, w.count) for w in finding.windows] == [
            (dt.date(2024, 2, 21), dt.date(2024, 2, 22), 21),
            (dt.date(2024, 5, 31), dt.date(2024, 5, 31), 30),
        ]
        assert len(finding.signs) == 50
        first = finding.signs[0]
        said = "95% of the 21 reviews from 21 to 22 February 2024 give five stars, against 23% at other times."
        assert first.sentence.endswith(said)

    def test_of_several_bursts_the_first_and_the_last_are_told(self):
        finding = burst([*self.QUIET, *(r for day in (51, 101, 151) for r in self.spike(day, 20))], no_op)
        assert finding.sentence == (
            "Many more reviews than usual came in 3 stretches of days, the first on 21 February 2024 and the last"
            " on 31 May 2024. 100% of them give five stars, 0% at other times."
        )

    @pytest.mark.parametrize(
        ("days", "also"),
        [
            ([], ""),
            ([51], " One stretch of days had many reviews, but not with clearly more five stars."),
            ([51, 151], " 2 stretches of days had many reviews, but not with clearly more five stars."),
        ],
    )
    def test_spikes_with_the_usual_stars(self, days, also):
        finding = burst([*self.QUIET, *(r for day in days for r in self.spike(day, 20, 3.0))], no_op)
        assert told(finding) == (
            "clear",
            f"No suspicious rush of five-star reviews in 199 days.{also}",
        )

    @pytest.mark.parametrize(
        ("reviews", "sentence"),
        [
            ([], "We don't know when these reviews were written."),
            ([Review(row=n, rating=5.0) for n in range(30)], "We don't know when these reviews were written."),
            ([Review(row=n, date=DAY) for n in range(30)], "None of these reviews has both a date and stars."),
            (
                [on(n * 3, 5.0, n) for n in range(19)],
                "Only 19 reviews have a date and stars; we need at least 20.",
            ),
            (
                [on(n, 5.0, n) for n in range(20)],
                "All reviews fall within 20 days; we need 21 to know what is usual.",
            ),
        ],
    )
    def test_too_few(self, reviews, sentence):
        assert told(burst(reviews, no_op)) == ("not_assessed", sentence)

    def test_twenty_in_twenty_one_days_are_enough(self):
        reviews = [*(on(n, 5.0, n) for n in range(19)), on(20, 5.0, 20)]
        assert burst(reviews, no_op).outcome == "clear"

    def test_a_review_without_stars_or_date_is_none_of_them(self):
        bare = [Review(row=900, date=DAY), Review(row=901, rating=5.0)]
        reviews = [*(on(n * 3, 5.0, n) for n in range(19)), *bare]
        assert burst(reviews, no_op).sentence.startswith("Only 19 reviews")


class TestBuyers:
    NO_PART = " This is for context and doesn't affect the grade."

    def year(self, inside: list[float], outside: list[float]) -> list[Review]:
        """Over 400 days, and so many more within the four weeks from day 200."""
        spread = [on(round(n * 400 / (len(outside) - 1)), stars, n) for n, stars in enumerate(outside)]
        return [*spread, *(on(200 + n % 28, stars, 5_000 + n) for n, stars in enumerate(inside))]

    @pytest.mark.parametrize(
        ("stars", "outcome", "change", "likely"),
        [(5.0, "found", "1.76 stars more than", "15%"), (1.0, "clear", "1.76 stars less than", "1.0%")],
    )
    def test_a_rise_and_a_fall(self, stars, outcome, change, likely):
        finding = buyer_resemblance(self.year([stars] * 60, [4.0, 2.0] * 60), no_op)
        assert told(finding) == (
            outcome,
            (
                f"The busiest four weeks, from 19 July to 15 August 2024, gave {change} other times."
                f" If 5% of products buy reviews, {likely} of those with this pattern do.{self.NO_PART}"
            ),
        )
        assert finding.context

    def test_a_hundredth_of_a_star_is_a_change(self):
        finding = buyer_resemblance(self.year([3.0] * 59 + [4.0], [3.0] * 120), no_op)
        assert ", gave 0.01 stars more than other times." in finding.sentence

    def test_the_same_stars(self):
        finding = buyer_resemblance(self.year([3.0] * 60, [3.0] * 120), no_op)
        assert told(finding) == (
            "clear",
            "The busiest four weeks, from 19 July to 15 August 2024, gave the same stars as other times."
            " If 5% of products buy reviews, 3.9% of those with this pattern do." + self.NO_PART,
        )

    @pytest.mark.parametrize(
        ("reviews", "why"),
        [
            ([on(n * 4, 5.0, n) for n in range(99)], "Needs 100 dated reviews with stars over a year."),
            ([on(n * 3, 5.0, n) for n in range(100)], "Needs 100 dated reviews with stars over a year."),
            (
                [on(0, 5.0, 1), *(on(400 + n % 20, 5.0, 2 + n) for n in range(120))],
                "Nearly all reviews came within four weeks.",
            ),
        ],
    )
    def test_too_few(self, reviews, why):
        finding = buyer_resemblance(reviews, no_op)
        assert (finding.outcome, finding.context) == ("not_assessed", True)
        assert finding.sentence.startswith(why)

    def test_a_hundred_over_a_year_are_enough_with_ten_in_the_busiest_weeks(self):
        reviews = [*(on(round(n * 3.67), float(3 + n % 2), n) for n in range(99)), on(364, 3.0, 100)]
        assert buyer_resemblance(reviews, no_op).sentence == "Nearly all reviews came within four weeks."
        assert buyer_resemblance([*reviews, on(10, 3.0, 101), on(11, 3.0, 102)], no_op).outcome == "clear"


class TestOverlap:
    HERE = tuple(
        Review(row=n, reviewer=name, date=DAY, text=f"text {n}")
        for n, name in enumerate(("Anna Larkspurn", "Boris Mossgrove", "Clara Nettlefold"), start=1)
    )

    def judged(self, *met: tuple[int, str], others: int = 0) -> Finding:
        """Who of those above was seen where."""
        marks = [reviewer_mark(review) or "" for review in self.HERE]
        seen = [Sighting(marks[who], product, DAY) for who, product in met]
        return reviewer_overlap(self.HERE, no_op, facts=ReviewFacts(product="this", seen=seen, others=others))

    def test_two_together(self):
        finding = self.judged((0, "a"), (0, "b"), (1, "a"), (1, "b"), (2, "a"), (2, "c"))
        assert told(finding) == (
            "found",
            (
                "2 reviewers here also reviewed the same other products within 14 days."
                " Customers who don't know each other rarely do."
            ),
        )
        together = (
            "This reviewer also reviewed 2 other products we analysed within 14 days, and so did"
            " another reviewer here."
        )
        alone = "This reviewer also reviewed 2 other products within 14 days; nobody else here did."
        assert finding.signs == (
            Sign(1, "strong", together), Sign(2, "strong", together), Sign(3, "weak", alone),
        )  # fmt: skip

    def test_several_apart(self):
        finding = self.judged((0, "a"), (0, "b"), (1, "b"), (1, "c"))
        assert told(finding) == (
            "found",
            (
                "2 reviewers also reviewed two other products we analysed within 14 days, but never"
                " the same two, so this doesn't count."
            ),
        )
        assert {sign.strength for sign in finding.signs} == {"weak"}

    def test_nobody(self):
        assert told(self.judged((0, "a"), (1, "b"), others=7)) == (
            "clear",
            "Of 3 reviewers, none also reviewed two of the 7 other products we analysed within 14 days.",
        )

    def test_nothing_known(self):
        assert told(self.judged((0, "a"), (1, "this"))) == (
            "not_assessed",
            "We haven't analysed enough other products to compare.",
        )
        bare = reviewer_overlap([Review(1, date=DAY)], no_op, facts=ReviewFacts(others=2))
        assert told(bare) == (
            "not_assessed",
            "No review has both an exact date and a name that clearly belongs to one person.",
        )

    def test_two_reviews_of_one_person_are_no_two_people(self):
        twice = [*self.HERE[:1], dataclasses.replace(self.HERE[0], row=9, text="more")]
        mark = reviewer_mark(self.HERE[0]) or ""
        facts = ReviewFacts(seen=[Sighting(mark, product, DAY) for product in "ab"])
        finding = reviewer_overlap(twice, no_op, facts=facts)
        assert [(sign.row, sign.strength) for sign in finding.signs] == [(1, "weak"), (9, "weak")]
        assert finding.sentence == (
            "1 reviewer also reviewed two other products we analysed within 14 days, but nobody else here did, so"
            " this doesn't count."
        )


class TestCopies:
    def test_found_in_one_group_and_in_several(self):
        one = near_copies([*invented(50), *copies(3, first_row=100, changed=0)], no_op)
        assert told(one) == (
            "found",
            "3 reviews under different names have nearly the same text, in one group.",
        )
        assert {sign.sentence for sign in one.signs} == {
            "Nearly the same words as 2 other reviews under different names."
        }
        other = [Review(n, text=" ".join(WORDS[:30]), reviewer=f"Q{n}") for n in (500, 501)]
        two = near_copies([*copies(3, first_row=100, changed=0), *other], no_op)
        assert two.sentence == "5 reviews under different names have nearly the same text, in 2 groups."
        assert "Nearly the same words as another review under another name." in {s.sentence for s in two.signs}

    def test_perhaps_one_review_twice(self):
        alike = [Review(n, text=" ".join(WORDS[:30]), rating=5.0) for n in (1, 2)]
        finding = near_copies(alike, no_op)
        assert {(sign.strength, sign.sentence) for sign in finding.signs} == {
            (
                "medium",
                "Identical to another review. Without names, this may be one review exported twice.",
            )
        }

    @pytest.mark.parametrize("field", [{"rating": 4.0}, {"title": "other"}, {"date": DAY}])
    def test_rows_that_differ_anywhere_are_two_reviews(self, field):
        one = Review(1, text=" ".join(WORDS[:30]), rating=5.0)
        other = dataclasses.replace(one, row=2, **field)
        assert {sign.strength for sign in near_copies([one, other], no_op).signs} == {"strong"}

    def test_clear_and_too_few(self):
        assert told(near_copies(invented(40), no_op)) == (
            "clear",
            "No two of 40 texts are copies under different names.",
        )
        assert told(near_copies(invented(1), no_op)) == (
            "not_assessed",
            "Fewer than two reviews have the 8 words we need to compare them.",
        )

    def test_groups_of_one_size_are_in_order_of_time(self):
        late, early = " ".join(WORDS[:30]), " ".join(WORDS[40:70])
        reviews = [
            Review(n, text=text, reviewer=f"P{n}", date=DAY + dt.timedelta(days=days))
            for n, (text, days) in enumerate([(late, 9), (late, 10), (early, 8), (early, 30)])
        ]
        assert {s.row: s.cluster for s in near_copies(reviews, no_op).signs} == {0: 2, 1: 2, 2: 1, 3: 1}


class TestIncentive:
    PLAIN = tuple(Review(n, text="This is a very good pillow and I sleep well on it") for n in range(3))

    def test_found(self):
        marked = [Review(10, text="Good", incentivised=True), Review(11, text="In exchange for my review")]
        finding = incentive([*self.PLAIN, *marked], no_op)
        assert told(finding) == (
            "found",
            (
                "2 reviews say, or the shop says, that the writer got something for it. We count them"
                " separately, not as suspicious."
            ),
        )
        assert [(s.row, s.sentence, s.quotes, s.kind) for s in finding.signs] == [
            (10, "The shop marks it as rewarded.", (), "incentivised"),
            (
                11,
                "Its text says that the writer got something for it.",
                ("In exchange for my review",),
                "incentivised",
            ),
        ]

    def test_clear(self):
        assert told(incentive(self.PLAIN, no_op)) == (
            "clear",
            "No text mentions a reward (3 read).",
        )
        flagged = [dataclasses.replace(self.PLAIN[0], row=9, incentivised=False)]
        assert told(incentive([*self.PLAIN, *flagged], no_op)) == (
            "clear",
            "No text mentions a reward (4 read) and the source marks none.",
        )

    def test_not_assessed(self):
        assert told(incentive([Review(1, text="  ")], no_op)) == (
            "not_assessed",
            "There are no texts, and the source doesn't say.",
        )
        finnish = "Tämä on todella hyvä tyyny ja nukun sillä paremmin kuin koskaan ennen"
        assert told(incentive([Review(1, text=finnish)], no_op)) == (
            "not_assessed",
            "Most texts are in a language in which we can't recognise rewards yet.",
        )


class TestMarketing:
    SELLER = " ".join(WORDS[40:90])

    def test_found_and_clear(self):
        plain = invented(2)
        quoting = Review(900, text=f"I say: {' '.join(WORDS[50:60])}.")
        finding = marketing_text([*plain, quoting], no_op, facts=ReviewFacts(description=self.SELLER))
        assert told(finding) == (
            "found",
            (
                "1 of 3 texts repeats a passage of the seller's description. Customers quote it too,"
                " so this doesn't count on its own."
            ),
        )
        assert finding.signs == (
            Sign(900, "weak", "Repeats a passage of the seller's description.", (" ".join(WORDS[50:60]),)),
        )
        assert told(marketing_text(plain, no_op, facts=ReviewFacts(description=self.SELLER))) == (
            "clear",
            "None of 2 texts repeats 10 words in a row from the seller's description.",
        )
        assert told(marketing_text(plain[:1], no_op, facts=ReviewFacts(description=self.SELLER))) == (
            "clear",
            "The one text doesn't repeat 10 words in a row from the seller's description.",
        )

    def test_the_longest_of_several_passages_is_quoted_and_of_equals_the_first(self):
        short, long = " ".join(WORDS[41:51]), " ".join(WORDS[60:72])
        other = " ".join(WORDS[75:85])
        facts = ReviewFacts(description=self.SELLER)

        def quotes(text: str) -> tuple[str, ...]:
            return marketing_text([Review(1, text=text)], no_op, facts=facts).signs[0].quotes

        assert quotes(f"{short} and {long}") == (long,)
        assert quotes(f"{long} and {short}") == (long,)
        assert quotes(f"So {other} and {short}") == (other,)

    def test_not_assessed(self):
        few = ReviewFacts(description=" ".join(WORDS[:19]))
        assert told(marketing_text(invented(2), no_op, facts=few)) == (
            "not_assessed",
            "No product description to compare with.",
        )
        enough = ReviewFacts(description=" ".join(WORDS[:20]))
        assert marketing_text(invented(2), no_op, facts=enough).outcome == "clear"
        assert told(marketing_text([Review(1)], no_op, facts=enough)) == (
            "not_assessed",
            "There are no texts to compare with the description.",
        )


class TestStarsAndText:
    PLAIN = tuple(
        Review(n, rating=4.0, text=f"We have it on the table for the {n}th week and it is fine") for n in range(19)
    )
    BAD = Review(50, rating=5.0, text="This is a waste of money, it was of very poor quality, so we are sad")
    GOOD = Review(51, rating=1.0, text="I love it and it works perfectly, we are so happy with this")

    def test_found(self):
        one = stars_text([*self.PLAIN, self.BAD], no_op)
        assert told(one) == (
            "found",
            (
                "1 of 20 English texts says the opposite of the stars. People click the wrong star too,"
                " so this doesn't count on its own."
            ),
        )
        two = stars_text([*self.PLAIN, self.BAD, self.GOOD], no_op)
        assert two.sentence.startswith("2 of 21 English texts say the opposite of the stars.")
        assert two.signs == (
            Sign(50, "weak", "Gives five stars, but the text is nothing but complaint.",
                 ("waste of money", "poor quality")),
            Sign(51, "weak", "Gives one star, but the text is nothing but praise.",
                 ("I love it", "works perfectly")),
        )  # fmt: skip

    def test_one_phrase_alone_and_stars_between_say_nothing(self):
        once = dataclasses.replace(self.BAD, text="This is a waste of money, and we are so sad to have it, so sad")
        between = [dataclasses.replace(self.BAD, row=60, rating=stars) for stars in (1.5, 4.5)]
        assert stars_text([*self.PLAIN, once, *between], no_op).outcome == "clear"

    def test_clear_and_too_few(self):
        more = [*self.PLAIN, dataclasses.replace(self.PLAIN[0], row=90)]
        assert told(stars_text(more, no_op)) == (
            "clear",
            "No review's text contradicts its stars (20 English texts).",
        )
        unrated = dataclasses.replace(self.PLAIN[0], row=91, rating=None)
        assert told(stars_text([*self.PLAIN, unrated], no_op)) == (
            "not_assessed",
            "Only 19 reviews have stars and an English text; we need at least 20.",
        )
        one = stars_text([self.PLAIN[0], unrated], no_op)
        assert one.sentence == "Only 1 review has stars and an English text; we need at least 20."
        none = stars_text([unrated], no_op)
        assert none.sentence == "No review has stars and an English text; we need at least 20."


class TestUnverified:
    @pytest.mark.parametrize(
        ("verified", "others", "outcome", "sentence"),
        [
            (11, 9, "found", ("9 of 20 reviews are without a verified purchase. Honest reviews often are too,"
                             " so this doesn't count on its own.")),
            (20, 0, "clear", "All 20 purchases are verified."),
            (10, 10, "not_assessed", "Only 10 of 20 purchases are verified, so being unverified is normal here."),
            (19, 0, "not_assessed",
             "Only 19 reviews say whether the purchase is verified; we need at least 20."),
            (0, 0, "not_assessed", "The source doesn't say which purchases are verified."),
        ],
    )  # fmt: skip
    def test_each_outcome(self, verified, others, outcome, sentence):
        flags = [*[True] * verified, *[False] * others, None]
        finding = unverified([Review(n, verified=flag) for n, flag in enumerate(flags)], no_op)
        assert told(finding) == (outcome, sentence)
        assert {sign.sentence for sign in finding.signs} <= {
            "Not a verified purchase, unlike most others here. This doesn't count on its own."
        }
        assert len(finding.signs) == (others if outcome == "found" else 0)


class TestVanished:
    def since(self, now: Sequence[Review], then: Sequence[Review]) -> Finding:
        earlier = [EarlierReview(review_mark(r) or "", r.date, r.rating) for r in then]
        return vanished(now, no_op, facts=ReviewFacts(earlier=earlier, earlier_on=DAY))

    THEN = tuple(Review(n, review_id=f"r{n}", date=DAY, rating=5.0 if n % 2 else 4.0) for n in range(20))

    @pytest.mark.parametrize(
        ("kept", "then", "outcome", "sentence"),
        [
            (20, 20, "clear", "All 20 reviews from 10 May 2024 are still there."),
            (10, 20, "found",
             ("10 of 20 reviews that were there on 10 May 2024 are gone; 5 of them gave five stars. Shops remove"
             " reviews that break their rules, writers take some back, and a file may leave some out.")),
            (9, 20, "not_assessed", "The last analysis had mostly other reviews."),
            (19, 19, "not_assessed", "The last analysis had fewer than 20 reviews from the same days."),
            (0, 0, "not_assessed", "This is the first time we've analysed this product."),
        ],
    )  # fmt: skip
    def test_each_outcome(self, kept, then, outcome, sentence):
        finding = self.since(self.THEN[:kept] or [Review(99, date=DAY)], self.THEN[:then])
        assert (finding.outcome, finding.sentence, finding.context) == (outcome, sentence, True)

    def test_only_days_that_the_source_covers_are_compared_both_ends_included(self):
        days = [dataclasses.replace(r, date=DAY + dt.timedelta(days=n)) for n, r in enumerate(self.THEN)]
        more = [dataclasses.replace(days[0], review_id=f"x{n}", date=day) for n, day in
                enumerate((DAY - dt.timedelta(days=1), DAY + dt.timedelta(days=20), None))]  # fmt: skip
        assert self.since(days, [*days, *more[:2]]).sentence.startswith("All 20 reviews")
        assert self.since(days, [*days, more[2]]).sentence.startswith("1 of 21 reviews")
        undated = [dataclasses.replace(r, date=None) for r in days]
        assert self.since(undated, [*days, *more]).sentence.startswith("3 of 23 reviews")


def test_the_order_of_the_reviews_changes_no_sentence():
    reviews = [*invented(200), *copies(5, first_row=900)]
    shuffled = random.Random(2).sample(reviews, len(reviews))
    for check in (burst, buyer_resemblance, incentive, near_copies, stars_text, unverified):
        assert told(check(reviews, no_op)) == told(check(shuffled, no_op))
