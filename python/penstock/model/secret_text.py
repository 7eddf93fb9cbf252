"""Texts that nobody is shown."""

from typing import Annotated

from pydantic import BeforeValidator, PlainSerializer, SecretStr, WithJsonSchema


def check_text(value: object) -> object:
    """The value itself, if it is a text.

    Raises: ValueError that does not show it, as the usual one would: a number may be a secret without its quotes.
    """
    if not isinstance(value, str | SecretStr):
        raise ValueError("expected text; write it in quotes")  # noqa: TRY004 - what a validator raises
    return value


SecretText = Annotated[
    SecretStr,
    BeforeValidator(check_text),
    # Masked it could not be read again from where resources are kept, which only the owner may read.
    PlainSerializer(lambda secret: secret.get_secret_value(), return_type=str, when_used="json"),
    WithJsonSchema({"type": "string", "format": "password", "writeOnly": True}),
]
"""A text that nobody is shown."""
