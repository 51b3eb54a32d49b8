"""Errors of the model's server, classified by how to handle them."""


class ModelError(Exception):
    """`reason` is a message that continues "The model's server".

    It never quotes the server, which may echo keys or reviews.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class ServerUnusableError(ModelError):
    """Do not retry: the key, quota, model name or address is wrong."""


class ServerBusyError(ModelError):
    """Retry later; `after` is the server's Retry-After in seconds, if any."""

    def __init__(self, reason: str, after: float | None = None) -> None:
        super().__init__(reason)
        self.after = after


class ServerTimeoutError(ModelError):
    """The request timed out. It may be billed all the same, and a smaller one may succeed."""


class RequestRefusedError(ModelError):
    """The server rejects the request; `explanation` is the body of its response, which is never shown."""

    def __init__(self, reason: str, explanation: str) -> None:
        super().__init__(reason)
        self.explanation = explanation


class InvalidAnswerError(ModelError):
    """The answer is not what was asked for."""
