"""A pause of a queue or of an analysis."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Pause:
    """What workers claim no sessions of; starts are accepted, and running attempts go on."""

    kind: Literal["queue", "analysis"]
    name: str

    def covers(self, queue: str, analysis: str) -> bool:
        """Return whether sessions of this analysis in this queue wait because of it."""
        return self.name == (queue if self.kind == "queue" else analysis)
