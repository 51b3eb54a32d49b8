"""The one thing that all parts of the memory store share."""

from outlast.backends.memory.tables import MemoryTables


class MemoryPart:
    """A part of the memory store: verbs over the same tables."""

    def __init__(self, tables: MemoryTables) -> None:
        self._tables = tables
