"""Analyses of one process share the processor by owner, whoever has used the least of it first."""

import asyncio
import threading
from itertools import count

import pytest
from attempt_owner import act_as

import outlast
from outlast_reviews import cpu_shares
from outlast_reviews.cpu_shares import CpuShares

WITHIN = 20


class Clock:
    """Of each thread its own."""

    def __init__(self) -> None:
        self._used: dict[int, float] = {}

    def __call__(self) -> float:
        return self._used.get(threading.get_ident(), 1.0)

    def work(self, seconds: float) -> None:
        self._used[threading.get_ident()] = self() + seconds


def nothing() -> None:
    pass


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def line(clock, monkeypatch) -> CpuShares:
    """Nobody runs out of patience, and nobody is ahead."""
    monkeypatch.setattr(cpu_shares, "PREEMPT_AFTER", 60)
    monkeypatch.setattr(cpu_shares, "HEAD_START", 0)
    return CpuShares(clock)


class Worker(threading.Thread):
    def __init__(self, line: CpuShares, owner: str, body) -> None:
        super().__init__(daemon=True)
        self._line, self._owner, self._body = line, owner, body
        self.waits = threading.Event()
        """It has looked around while it waited."""
        self.start()

    def run(self) -> None:
        with self._line.turn(self._owner, self.waits.set):
            self._body()

    def ended(self) -> bool:
        self.join(WITHIN)
        return not self.is_alive()


def test_whoever_has_used_less_goes_on_at_the_next_pause(line, clock):
    happened: list[str] = []
    with line.turn("large", nothing):
        small = Worker(line, "small", lambda: happened.append("small"))
        assert small.waits.wait(WITHIN)
        assert happened == []
        clock.work(1)
        line.pause()
        happened.append("large")
    assert small.ended()
    assert happened == ["small", "large"]


def test_who_has_used_less_keeps_the_turn_and_so_does_a_short_slice(line, clock):
    happened: list[str] = []

    with line.turn("small", nothing):
        earlier = Worker(line, "large", lambda: (clock.work(5), line.pause(), happened.append("large")))
        assert earlier.waits.wait(WITHIN)
        clock.work(cpu_shares.TIME_SLICE / 2)
        line.pause()  # too short a slice
        assert happened == []
        clock.work(1)
        line.pause()  # now the other, until it has used more
        happened.append("small")
    assert earlier.ended()
    assert happened == ["small", "large"]


def test_many_files_of_one_owner_get_the_share_of_one(line, clock):
    done: list[str] = []

    def slices(owner: str):
        def body() -> None:
            for _ in range(20):
                clock.work(cpu_shares.TIME_SLICE)
                done.append(owner)
                line.pause()

        return body

    with line.turn("first", nothing):
        workers = [Worker(line, owner, slices(owner)) for owner in ("many", "many", "many", "many", "one")]
        assert all(worker.waits.wait(WITHIN) for worker in workers)
    assert all(worker.ended() for worker in workers)
    last_of_one = len(done) - done[::-1].index("one")
    assert done[:last_of_one].count("many") <= 22


@pytest.mark.slow
def test_a_turn_without_pauses_holds_up_nobody_for_long(clock):
    line = CpuShares(clock)
    with line.turn("hangs", nothing):
        assert Worker(line, "other", nothing).ended()


def test_who_was_overtaken_waits_for_its_turn_again(line, clock, monkeypatch):
    happened: list[str] = []
    inside = threading.Event()
    free = threading.Event()

    def body() -> None:
        inside.set()
        assert free.wait(WITHIN)
        happened.append("other")

    with line.turn("slow", nothing):
        clock.work(1)
        monkeypatch.setattr(cpu_shares, "PREEMPT_AFTER", 0)
        other = Worker(line, "other", body)
        assert inside.wait(WITHIN)
        monkeypatch.setattr(cpu_shares, "PREEMPT_AFTER", 60)
        threading.Timer(0.2, free.set).start()
        line.pause()
        happened.append("slow")
    assert other.ended()
    assert happened == ["other", "slow"]


def test_who_is_told_to_stop_while_waiting_leaves_the_line(line):
    raised: list[BaseException] = []

    def stopped() -> None:
        raise InterruptedError

    def waits() -> None:
        try:
            with line.turn("stopped", stopped):
                pass
        except InterruptedError as error:
            raised.append(error)

    with line.turn("works", nothing):
        told = threading.Thread(target=waits, daemon=True)
        told.start()
        told.join(WITHIN)
        assert len(raised) == 1
        other = Worker(line, "other", nothing)
        assert other.waits.wait(WITHIN)
    assert other.ended()


def test_an_owner_who_comes_is_ahead_by_the_head_start_and_no_more(clock, monkeypatch):
    monkeypatch.setattr(cpu_shares, "PREEMPT_AFTER", 60)
    line = CpuShares(clock)
    happened: list[float] = []

    def small() -> None:
        for n in count(1):
            clock.work(1)
            line.pause()
            if n == 10 or happened:
                happened.append(n)
                return

    with line.turn("large", nothing):
        clock.work(2)
        other = Worker(line, "small", small)
        assert other.waits.wait(WITHIN)
        line.pause()
        happened.append(0)
    assert other.ended()
    assert happened[0] == 0
    assert 4 <= happened[1] <= 6  # 2 s behind, 3 s ahead at the start


@pytest.mark.slow
def test_what_was_used_is_forgotten_when_nobody_is_there_and_bounded_before(line, clock, monkeypatch):
    monkeypatch.setattr(cpu_shares, "_MOST_OWNERS", 5)
    with line.turn("stays", nothing):
        for n in range(20):
            assert Worker(line, f"owner {n}", nothing).waits.wait(WITHIN) or True
            clock.work(1)
            line.pause()
        assert len(line._used) <= 6
    assert line._used == {}


def test_turns_go_by_the_owner_of_the_session():
    seen: list[str] = []

    async def inside() -> None:
        act_as("somebody")
        seen.append(outlast.owner())

    asyncio.run(inside())
    assert (seen, outlast.owner()) == (["somebody"], "")


def test_outside_a_turn_a_pause_is_nothing():
    CpuShares().pause()
    cpu_shares.report_progress(1, 2, "outside")
