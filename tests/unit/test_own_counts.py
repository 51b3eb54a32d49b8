"""Rates counted in one process, over the last minute."""

from limits import RateLimitItemPerMinute

from outlast.web.rates import LocalRates


def test_what_was_counted_a_whole_minute_ago_counts_beside_what_comes_now_and_not_later():
    now = [1_000.0]
    counts, rate, owner = LocalRates(lambda: now[0]), RateLimitItemPerMinute(2), ("owner", "a")
    counts.count(rate, owner)
    now[0] += 60
    assert counts.allows(rate, owner)
    counts.count(rate, owner)
    assert not counts.allows(rate, owner)
    now[0] += 1
    assert counts.allows(rate, owner)
    assert not counts.allows(rate, owner, cost=2)
