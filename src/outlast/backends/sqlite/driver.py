"""Types for the part of apsw that Outlast uses: its own stubs need a newer Python than 3.11."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Protocol, Self

Values = Mapping[str, Any] | Sequence[Any]


class Cursor(Protocol):
    """The result of one statement. Read it to its end before the transaction ends."""

    def execute(self, statements: str, bindings: Values | None = None, *, can_cache: bool = True) -> "Cursor": ...

    def get_description(self) -> Sequence[tuple[str, str | None]]:
        """The name and the declared type of each column of the current row."""
        ...

    def __iter__(self) -> Iterator[tuple[Any, ...]]: ...

    @property
    def get(self) -> Any:
        """All rows in the simplest form: the bare value of one row with one column, `None` for no row."""
        ...

    def fetchall(self) -> list[tuple[Any, ...]]: ...


class Backup(Protocol):
    """`apsw.Backup`, a context manager."""

    page_count: int
    remaining: int

    @property
    def done(self) -> bool: ...

    def step(self, npages: int = -1) -> bool: ...

    def __enter__(self) -> Self: ...

    def __exit__(self, *error: object) -> bool | None: ...


class Connection(Protocol):
    """`apsw.Connection`."""

    def backup(self, databasename: str, sourceconnection: "Connection", sourcedatabasename: str) -> Backup: ...

    @property
    def in_transaction(self) -> bool: ...

    def execute(self, statements: str, bindings: Values | None = None, *, can_cache: bool = True) -> Cursor: ...

    def cursor(self) -> Cursor: ...

    def pragma(self, name: str, value: str | int | None = None) -> Any: ...

    def set_busy_handler(self, callable: Callable[[int], bool] | None) -> None: ...  # noqa: A002 - apsw's own name

    def set_wal_hook(self, callable: Callable[["Connection", str, int], int] | None) -> None: ...  # noqa: A002 - as above

    def wal_checkpoint(self, dbname: str | None = None, mode: int = 0) -> tuple[int, int]: ...

    def close(self) -> None: ...
