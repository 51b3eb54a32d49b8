"""Who may do what: one function decides for every route, whoever asks."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from outlast.core.api_keys import Scope


class Verb(StrEnum):
    """What a route does."""

    PUBLIC = "public"
    """Shows what everybody may see."""
    READ = "read"
    """Shows one session or its result."""
    LIST = "list"
    """Lists the sessions of one owner, and what begins a visit."""
    START = "start"
    """Starts a session, or uploads a file for it."""
    CHANGE = "change"
    """Cancels, retries or shares a session."""
    DELETE = "delete"
    """Deletes one session or everything of an owner."""
    OVERSEE = "oversee"
    """Shows the sessions of every owner, to viewers of the dashboard too."""
    OPERATE = "operate"
    """Changes the sessions of every owner."""


class Role(StrEnum):
    """What somebody who has signed in to the dashboard may do."""

    VIEWER = "viewer"
    """See everything, and change nothing."""
    OPERATOR = "operator"
    """Change everything, too."""


SCOPES: Final[Mapping[Verb, Scope]] = {
    Verb.READ: Scope.READ,
    Verb.LIST: Scope.READ,
    Verb.START: Scope.START,
    Verb.CHANGE: Scope.START,
    Verb.DELETE: Scope.START,
    Verb.OVERSEE: Scope.OPERATE,
    Verb.OPERATE: Scope.OPERATE,
}
"""The scope of a key that each verb needs."""


CHANGES: Final = frozenset({Verb.CHANGE, Verb.DELETE, Verb.OPERATE})
"""What the audit log has of those who may change the sessions of others."""


@dataclass(frozen=True, slots=True)
class Actor:
    """Who sent a request."""

    owner: str | None = None
    """The owner of the sessions that it may use; `None`: nobody."""
    scopes: frozenset[str] | None = None
    """Those of an API key; `None`: not a key."""
    key_id: str | None = None
    """Of the API key."""
    role: Role | None = None
    """The role of one who has shown a key of the dashboard."""
    session_id: str | None = None
    """The only session that a read token is for; `None`: not a token."""

    @property
    def sees_all(self) -> bool:
        """Whether the owner of a session is not compared: `may` has compared its id, or it is an operator's."""
        return self.session_id is not None or (self.scopes is not None and Scope.OPERATE in self.scopes)

    @property
    def is_visitor(self) -> bool:
        return self.scopes is None and self.session_id is None


def may(actor: Actor, verb: Verb, session_id: str | None) -> bool:
    """Whether this actor may do this with this session, if it is one of its owner's, which the store compares.

    `session_id` is `None` for routes without one.
    """
    if verb is Verb.PUBLIC:
        return True
    if actor.session_id is not None:
        return verb is Verb.READ and session_id == actor.session_id
    if actor.scopes is not None:
        return SCOPES[verb] in actor.scopes or Scope.OPERATE in actor.scopes
    if verb is Verb.OVERSEE:
        return actor.role is not None
    if verb is Verb.OPERATE:
        return actor.role is Role.OPERATOR
    return actor.owner is not None and actor.role is None
