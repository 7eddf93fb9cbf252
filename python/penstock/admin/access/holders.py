"""Who holds rights: users, who have a password, and tokens, which are for programs."""

import secrets
from hashlib import sha256
from typing import Annotated

from pydantic import AfterValidator, Field

from penstock.model.resource import Flag, Name, Settings, Text

RESERVED = frozenset({"owner", "admin", "configuration", "penstock", "nobody"})
"""Names that history has for others."""
_BYTES = 32
_PREFIX = "pst_"
"""What every token begins with, so that those who look for lost secrets know it."""


def check_holder(name: str) -> str:
    """The name itself, if a user or token may have it.

    Raises: ValueError.
    """
    if name in RESERVED:
        raise ValueError(f"{name} is somebody else's name; take another")
    return name


HolderName = Annotated[Name, AfterValidator(check_holder)]


class Holder(Settings):
    """What users and tokens have in common."""

    role: Name = Field(description="Name of the role: viewer, operator, admin or one of your own.")
    namespace: Name | None = Field(None, description="Namespace that it is kept within. Absent: none.")
    description: Text = Field("", max_length=1000, description="Whose it is, and what for.")


class User(Holder):
    """A person."""

    enabled: Flag = Field(default=True, description="Whether the user may come in.")
    password: Text = Field("", description="What is kept of the password. Empty: there is none.")


class Token(Holder):
    """A token, of which the hash is kept."""

    digest: Text = Field(description="Hash of the token.")
    created: float = Field(description="When it was made, in seconds since 1970.")
    expires: float | None = Field(None, description="When it ends, in seconds since 1970. Absent: never.")


def new_token() -> str:
    """A token that nobody can guess."""
    return _PREFIX + secrets.token_urlsafe(_BYTES)


def digest(token: str) -> str:
    """What is kept of a token. It is as long as a key, so that a plain hash is enough."""
    return sha256(token.encode(errors="surrogateescape")).hexdigest()
