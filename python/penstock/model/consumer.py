"""Consumers: who sends requests, and the keys that tell them apart."""

from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, ConfigDict, Field, SecretStr

from penstock.model.resource import Name, Resource
from penstock.model.secret_text import SecretText

LEAST_KEY = 16
"""Fewer characters could be guessed one after the other."""
MOST_KEY = 256
"""More than any generator of keys makes; the core looks at no longer ones."""
MOST_KEYS = 100
"""More than a rotation needs."""


def check_key(key: SecretStr) -> SecretStr:
    """The key itself, if it may be one.

    Raises: ValueError that does not show it.
    """
    text = key.get_secret_value()
    if not LEAST_KEY <= len(text) <= MOST_KEY:
        raise ValueError(f"a key has {LEAST_KEY} to {MOST_KEY} characters, and this one {len(text)}")
    if not all("!" <= letter <= "~" for letter in text):
        raise ValueError("a key has letters, digits and signs of ASCII, and no spaces")
    return key


class Consumer(Resource):
    """Somebody who sends requests and is known by a key, where a `VerifyKey` step looks.

    Of several keys each is good, so that a new one can be handed out before the old one is taken away.
    """

    model_config: ClassVar[ConfigDict] = ConfigDict(title="Consumer")
    example: ClassVar[str] = """
        kind: Consumer
        name: alice
        groups: [partners]
        keys: ["${env:ALICE_KEY:-alice-0123456789abcdef}"]
    """

    kind: Literal["Consumer"] = Field(description="What the resource is.")
    keys: tuple[Annotated[SecretText, AfterValidator(check_key)], ...] = Field(
        min_length=1,
        max_length=MOST_KEYS,
        description=f"Keys, each of {LEAST_KEY} to {MOST_KEY} visible characters of ASCII; they are never shown.",
    )
    groups: tuple[Name, ...] = Field((), description="Names of groups that it belongs to, which steps may ask for.")
