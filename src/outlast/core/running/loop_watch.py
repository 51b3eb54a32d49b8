"""Measures how long an event loop has not answered, from a thread beside it."""

OVERSLEPT = 1.0
"""Seconds between two looks of the thread after which it was itself held up, by a slow store or with its
process."""


class LoopWatch:
    """Asks the loop again and again. The loop is blocked from the moment it was asked until it answers.

    One thread calls `ask` and `blocked`; the loop calls `answer`.
    """

    def __init__(self) -> None:
        self._number = 0
        self._asked: float | None = None
        """When the question was asked that is not answered yet."""
        self._looked = float("-inf")

    @property
    def answered(self) -> bool:
        """The loop owes no answer."""
        return self._asked is None

    def ask(self, now: float) -> int | None:
        """The number of a question for the loop to `answer`; `None` while an earlier one waits for its answer.

        `now` is monotonic. When the thread itself was held up since its last look, the measurement starts anew: it
        cannot say what the loop did meanwhile.
        """
        held_up = now - self._looked > OVERSLEPT
        self._looked = now
        if self._asked is not None and not held_up:
            return None
        self._number += 1
        self._asked = now
        return self._number

    def answer(self, number: int) -> None:
        """In the loop: it has come to the question of this number."""
        if number == self._number:
            self._asked = None

    def blocked(self, now: float) -> float:
        """Seconds for which the loop has owed an answer."""
        asked = self._asked
        return 0.0 if asked is None else now - asked
