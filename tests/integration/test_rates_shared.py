"""Starts counted by several machines together through Redis, which may go away."""

import asyncio
import logging
import sys
import time

import pytest
from edge_site import open_site

from outlast.domain.errors import PackageMissing
from outlast.settings import load_settings
from outlast.web import rates as rates_module
from outlast.web.limits import VisitorLimits
from outlast.web.problems import Problem
from outlast.web.rates import Rates


@pytest.fixture
async def made(redis_server):
    """Makes the limits of one more machine."""
    all_rates = []

    def make(starts=3, namespace="here"):
        all_rates.append(Rates(redis_server.url, namespace))
        return VisitorLimits(load_settings(starts_per_minute=starts), all_rates[-1])

    yield make
    for rates in all_rates:
        await rates.close()


@pytest.fixture
def patient(monkeypatch):
    """A busy machine may take its time where the test is not about that."""
    monkeypatch.setattr(rates_module, "ANSWER_WITHIN", 20.0)


@pytest.fixture
def soon(monkeypatch):
    monkeypatch.setattr(rates_module, "RETRY_REDIS_AFTER", 0.0)


async def refused(limits, owner="anna", address=""):
    with pytest.raises(Problem) as problem:
        await limits.count_or_refuse(owner, address)
    assert problem.value.status == 429


async def test_two_machines_count_the_same_owner_together(made, patient):
    one, other = made(), made()
    await one.count_or_refuse("anna", "")
    await other.count_or_refuse("anna", "")
    await one.count_or_refuse("anna", "")
    await refused(one)
    await refused(other)
    await other.count_or_refuse("ben", "")


async def test_two_machines_count_the_same_address_together(made, patient):
    one, other = made(starts=1), made(starts=1)
    for n in range(5):
        await one.count_or_refuse(f"one {n}", "192.0.2.1")
        await other.count_or_refuse(f"other {n}", "192.0.2.1")
    await refused(one, "anna", "192.0.2.1")
    await refused(other, "anna", "192.0.2.1")
    await other.count_or_refuse("anna", "192.0.2.2")


async def test_installations_that_share_a_redis_count_apart(made, patient):
    here, there = made(starts=1, namespace="here"), made(starts=1, namespace="there")
    await here.count_or_refuse("anna", "")
    await there.count_or_refuse("anna", "")
    await refused(here)


async def test_the_death_of_redis_resets_no_rate_raises_nothing_and_is_logged_once(
    made, patient, redis_server, caplog
):
    limits = made()
    await limits.count_or_refuse("anna", "192.0.2.1")
    await limits.count_or_refuse("anna", "192.0.2.1")
    await asyncio.to_thread(redis_server.stop)
    await limits.count_or_refuse("anna", "192.0.2.1")
    await refused(limits)
    await limits.count_or_refuse("ben", "192.0.2.1")
    assert [r.levelname for r in caplog.records if r.name == "outlast.web.rates"] == ["WARNING"]


async def test_counting_together_begins_again_when_redis_is_back(made, patient, soon, redis_server, caplog):
    caplog.set_level(logging.INFO, "outlast.web.rates")
    one, other = made(), made()
    await one.count_or_refuse("anna", "")
    await asyncio.to_thread(redis_server.stop)
    for limits in (one, other):
        await limits.count_or_refuse("anna", "")
    await asyncio.to_thread(redis_server.start)  # it has forgotten all
    await one.count_or_refuse("ben", "")
    await other.count_or_refuse("ben", "")
    await one.count_or_refuse("ben", "")
    await refused(other, "ben")
    await one.count_or_refuse("anna", "")
    await refused(one, "anna")  # its own count has not forgotten
    said = [r.levelname for r in caplog.records if r.name == "outlast.web.rates"]
    assert said == ["WARNING", "WARNING", "INFO", "INFO"]


@pytest.mark.slow
async def test_a_redis_that_says_nothing_delays_one_request_for_a_moment_and_the_next_not_at_all(
    made, redis_server
):
    limits = made(starts=1_000)
    await limits.count_or_refuse("anna", "192.0.2.1")
    redis_server.pause()
    try:
        began = time.monotonic()
        await limits.count_or_refuse("anna", "192.0.2.1")
        first = time.monotonic() - began
        began = time.process_time(), time.monotonic()
        for _ in range(20):
            await limits.count_or_refuse("anna", "192.0.2.1")
        assert first < rates_module.ANSWER_WITHIN + 2
        assert time.monotonic() - began[1] < rates_module.ANSWER_WITHIN + 5 * (time.process_time() - began[0])
    finally:
        redis_server.resume()


async def test_of_many_requests_one_tries_an_absent_redis(made, redis_server, monkeypatch):
    asked = []
    limits = made()
    await asyncio.to_thread(redis_server.stop)
    await limits.allows("anna", "")
    monkeypatch.setattr(rates_module, "RETRY_REDIS_AFTER", 600.0)
    shared = limits._rates._shared
    real = shared.test

    async def test(*arguments, **more):
        asked.append(arguments)
        return await real(*arguments, **more)

    monkeypatch.setattr(shared, "test", test)
    limits._rates._retry_redis_at = 0.0
    assert all(await asyncio.gather(*(limits.allows(f"visitor {n}", "") for n in range(50))))
    assert len(asked) == 1


async def test_scripts_that_redis_forgot_are_loaded_again(made, patient, redis_server):
    one, other = made(), made()
    await one.count_or_refuse("anna", "")
    redis_server.ask("SCRIPT", "FLUSH")
    await other.count_or_refuse("anna", "")
    await one.count_or_refuse("anna", "")
    await refused(other)


def test_without_the_package_the_sentence_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "redis", None)
    with pytest.raises(PackageMissing, match=r"REDIS_URL needs .* pip install 'outlast\[redis\]'"):
        Rates("redis://localhost", "here")


async def test_two_sites_with_one_redis_and_key_allow_a_visitor_as_much_as_one_does(tmp_path, redis_url, patient):
    shared = {"redis_url": redis_url, "app_key": "k" * 32, "starts_per_minute": 2}
    async with open_site(tmp_path / "one", **shared) as one, open_site(tmp_path / "other", **shared) as other:
        here, there = await one.visitor(), other.client()
        there.cookies, there.headers = here.cookies, here.headers
        answers = [await here.start("echo", text="a"), await there.start("echo", text="b")]
        answers.append(await here.start("echo", text="c"))
        assert [a.status_code for a in answers] == [202, 202, 429]
