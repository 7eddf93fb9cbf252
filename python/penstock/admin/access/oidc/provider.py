"""An OpenID provider, and which of its people may do what here."""

from collections.abc import Mapping
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field

from penstock.admin.access.holders import Holder
from penstock.model.resource import Name, Settings, Text

_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_LONGEST_NAME = 200
CALLBACK = "/api/v1/login/callback"
"""Where the provider sends the browser back to."""


def check_url(url: str) -> str:
    """The URL itself, if keys and tokens may be fetched there.

    Raises: ValueError.
    """
    try:
        parts = urlsplit(url)
        host = parts.hostname
        _ = parts.port
    except ValueError:
        raise ValueError(f"not a URL: {url[:200]!r}") from None
    is_safe = parts.scheme == "https" or (parts.scheme == "http" and host in _LOOPBACK)
    if not is_safe or not host or parts.username is not None or parts.fragment or not url.isprintable() or " " in url:
        raise ValueError(f"not a URL that can be trusted: {url[:200]!r}; write https://")
    return url


Url = Annotated[Text, AfterValidator(check_url), Field(json_schema_extra={"format": "uri"}, max_length=2000)]
"""An address that starts with `https://`, or on loopback with `http://`."""


class Right(Settings):
    """What those may do of whom a claim says something."""

    claim: Text = Field(min_length=1, description="Name of the claim, such as `groups`.")
    value: Text = Field(description="What it has to be, or to hold if it is a list.")
    role: Name = Field(description="Name of the role that they have.")
    namespace: Name | None = Field(None, description="Namespace that they are kept within. Absent: none.")

    def holds_for(self, claims: Mapping[str, Any]) -> bool:
        """Whether it is somebody's."""
        if self.claim == "email" and claims.get("email_verified") is not True:
            return False  # an address that nobody has confirmed may be anybody's
        found = claims.get(self.claim)
        return self.value in found if isinstance(found, list) else found == self.value


class Provider(Settings):
    """An OpenID provider that tells who people are."""

    issuer: Url = Field(description="Its address, as it calls itself.")
    client_id: Text = Field(min_length=1, description="What the gateway is called there.")
    client_secret: Text = Field(
        "", description="What the gateway shows there. Empty: nothing.", json_schema_extra={"format": "password"}
    )
    url: Url = Field(description="Address of the admin API, as browsers reach it.")
    scopes: tuple[Text, ...] = Field(("openid", "profile", "email"), description="Scopes that are asked for.")
    audience: Text = Field("", description="For whom tokens of programs have to be. Empty: for the client.")
    name_claim: Text = Field("email", description="The claim by which history knows people. Absent there: `sub`.")
    rights: tuple[Right, ...] = Field(
        (), max_length=1000, description="Who may do what: the first that holds. Of whom none holds may not come in."
    )

    def holder(self, claims: Mapping[str, Any]) -> Holder | None:
        """What somebody may do, if anything."""
        right = next((right for right in self.rights if right.holds_for(claims)), None)
        return Holder(role=right.role, namespace=right.namespace) if right else None

    def name_of(self, claims: Mapping[str, Any], provider: str) -> str:
        """What history calls somebody; never as a user or a token of ours is called."""
        # An address that nobody has confirmed may be anybody's.
        is_trusted = self.name_claim != "email" or claims.get("email_verified") is not False
        given = str((claims.get(self.name_claim) if is_trusted else None) or claims["sub"])[:_LONGEST_NAME]
        plain = "".join(one if one.isprintable() else "?" for one in given)
        return plain if "@" in plain else f"{plain}@{provider}"
