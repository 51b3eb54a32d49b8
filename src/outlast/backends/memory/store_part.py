"""The base class of the parts of the memory store."""

from outlast.backends.memory.tables import MemoryTables


class MemoryPart:
    """A part of the memory store, on tables that it shares with the others."""

    def __init__(self, tables: MemoryTables) -> None:
        self._tables = tables
