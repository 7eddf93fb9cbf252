"""Certificates: chains and their keys, and what a listener asks of handshakes."""

from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, PrivateAttr, SecretStr, WithJsonSchema

from penstock.base.names import did_you_mean
from penstock.model.acme import Acme
from penstock.model.resource import Resource, Settings, Text, reference
from penstock.model.secret_text import SecretText

CIPHERS = (
    "TLS_AES_128_GCM_SHA256",
    "TLS_AES_256_GCM_SHA384",
    "TLS_CHACHA20_POLY1305_SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
    "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
    "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
)
"""Every cipher suite that is spoken: those with forward secrecy and authenticated encryption."""
_OF_TLS_13 = "TLS_AES_", "TLS_CHACHA20_"
_NUMBERS = {1.2: "1.2", 1.3: "1.3"}


def check_cipher(cipher: str) -> str:
    """The name of a cipher suite itself, if it is one that is spoken.

    Raises: ValueError with the name that is probably meant.
    """
    if cipher in CIPHERS:
        return cipher
    hint = did_you_mean(cipher, CIPHERS) or f"write one of {', '.join(CIPHERS)}"
    raise ValueError(f"no cipher suite that is spoken is called {cipher[:80]!r}; {hint}")


def read_version(value: object) -> object:
    """The version that a number stands for, as YAML takes `1.3` for one."""
    return _NUMBERS.get(value, value) if isinstance(value, float) else value


Cipher = Annotated[Text, AfterValidator(check_cipher), Field(json_schema_extra={"enum": list(CIPHERS)})]
Version = Annotated[
    Literal["1.2", "1.3"],
    BeforeValidator(read_version),
    WithJsonSchema({"enum": ["1.2", "1.3", 1.2, 1.3]}),
]


class ListenerTls(Settings):
    """What a listener asks of handshakes."""

    certificates: tuple[reference("certificate"), ...] = Field(  # type: ignore[valid-type] # made by a call
        min_length=1,
        description="Names of certificates. Each client is shown the one for the name it asks for: exactly, else by "
        "a wildcard. The first is shown to clients that ask for none.",
    )
    min_version: Version = Field("1.2", description="Oldest version of TLS spoken: `1.2` or `1.3`.")
    ciphers: tuple[Cipher, ...] | None = Field(
        None, min_length=1, description="Cipher suites, the most wanted first. Absent: all that are safe."
    )
    unknown_name: Literal["first", "refuse"] = Field(
        "first",
        description="What happens to a client that asks for a name no certificate has: it is shown the first one, "
        "or refused.",
    )

    client_ca: Text | None = Field(
        None,
        min_length=1,
        description="Certificates in PEM of those who may sign certificates of clients. Absent: clients show none.",
    )
    client_certificate: Literal["required", "optional"] | None = Field(
        None, description="Whether a client without a certificate is refused. Absent: with `client_ca` it is."
    )
    client_crl: Text | None = Field(
        None,
        min_length=1,
        description="Lists in PEM of certificates that those have revoked; one by somebody without a list is refused.",
    )
    early_data: bool = Field(
        default=False,
        description="Whether requests of HTTP/3 are taken with a client's first packet, when they may be another's "
        "copies: those that a copy could do harm with are answered with 425, others marked `Early-Data: 1`.",
    )

    @property
    def has_cipher_of_version(self) -> bool:
        """Whether some cipher suite belongs to a version that is spoken."""
        return self.min_version == "1.2" or self.speaks_13

    @property
    def speaks_13(self) -> bool:
        """Whether some cipher suite belongs to TLS 1.3."""
        return self.ciphers is None or any(is_of_13(cipher) for cipher in self.ciphers)


def is_of_13(cipher: str) -> bool:
    """Whether a cipher suite is one of TLS 1.3."""
    return cipher.startswith(_OF_TLS_13)


class CertificatePair(Settings):
    """A chain of certificates and its private key among others."""

    name: Text = Field(min_length=1, description="What it is called: the name of its files.")
    certificate: Text = Field(min_length=1, description="The chain in PEM.")
    key: SecretText = Field(description="The private key in PEM, not encrypted; it is never shown.")
    ocsp: Text | None = Field(None, min_length=1, description="Proof that it is not revoked, in base64.")


class Certificate(Resource):
    """A chain of certificates and its private key, or a folder of such pairs, for listeners that speak TLS.

    Both are PEM text, mostly from files: those are watched, and a pair that is renewed serves new connections at once.
    With `acme` the gateway orders them from an authority, and renews them in time.
    """

    model_config: ClassVar[ConfigDict] = ConfigDict(title="Certificate")
    example: ClassVar[str] = """
        kind: Certificate
        name: shop
        certificate: ${file:shop.pem}
        key: ${file:shop.key}
    """

    kind: Literal["Certificate"] = Field(description="What the resource is.")
    certificate: Text | None = Field(
        None, min_length=1, description="The chain in PEM, the certificate itself first, then who signed it."
    )
    key: SecretText | None = Field(None, description="The private key in PEM, not encrypted; it is never shown.")
    ocsp: Text | None = Field(
        None,
        min_length=1,
        description="Answer of the authority's OCSP responder that it is not revoked, in base64; shown to clients.",
    )
    folder: Text | None = Field(
        None,
        min_length=1,
        description="Path of a folder, relative to the configuration file, in the place of `certificate` and `key`. It "
        "holds pairs `NAME.crt` (or `NAME.pem`) and `NAME.key`, or folders `NAME` with `tls.crt` and `tls.key`, "
        "each maybe with `NAME.ocsp` beside.",
    )
    pairs: tuple[CertificatePair, ...] = Field(
        (),
        description="What the folder holds, filled in when the configuration is read; or several pairs in its place.",
    )
    acme: Acme | None = Field(
        None, description="From whom it is ordered and for which names, in the place of `certificate` and `key`."
    )
    _issued: CertificatePair | None = PrivateAttr(default=None)

    def with_issued(self, certificate: str, key: str) -> "Certificate":
        """The same with what was issued for it."""
        pair = CertificatePair.model_construct(name="", certificate=certificate, key=SecretStr(key), ocsp=None)
        found = self.model_copy()
        found._issued = pair  # noqa: SLF001 - of another one of this class
        return found

    @property
    def given(self) -> tuple[CertificatePair, ...]:
        """Its pairs; the one that `certificate` and `key` are has no name, nor has one that was issued."""
        if self.acme is not None:
            return () if self._issued is None else (self._issued,)
        if self.certificate is None or self.key is None:
            return self.pairs
        return (CertificatePair.model_construct(name="", certificate=self.certificate, key=self.key, ocsp=self.ocsp),)
