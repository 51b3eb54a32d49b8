"""What can go wrong between a model's server and us, by what is to be done about it."""


class ModelError(Exception):
    """`reason` continues "the model's server …", in our own words: a server's may hold keys or reviews."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class ServerUnusableError(ModelError):
    """Asking again is in vain: the key, the quota, the model's name, the address."""


class ServerBusyError(ModelError):
    """The same may work later; `after` is in how many seconds, where the server said so."""

    def __init__(self, reason: str, after: float | None = None) -> None:
        super().__init__(reason)
        self.after = after


class ServerTimeoutError(ModelError):
    """No answer in time. What it was asked may be paid for, and a smaller question may be quick enough."""


class RequestRefusedError(ModelError):
    """It does not take such a request; `said` is its own explanation, which is never shown."""

    def __init__(self, reason: str, said: str) -> None:
        super().__init__(reason)
        self.said = said


class InvalidAnswerError(ModelError):
    """An answer came, and it is none."""
