"""Certificates that an authority issues when it is asked: for which names, and from whom (ACME, RFC 8555)."""

import base64
import binascii
import re
from ipaddress import ip_address
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr

from penstock.model.resource import Settings, SomeTime, Text
from penstock.model.secret_text import SecretText

LETS_ENCRYPT = "https://acme-v02.api.letsencrypt.org/directory"
_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_LONGEST_NAME = 253
_MOST_NAMES = 100
"""As many as authorities put into one certificate."""


def check_host(name: str) -> str:
    """The name in lower case, if it is a host's that can be proven over HTTP.

    Raises: ValueError if it is none.
    """
    found = name.lower()
    if "*" in found:
        raise ValueError(
            f"{name[:80]!r} can only be proven by DNS, which is not spoken here; name each host, or give `certificate` "
            "and `key`"
        )
    if _is_address(found):
        raise ValueError(f"{name[:80]!r} is an address; write the name of a host")
    if len(found) > _LONGEST_NAME or not all(map(_LABEL.fullmatch, found.split("."))):
        raise ValueError(
            f"not the name of a host: {name[:80]!r}; write it like shop.example.com, or xn--... (punycode)"
        )
    return found


def check_directory(url: str) -> str:
    """The address itself, if something can be ordered there.

    Raises: ValueError if it is none.
    """
    parts = urlsplit(url)
    if parts.scheme != "https" or not parts.hostname or parts.username is not None:
        raise ValueError(f"not the address of a directory: {url[:80]!r}; write it like {LETS_ENCRYPT}")
    return url


def check_email(address: str) -> str:
    """The address itself, if somebody can be reached there.

    Raises: ValueError if it is none.
    """
    if not re.fullmatch(r"[!-~]+@[!-~]+", address) or address.count("@") != 1 or set(address) & set(",?"):
        raise ValueError(f"not an address of mail: {address[:80]!r}; write one, like ops@example.com")
    return address


def check_mac_key(key: SecretStr) -> SecretStr:
    """The key itself, if it is written as authorities give it.

    Raises: ValueError if it is not; the key is not told.
    """
    try:
        decoded = decoded_mac_key(key.get_secret_value())
    except (binascii.Error, ValueError):
        decoded = b""
    if not decoded:
        raise ValueError("not a key in base64url, as authorities give it")
    return key


def decoded_mac_key(text: str) -> bytes:
    """The bytes of a key in base64url, with or without padding.

    Raises: ValueError.
    """
    return base64.b64decode(text.strip().rstrip("=") + "=" * (-len(text.strip().rstrip("=")) % 4), b"-_", validate=True)


def _is_address(text: str) -> bool:
    try:
        ip_address(text.strip("[]"))
    except ValueError:
        return False
    return True


Host = Annotated[Text, AfterValidator(check_host)]


class AcmeAccount(Settings):
    """An account that the authority knows already, for those that let nobody in without one."""

    key_id: Text = Field(min_length=1, description="What the authority calls the account (EAB key identifier).")
    key: Annotated[SecretText, AfterValidator(check_mac_key)] = Field(
        description="Its key in base64url (EAB HMAC key); it is never shown."
    )


class Acme(Settings):
    """How a certificate is ordered; whoever writes it agrees to the authority's terms."""

    names: tuple[Host, ...] = Field(
        min_length=1, max_length=_MOST_NAMES, description="Hosts that it is for, each of which leads to this gateway."
    )
    email: Annotated[Text, AfterValidator(check_email)] | None = Field(
        None, description="Address at which the authority reaches somebody. Absent: it has none."
    )
    directory: Annotated[Text, AfterValidator(check_directory)] = Field(
        LETS_ENCRYPT, description="Address of the authority's directory. Absent: Let's Encrypt's."
    )
    ca: Text | None = Field(
        None,
        min_length=1,
        description="Certificates in PEM of those who may sign the directory's. Absent: whom the machine trusts.",
    )
    challenge: Literal["http-01"] = Field(
        "http-01", description="How names are proven: `http-01`, by what is answered in clear text at port 80."
    )
    key_type: Literal["ec256", "ec384", "rsa2048", "rsa4096"] = Field(
        "ec256",
        description="Kind of its private key, which is made anew each time: `ec256`, `ec384`, `rsa2048`, `rsa4096`.",
    )
    renew_before: SomeTime | None = Field(
        None,
        description="Time before its end at which it is renewed. Absent: a third of its lifetime, at most 30d.",
    )
    account: AcmeAccount | None = Field(
        None, description="An account there that is bound to the gateway's own. Absent: none is needed."
    )
