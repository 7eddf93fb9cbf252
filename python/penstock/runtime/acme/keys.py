"""The keys of accounts and certificates: what is signed with them, and how they are written."""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

_COORDINATE_BYTES = 32
_PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
_MAKERS: Mapping[str, Callable[[], _PrivateKey]] = {
    "ec256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "ec384": lambda: ec.generate_private_key(ec.SECP384R1()),
    "rsa2048": lambda: rsa.generate_private_key(65537, 2048),
    "rsa4096": lambda: rsa.generate_private_key(65537, 4096),
}


def encoded(data: bytes) -> str:
    """Bytes in base64url without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def encoded_json(data: Any) -> str:
    """Data as JSON in base64url."""
    return encoded(json.dumps(data, separators=(",", ":"), sort_keys=True).encode())


class AccountKey:
    """The key that an account is known by, and all its requests are signed with (ES256).

    Raises: ValueError if the text is no such key.
    """

    def __init__(self, text: str) -> None:
        found = serialization.load_pem_private_key(text.encode(), None)
        if not isinstance(found, ec.EllipticCurvePrivateKey) or found.curve.name != "secp256r1":
            raise ValueError("the key of an account is one of the curve P-256")
        self._key = found
        numbers = found.public_key().public_numbers()
        x, y = (encoded(number.to_bytes(_COORDINATE_BYTES)) for number in (numbers.x, numbers.y))
        self.public = {"crv": "P-256", "kty": "EC", "x": x, "y": y}

    def signed(self, head: Mapping[str, Any], payload: str) -> dict[str, str]:
        """A payload, which is in base64url already, with a head and the signature of both (RFC 7515)."""
        protected = encoded_json({"alg": "ES256", **head})
        r, s = decode_dss_signature(self._key.sign(f"{protected}.{payload}".encode(), ec.ECDSA(hashes.SHA256())))
        signature = encoded(r.to_bytes(_COORDINATE_BYTES) + s.to_bytes(_COORDINATE_BYTES))
        return {"protected": protected, "payload": payload, "signature": signature}

    def proof(self, token: str) -> str:
        """What is answered at a token, so that the authority knows who proves a name (RFC 8555, section 8.1)."""
        text = json.dumps(self.public, separators=(",", ":"), sort_keys=True)
        return f"{token}.{encoded(hashlib.sha256(text.encode()).digest())}"


def bound(public: Mapping[str, str], url: str, key_id: str, mac_key: bytes) -> dict[str, str]:
    """What binds an account of ours to one that the authority knows already (RFC 8555, section 7.3.4)."""
    protected, payload = encoded_json({"alg": "HS256", "kid": key_id, "url": url}), encoded_json(dict(public))
    signature = hmac.digest(mac_key, f"{protected}.{payload}".encode(), "sha256")
    return {"protected": protected, "payload": payload, "signature": encoded(signature)}


def make_key(kind: str) -> str:
    """A new private key in PEM."""
    return (
        _MAKERS[kind]()
        .private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        .decode()
    )


def signing_request(key: str, names: Sequence[str]) -> str:
    """The request for a certificate of a private key, for names; in base64url."""
    signer = serialization.load_pem_private_key(key.encode(), None)
    if not isinstance(signer, ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey):
        raise TypeError("a key that `make_key` has made")
    alternatives = x509.SubjectAlternativeName([x509.DNSName(name) for name in names])
    request = x509.CertificateSigningRequestBuilder(x509.Name([])).add_extension(alternatives, critical=False)
    return encoded(request.sign(signer, hashes.SHA256()).public_bytes(serialization.Encoding.DER))
