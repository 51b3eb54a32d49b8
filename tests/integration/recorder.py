"""A dispatcher without a broker."""

from collections.abc import Sequence

from outlast.ports.dispatcher import WaitingSession


class Recorder:
    """Records the sessions that were dispatched since the last read."""

    def __init__(self) -> None:
        self.messages: list[WaitingSession] = []

    async def open(self) -> None:
        """Nothing to connect."""

    async def close(self) -> None:
        """Nothing is open."""

    def dispatch(self, waiting: Sequence[WaitingSession]) -> None:
        self.messages += waiting

    def sent(self) -> list[str]:
        sent, self.messages = self.messages, []
        return [w.session_id for w in sent]
