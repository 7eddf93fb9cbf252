"""Proofs that a certificate is not revoked, carried by handshakes."""

import json
import shutil
import subprocess

import pytest

from penstock import Gateway
from penstock.compiler import compile_resources
from penstock.filters.native import native_catalogue
from penstock.model.loading import load_resources
from tests.servers.tls_client import CERTIFICATES, pair

GOOD, REVOKED = ((CERTIFICATES / name).read_text() for name in ("shop.ocsp", "shop_revoked.ocsp"))
ARMOURED = f"-----BEGIN OCSP RESPONSE-----\n{GOOD}-----END OCSP RESPONSE-----\n"


def resources(ocsp: str | None) -> list[dict[str, object]]:
    certificate, key = pair("shop")
    return [
        {"kind": "Certificate", "name": "shop", "certificate": certificate, "key": key, "ocsp": ocsp},
        {"kind": "Listener", "name": "web", "address": "127.0.0.1:0", "tls": {"certificates": ["shop"]}},
        {"kind": "Route", "name": "all", "path": "/*", "steps": [{"kind": "Respond", "status": 200}]},
    ]


@pytest.mark.parametrize(
    ("ocsp", "expected"),
    [(GOOD, b"Cert Status: good"), (ARMOURED, b"Cert Status: good"), (None, b"OCSP response: no response sent")],
)
@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
def test_a_client_that_asks_is_shown_the_proof(ocsp: str | None, expected: bytes, version: str) -> None:
    openssl = shutil.which("openssl")
    assert openssl, "this test needs openssl"
    with Gateway(resources(ocsp)) as gateway:
        address = gateway.url.removeprefix("https://")
        command = [openssl, "s_client", "-connect", address, "-servername", "shop.test", "-status", version]
        said = subprocess.run(command, input=b"", capture_output=True, timeout=20, check=False).stdout
    assert expected in said


@pytest.mark.parametrize("ocsp", [REVOKED, "no base64", "MAA=", GOOD[:200], pair("shop")[0]])
def test_what_proves_nothing_is_a_problem(ocsp: str) -> None:
    loaded = load_resources("\n---\n".join(map(json.dumps, resources(ocsp))))
    compiled = compile_resources(loaded.resources, native_catalogue(), unusable=loaded.unusable)
    assert [one.path_text for one in compiled.problems] == ["ocsp"]
