"""Which uploads the input of a session names."""

import re
from collections.abc import Sequence

REFERENCE = re.compile(r"upload:([0-9a-f]{64})")


def uploads_in(text: str) -> Sequence[str]:
    """Return the hashes of the uploads that an input, as JSON, names."""
    return list(dict.fromkeys(REFERENCE.findall(text)))
