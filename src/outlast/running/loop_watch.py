"""Measures from another thread for how long an event loop has been blocked."""

MAX_PROBE_GAP = 1.0
"""A longer gap in seconds between two probes means that the thread itself was delayed, by a slow store or a
suspended process."""


class LoopWatch:
    """Probes the loop repeatedly. The loop counts as blocked from a probe until its acknowledgement.

    One thread calls `probe` and `blocked`; the loop calls `acknowledge`.
    """

    def __init__(self) -> None:
        self._number = 0
        self._probe_sent_at: float | None = None
        """Time of the unacknowledged probe."""
        self._last_probe_at = float("-inf")

    @property
    def responsive(self) -> bool:
        """Whether the loop has acknowledged the last probe."""
        return self._probe_sent_at is None

    def probe(self, now: float) -> int | None:
        """Return the number of a probe for the loop to acknowledge, or `None` while an earlier one is pending.

        `now` is monotonic. The measurement restarts if the thread itself was delayed since its last probe, since
        it cannot tell what the loop did meanwhile.
        """
        overslept = now - self._last_probe_at > MAX_PROBE_GAP
        self._last_probe_at = now
        if self._probe_sent_at is not None and not overslept:
            return None
        self._number += 1
        self._probe_sent_at = now
        return self._number

    def acknowledge(self, number: int) -> None:
        """Acknowledge the probe with this number. Called in the loop."""
        if number == self._number:
            self._probe_sent_at = None

    def blocked(self, now: float) -> float:
        """Return for how many seconds the last probe has been pending."""
        sent_at = self._probe_sent_at
        return 0.0 if sent_at is None else now - sent_at
