"""Certificates of the nodes of one cluster, and the authority that signs them: made by the first node, held by all."""

import hashlib
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

_LASTS = timedelta(days=20 * 365)
"""Whoever holds the authority's key is trusted anyhow: a certificate that ends would only end the cluster."""
_BOTH = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
_BEFORE = timedelta(hours=25)
"""Clocks of nodes differ."""


@dataclass(frozen=True, slots=True)
class Pair:
    """A certificate and its private key, as PEM."""

    certificate: str
    key: str = field(repr=False)


def make_key() -> str:
    """A new private key."""
    return _text(ec.generate_private_key(ec.SECP256R1()))


def public_of(key: str) -> str:
    """The public half of a private key."""
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    found = serialization.load_pem_private_key(key.encode(), None).public_key()
    return found.public_bytes(serialization.Encoding.PEM, form).decode()


def make_authority() -> Pair:
    """A new authority."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = _name("Penstock cluster")
    usage = _usage(signs=True)
    built = (
        _builder(name, name)
        .public_key(key.public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
        .sign(key, hashes.SHA256())
    )
    return Pair(built.public_bytes(serialization.Encoding.PEM).decode(), _text(key))


def issue(authority: Pair, public_key: str, name: str, host: str) -> str:
    """A certificate for a node, with which it both asks and answers.

    Raises: ValueError if it is no public key that is taken.
    """
    signer = serialization.load_pem_private_key(authority.key.encode(), None)
    key = serialization.load_pem_public_key(public_key.encode())
    if not isinstance(signer, ec.EllipticCurvePrivateKey) or not isinstance(key, ec.EllipticCurvePublicKey):
        raise ValueError("the key of a node is one of an elliptic curve")  # noqa: TRY004 - what was sent is wrong
    issuer = x509.load_pem_x509_certificate(authority.certificate.encode())
    built = (
        _builder(_name(name), issuer.subject)
        .public_key(key)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs=False), critical=True)
        .add_extension(
            x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False
        )
        .add_extension(x509.SubjectAlternativeName([_alternative(one) for one in {host, "localhost"}]), critical=False)
        .sign(signer, hashes.SHA256())
    )
    return built.public_bytes(serialization.Encoding.PEM).decode()


def fingerprint(certificate: str) -> str:
    """The SHA-256 of a certificate, in hex.

    Raises: ValueError if it is none.
    """
    found = x509.load_pem_x509_certificate(certificate.encode())
    return hashlib.sha256(found.public_bytes(serialization.Encoding.DER)).hexdigest()


def _builder(subject: x509.Name, issuer: x509.Name) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    built = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer)
    built = built.serial_number(x509.random_serial_number())
    return built.not_valid_before(now - _BEFORE).not_valid_after(now + _LASTS)


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text[:64])])


def _alternative(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(host.strip("[]")))
    except ValueError:
        return x509.DNSName(host)


def _usage(*, signs: bool) -> x509.KeyUsage:
    never = {"content_commitment": False, "data_encipherment": False, "encipher_only": False, "decipher_only": False}
    return x509.KeyUsage(
        digital_signature=not signs,
        key_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs,
        crl_sign=signs,
        **never,
    )


def _text(key: ec.EllipticCurvePrivateKey) -> str:
    form = serialization.PrivateFormat.PKCS8
    return key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()).decode()
