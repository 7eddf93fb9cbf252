"""Texts that nobody is shown."""

from typing import Annotated

from pydantic import PlainSerializer, SecretStr, WithJsonSchema

SecretText = Annotated[
    SecretStr,
    # Masked it could not be read again from where resources are kept, which only the owner may read.
    PlainSerializer(lambda secret: secret.get_secret_value(), return_type=str, when_used="json"),
    WithJsonSchema({"type": "string", "format": "password", "writeOnly": True}),
]
"""A text that nobody is shown."""
