"""What an attempt needs to know of its steps, its plan and its store."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Any, Protocol

from outlast.core.payload import Codec
from outlast.domain.session import KeptStep
from outlast.domain.step_calls import Key


class KeyMaker(Protocol):
    """Makes the key of a call from its arguments; raises `TypeError` when there is none."""

    async def key_on_loop(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Key: ...
    def key(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Key: ...


class StepLike(Protocol):
    """What the context needs to know of a step."""

    @property
    def name(self) -> str: ...
    @property
    def version(self) -> int: ...
    @property
    def work(self) -> Callable[..., Any]: ...
    @property
    def codec(self) -> Codec: ...
    @property
    def keys(self) -> KeyMaker: ...


class ProgressSink(Protocol):
    """Where the lines of the plan are kept: `ProgressTracker`, or the pipe to it.

    `call` numbers the calls that work within an attempt; `flow` numbers the tasks and threads that call.
    """

    def begin(self, name: str, call: int, flow: int) -> None: ...
    def resume(self, name: str, flow: int) -> None: ...
    def end(self, name: str, call: int) -> None: ...
    def leave(self, name: str, call: int) -> None:
        """The call has raised or was cancelled."""
        ...

    def fan_out(self, name: str, calls: int) -> None:
        """So many calls of this step are coming, until `fan_in`."""
        ...

    def fan_in(self, name: str) -> None: ...
    def report(
        self, name: str | None, call: int, done: float | None, total: float | None, message: str | None
    ) -> None:
        """`name` is `None` and `call` 0 outside any step."""
        ...

    async def told(self) -> None:
        """Returns once all this can be seen, or soon."""
        ...


class Uploads(Protocol):
    """Where the uploads of one owner are."""

    def upload(self, sha256: str) -> AsyncIterator[bytes]:
        """Raises `Permanent` when there is none."""
        ...

    async def upload_name(self, sha256: str) -> str:
        """Raises `Permanent` when there is none."""
        ...


class Journal(Uploads, Protocol):
    """Where kept steps and uploads are: the store under the claim, or the pipe to it."""

    owner: str
    """The hash of whose session it is."""

    async def kept(self, call: str) -> KeptStep | None:
        """What an earlier attempt has kept of this call."""
        ...

    async def keep(self, kept: KeptStep) -> None:
        """Returns once durable; raises `ClaimLost`."""
        ...
