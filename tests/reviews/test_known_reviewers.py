"""What an installation remembers of the products it has analysed, and what the next analysis makes of it."""

import asyncio
import datetime as dt
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from attempt_owner import act_as
from review_data import invented, no_op

from outlast import Fact, Facts, Outlast, Settings
from outlast_reviews.analysis import register
from outlast_reviews.checks.facts import ReviewFacts as Known
from outlast_reviews.checks.facts import reviewer_mark
from outlast_reviews.checks.marketing_text import marketing_text
from outlast_reviews.checks.reviewer_overlap import reviewer_overlap
from outlast_reviews.checks.vanished import vanished
from outlast_reviews.known_reviewers import RETENTION as KEEP
from outlast_reviews.known_reviewers import KnownReviewers
from outlast_reviews.review import Review
from sqlite_template import with_store

TODAY = dt.date(2025, 3, 4)
DAY = dt.date(2024, 5, 10)
RING = ("Anna Larkspurn", "Boris Mossgrove", "Clara Nettlefold")


@pytest.fixture
async def facts(tmp_path: Path) -> AsyncIterator[Facts]:
    outlast = Outlast(Settings(data_dir=with_store(tmp_path)))
    async with outlast.lifespan():
        act_as("ann")
        yield outlast.facts("acquaintance")


def product(name: str, reviewers: tuple[str, ...] = RING) -> list[Review]:
    """Thirty reviews of customers of its own, and those of these reviewers."""
    own = [
        replace(r, reviewer=f"Own{name} Customer{r.row}", text=f"{r.text} It is about {name}, as you may know.")
        for r in invented(30)
    ]
    theirs = [
        Review(1_000 + n, rating=5.0, date=DAY, reviewer=who, text=f"{who} has seen this {name} and says so here.")
        for n, who in enumerate(reviewers)
    ]
    return [*own, *theirs]


async def remembered(facts: Facts, reviews: list[Review], subject: str) -> None:
    await asyncio.to_thread(KnownReviewers(facts).remember, reviews, subject, TODAY)


async def known(facts: Facts, reviews: list[Review], subject: str) -> Known:
    return await asyncio.to_thread(KnownReviewers(facts).known, reviews, subject)


async def test_reviewers_are_met_again_at_other_products(facts):
    for name in ("lamp", "kettle"):
        await remembered(facts, product(name), f"upload:{name}")
    third = product("chair")
    finding = reviewer_overlap(third, no_op, facts=await known(facts, third, "upload:chair"))
    assert finding.outcome == "found"
    assert [(sign.row, sign.strength) for sign in finding.signs] == [(n, "strong") for n in (1_000, 1_001, 1_002)]


async def test_two_files_of_one_product_are_one_product(facts):
    """Else its reviewers would meet themselves, and an honest product analysed thrice would be a ring."""
    lamp = product("lamp")
    for count in (25, 28, 31):
        grown = [replace(r, review_id=None, row=r.row + count) for r in lamp[:count]]
        finding = reviewer_overlap(grown, no_op, facts=await known(facts, grown, f"upload:{count}"))
        assert finding.outcome == "not_assessed"
        await remembered(facts, grown, f"upload:{count}")
    assert (await known(facts, lamp, "upload:all")).others == 0
    assert (await known(facts, product("kettle"), "upload:kettle")).others == 1


@pytest.mark.slow
async def test_the_same_product_twice_is_not_another(facts):
    lamp = product("lamp")
    await remembered(facts, lamp, "amazon:us:B000000001")
    found = await known(facts, lamp, "amazon:us:B000000001")
    assert (found.seen, found.others) == ([], 0)


@pytest.mark.slow
async def test_what_vanished_since_the_last_analysis_of_the_product_is_told(facts):
    lamp = product("lamp")
    for subject in ("web:https://shop.example/lamp", "upload:lamp"):
        await remembered(facts, lamp, subject)
        finding = vanished(lamp[4:], no_op, facts=await known(facts, lamp[4:], subject + " of today"))
        assert finding.outcome == "found"
        assert "4 of 33 reviews" in finding.sentence


@pytest.mark.slow
async def test_what_somebody_else_has_uploaded_is_neither_seen_nor_believed(facts):
    """Else anybody could make up products around the reviewers of another's."""
    third = product("chair")
    for name in ("lamp", "kettle"):
        await remembered(facts, product(name), f"upload:{name}")
    act_as("ben")
    found = await known(facts, third, "upload:chair")
    assert (found.seen, found.others, found.earlier) == ([], 0, ())
    act_as("ann")
    assert (await known(facts, third, "upload:chair")).others == 2


async def test_only_pages_of_one_shop_are_laid_beside_each_other(facts):
    third = product("chair")
    for name in ("lamp", "kettle"):
        await remembered(facts, product(name), f"web:https://attacker.example/{name}")
    for subject in ("web:https://shop.example/chair", "amazon:us:B000000001", "upload:chair"):
        assert (await known(facts, third, subject)).others == 0
    assert (await known(facts, third, "web:https://attacker.example/chair")).others == 2


async def test_another_export_of_the_product_with_few_reviews_in_common_is_no_other_product(facts):
    """Its reviewers are met again, but with the very words that they say here."""
    shared = product("lamp")[-20:]
    for name in ("one", "other"):
        of_its_own = [replace(r, reviewer=f"{name} {r.reviewer}", row=r.row + 5_000) for r in product(name)[:30]]
        more = [
            replace(r, row=9_000 + n, reviewer=f"Other{name}{n} Person{n}", text=f"{r.text} {name} {n} times")
            for n, r in enumerate(invented(90))
        ]
        await remembered(facts, [*of_its_own, *more, *shared], f"upload:{name}")
    found = await known(facts, [*invented(90), *shared], "upload:third")
    assert (found.seen, found.others) == ([], 0)


async def test_no_name_and_no_word_is_kept(facts, tmp_path):
    await remembered(facts, product("lamp"), "web:lamp")
    for file in (f for f in tmp_path.rglob("*") if f.is_file()):
        kept = file.read_bytes()
        assert b"Larkspurn" not in kept
        assert b"Customer" not in kept


@pytest.mark.slow
async def test_a_product_analysed_by_the_registered_analysis_knows_the_earlier_ones(tmp_path):
    outlast = Outlast(Settings(data_dir=tmp_path / "data"))
    register(outlast)
    async with outlast.lifespan(workers=1):
        outcomes = [await _overlap(outlast, name, tmp_path) for name in ("lamp", "kettle", "chair")]
    assert outcomes == ["not_assessed", "not_assessed", "found"]


async def _overlap(outlast: Outlast, name: str, folder: Path) -> str:
    file = folder / f"{name}.json"
    rows = [
        {"reviewer": r.reviewer, "rating": r.rating, "date": str(r.date), "text": r.text} for r in product(name)
    ]
    file.write_text(json.dumps({"description": "Words of the seller.", "reviews": rows}))
    with file.open("rb") as opened:
        upload = await outlast.upload(opened, file.name, owner="ann")
    started = await outlast.start("product", owner="ann", source=upload)
    async with asyncio.timeout(60):
        async for view in outlast.watch(started.session.id):
            assert view.session.error is None
    stored = await outlast.result(started.session.id)
    assert stored is not None
    checks = json.loads(stored.result)["report"]["checks"]
    (outcome,) = {c["outcome"] for c in checks if c["name"] == "reviewer_overlap"}
    return outcome


def test_the_sellers_words_come_with_the_source():
    described = Known(description=" ".join(f"feature{n}" for n in range(30)))
    quoting = Review(1, text="I bought it for " + " ".join(f"feature{n}" for n in range(5, 20)))
    assert marketing_text([quoting], no_op, facts=described).outcome == "found"


async def test_the_stars_given_elsewhere_are_known_and_facts_of_earlier_versions_have_none(facts):
    await remembered(facts, product("lamp"), "upload:lamp")
    chair = product("chair")
    seen = (await known(facts, chair, "upload:chair")).seen
    assert [(one.date, one.rating) for one in seen] == [(DAY, 5.0)] * len(RING)
    await asyncio.to_thread(_as_earlier_versions_stored, facts)
    seen = (await known(facts, chair, "upload:chair")).seen
    assert [one.rating for one in seen] == [None, 5.0] * len(RING)


def _as_earlier_versions_stored(facts: Facts) -> None:
    """Write the facts of the ring once more for another product, in the kind and form of earlier versions."""
    space = facts.of_owner.blocking
    salt = bytes.fromhex(facts.blocking.get(["salt"])["salt"][0].value)
    marks = [mark for review in product("lamp") if (mark := reviewer_mark(review, salt)) and review.row >= 1_000]
    for mark in marks:
        (fact,) = space.get([f":seen:{mark}"])[f":seen:{mark}"]
        earlier = [[day, text] for day, text, _ in fact.value]
        space.put([Fact(f":who:{mark}", earlier, "another product")], keep=KEEP)
