"""Certificates in the place of those that have not come yet, for those who only try a configuration out."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from hashlib import blake2b

from penstock.model.acme import Acme
from penstock.model.certificate import Certificate
from penstock.model.loading.loaded import Placed

_LASTS = timedelta(days=1)


def with_stand_ins(placed: Sequence[Placed]) -> Sequence[Placed]:
    """Resources as they are once all certificates have come; as they are now where none could be made."""
    if not any(map(_is_awaited, placed)):
        return placed
    try:
        return [_stood_in(one) if _is_awaited(one) else one for one in placed]
    except ImportError:  # what makes certificates is an extra
        return placed


def _is_awaited(placed: Placed) -> bool:
    certificate = placed.resource
    return isinstance(certificate, Certificate) and certificate.acme is not None and not certificate.given


def _stood_in(placed: Placed) -> Placed:
    certificate = placed.resource
    assert isinstance(certificate, Certificate)  # noqa: S101 - looked at before
    assert certificate.acme is not None  # noqa: S101 - as above
    chain, key = _self_signed(certificate.acme)
    digest = blake2b(f"{placed.digest} {chain}".encode(), digest_size=16).hexdigest()
    stood = certificate.with_issued(chain, key)
    return Placed(stood, digest, placed.file, placed.document, placed.outer, placed.remains, placed.called)


def _self_signed(acme: Acme) -> tuple[str, str]:
    from cryptography import x509  # noqa: PLC0415 - an extra that others do without
    from cryptography.hazmat.primitives import hashes, serialization  # noqa: PLC0415 - as above
    from cryptography.hazmat.primitives.asymmetric import ec  # noqa: PLC0415 - as above

    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "not issued yet")])
    alternatives = x509.SubjectAlternativeName([x509.DNSName(one) for one in acme.names])
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(x509.random_serial_number()).add_extension(alternatives, critical=False)
    built = builder.not_valid_before(now - _LASTS).not_valid_after(now + _LASTS).sign(key, hashes.SHA256())
    form = serialization.Encoding.PEM
    text = key.private_bytes(form, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return built.public_bytes(form).decode(), text.decode()
