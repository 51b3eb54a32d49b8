"""Limits: how they are declared, the keys of a session, and decisions about them."""

from bisect import bisect_left

import pytest

from outlast import Limit, Outlast
from outlast.core.analyses.limits import LONGEST_KEY, key_limits
from outlast.domain.limits import WINDOW, Admission, KeyLimit, Verdict, dump_limits, load_limits


def keys(*limits, **values):
    return [one.key for one in key_limits("call", limits, values, values)]


def test_each_kind_of_limit_has_keys_of_its_own():
    assert keys(Limit(1), vendor="acme") == ["analysis call"]
    assert keys(Limit(1, per="vendor"), vendor="acme") == ['analysis call vendor="acme"']
    assert keys(Limit(1, per="openai"), vendor="acme") == ["shared openai"]
    assert keys(Limit(1, per=lambda vendor: vendor[:2]), vendor="acme") == ["analysis call limit 1: ac"]
    assert keys(Limit(1, per="vendor"), vendor={"b": 1, "a": [2]}) == ['analysis call vendor={"a":[2],"b":1}']


def test_a_limit_does_not_apply_to_what_has_no_value():
    assert keys(Limit(1, per="vendor"), vendor=None) == []
    assert keys(Limit(1, per=lambda vendor: None), vendor="acme") == []


def test_a_key_has_a_bounded_length_and_stays_different():
    long = [keys(Limit(1, per="vendor"), vendor="x" * 5_000 + end)[0] for end in "ab"]
    assert long[0] != long[1]
    assert {len(key) for key in long} == {LONGEST_KEY}


def test_two_limits_on_one_key_are_the_lower_ones():
    limits = [Limit(5, per="vendor"), Limit(3, per="vendor", per_minute=9), Limit(per="vendor", per_minute=10)]
    assert key_limits("call", limits, {"vendor": 1}, {"vendor": 1}) == [KeyLimit("analysis call vendor=1", 3, 9)]


def test_limits_are_stored_as_json():
    limits = [KeyLimit("a", 1, None), KeyLimit("ä", None, 0.5)]
    assert load_limits(dump_limits(limits)) == limits
    assert dump_limits([]) is None
    assert load_limits(None) == []


def test_an_analysis_has_the_limits_of_both_options():
    outlast = Outlast()

    @outlast.analysis("call", limit=Limit(1), limits=[Limit(2, per="vendor")])
    def call(vendor: str) -> None: ...

    analysis = outlast._catalogue["call"]
    validated = analysis.input(vendor="acme")
    stored = load_limits(analysis.limits_of(validated, {"vendor": "acme"}))
    assert [(one.key, one.most) for one in stored] == [("analysis call", 1), ('analysis call vendor="acme"', 2)]


def test_decisions_count_what_was_admitted_before():
    admission = Admission(0.0, {"a": 1}, {})
    limits = [KeyLimit("a", 3, None)]
    assert [admission.decide(limits).verdict for _ in range(3)] == [Verdict.RUN, Verdict.RUN, Verdict.TAKEN]
    assert admission.decide([KeyLimit("a", 1, None)]).verdict is Verdict.FULL
    assert admission.decide([KeyLimit("b", 1, None)]).verdict is Verdict.RUN


@pytest.mark.parametrize("rate", [0.5, 1, 7, 60, 500])
def test_a_rate_is_nearly_used_up_and_never_exceeded(rate):
    limits, next_at, begun = [KeyLimit("a", None, rate)], {}, []
    ends = 5 * WINDOW / min(1, rate)
    for now in range(1, int(ends)):
        while True:
            admission = Admission(now, {}, next_at)
            decision = admission.decide(limits)
            if decision.verdict is not Verdict.RUN:
                assert decision.until > now
                break
            admission.begin(limits)
            begun.append(now)
    window = WINDOW / min(1, rate)
    at_once = max(bisect_left(begun, at + window) - bisect_left(begun, at) for at in begun)
    assert at_once <= max(rate, 1)
    assert len(begun) >= 0.9 * rate * ends / WINDOW - 1


def test_a_time_that_a_wrong_clock_wrote_delays_no_more_than_a_minute():
    admission = Admission(0.0, {}, {"a": 10.0**9})
    decision = admission.decide([KeyLimit("a", None, 1)])
    assert decision.until <= WINDOW + 4
