"""The header `Prefer` of RFC 7240: `respond-async` and `wait=N`."""

from dataclasses import dataclass

from outlast.web.progress import LONGEST_WAIT


@dataclass(frozen=True, slots=True)
class Preferences:
    """What a client prefers."""

    wait: int | None = None
    """Seconds to wait for the end, capped."""
    respond_async: bool = False

    @classmethod
    def of(cls, header: bytes) -> "Preferences":
        """Parse the header; like every preference, an unknown or malformed one is ignored."""
        wait, respond_async = None, False
        for part in header.decode("latin-1").split(","):
            name, _, value = part.partition(";")[0].strip().partition("=")
            name, value = name.strip().lower(), value.strip().strip('"')
            if name == "wait" and value.isascii() and value.isdigit():
                wait = min(int(value[:9]), int(LONGEST_WAIT))
            respond_async = respond_async or name == "respond-async"
        return cls(wait, respond_async)

    def applied(self, *, inline: bool) -> dict[str, str]:
        """The header `Preference-Applied`; in sync mode each request waits for the end anyway."""
        applied = [] if inline or not self.respond_async else ["respond-async"]
        if self.wait is not None and not inline:
            applied.append(f"wait={self.wait}")
        return {"Preference-Applied": ", ".join(applied)} if applied else {}
