"""The exception of all fetching, with a sentence for the user and whether to retry."""

SAVE_IT = "Open the page in your browser, save it when you see the reviews, and upload that file."


class FetchError(Exception):
    """The message is a sentence for a person."""

    def __init__(self, sentence: str, *, transient: bool = False, retry_after: float | None = None) -> None:
        super().__init__(sentence)
        self.transient = transient
        """True when the same request may well succeed later."""
        self.retry_after = retry_after
        """Seconds that the shop asks to wait, where it says so; at most a day."""
