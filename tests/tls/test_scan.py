"""What a scanner finds at a listener with default settings: nothing old, nothing weak (L7, G10)."""

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from subprocess import PIPE, STDOUT
from typing import Any

import pytest

from penstock import Gateway
from tests.servers.client_hello import client_hello, extension, said_to
from tests.servers.python_programs import python_program
from tests.servers.tls_client import AUTHORITY, pair

SSLYZE = "sslyze==6.3.1"
OF_12 = {0xC02B, 0xC02C, 0xCCA9, 0xC02F, 0xC030, 0xCCA8}
"""With ephemeral elliptic curves and authenticated encryption, for an ECDSA and an RSA key."""
OF_13 = {0x1301, 0x1302, 0x1303}
REGISTERED = [*range(0x0001, 0x00C8), *range(0xC001, 0xC0B5), *range(0xCCA8, 0xCCAF), *range(0xD001, 0xD006)]
"""Every suite of TLS 1.2 and before that the registry has, and numbers between that it has not."""
HEARTBEAT, HEARTBEAT_MODE = 15, b"\x01"
PROTOCOL_VERSION, HANDSHAKE_FAILURE = 70, 40
DOWNGRADED = b"DOWNGRD\x01"
"""RFC 8446, section 4.1.3."""


def resources() -> list[dict[str, Any]]:
    texts = [(name, *pair(name)) for name in ("shop", "shop_rsa")]
    certificates = [
        {"kind": "Certificate", "name": name.replace("_", "-"), "certificate": chain, "key": key}
        for name, chain, key in texts
    ]
    tls = {"certificates": ["shop", "shop-rsa"]}
    return [
        *certificates,
        {"kind": "Listener", "name": "web", "address": "127.0.0.1:0", "tls": tls},
        {"kind": "Route", "name": "all", "path": "/*", "steps": [{"kind": "Respond", "status": 200, "body": "good"}]},
    ]


@pytest.fixture(scope="module")
def web() -> Iterator[int]:
    with Gateway(resources()) as gateway:
        yield int(gateway.url.rpartition(":")[2])


def is_taken(port: int, suite: int) -> bool:
    said = said_to(port, client_hello([suite]))
    assert said is not None
    return said.alert is None and said.suite == suite


def test_l7_of_all_suites_of_tls_1_2_six_are_spoken(web: int) -> None:
    assert {suite for suite in REGISTERED if is_taken(web, suite)} == OF_12


def test_l7_of_all_suites_of_tls_1_3_three_are_spoken(web: int) -> None:
    taken = {
        suite
        for suite in range(0x1301, 0x1308)
        if (said := said_to(web, client_hello([suite], versions=[0x0304]))) and said.suite == suite
    }
    assert taken == OF_13


@pytest.mark.parametrize("version", [0x0300, 0x0301, 0x0302])
def test_l7_older_versions_are_refused_whatever_suites_are_offered(web: int, version: int) -> None:
    said = said_to(web, client_hello(REGISTERED, version=version))
    assert said is not None
    assert said.alert in {PROTOCOL_VERSION, HANDSHAKE_FAILURE}


def test_l7_the_first_message_of_ssl_2_is_no_handshake(web: int) -> None:
    suites = b"\x01\x00\x80\x02\x00\x80\x03\x00\x80"
    body = b"\x01\x00\x02" + len(suites).to_bytes(2, "big") + b"\0\0\0\x10" + suites + bytes(16)
    said = said_to(web, (0x8000 | len(body)).to_bytes(2, "big") + body)
    assert said is None or said.alert is not None


def test_l7_nothing_is_compressed(web: int) -> None:
    said = said_to(web, client_hello(OF_12, compressions=b"\x01\x00"))
    assert said is not None
    assert (said.alert, said.compression) == (None, 0)
    said = said_to(web, client_hello(OF_12, compressions=b"\x01"))
    assert said is not None
    assert said.alert is not None


def test_l7_a_client_that_was_made_to_speak_an_older_version_can_tell(web: int) -> None:
    said = said_to(web, client_hello(OF_12))
    assert said is not None
    assert said.random.endswith(DOWNGRADED)
    said = said_to(web, client_hello([*OF_13, *OF_12], versions=[0x0304, 0x0303]))
    assert said is not None
    assert said.version == 0x0304
    assert not said.random.endswith(DOWNGRADED)


def test_l7_keys_are_bound_to_the_handshake_and_heartbeats_not_spoken(web: int) -> None:
    said = said_to(web, client_hello(OF_12, more=extension(HEARTBEAT, HEARTBEAT_MODE)))
    assert said is not None
    assert 23 in said.extensions, "the extended master secret (RFC 7627)"
    assert 0xFF01 in said.extensions, "no renegotiation that is not secure (RFC 5746)"
    assert HEARTBEAT not in said.extensions


def test_g10_a_client_cannot_renegotiate_and_hears_so(web: int) -> None:
    openssl = shutil.which("openssl")
    assert openssl, "these tests need openssl"
    command = [openssl, "s_client", "-connect", f"127.0.0.1:{web}", "-tls1_2", "-CAfile", str(AUTHORITY)]
    with subprocess.Popen(command, stdin=PIPE, stdout=PIPE, stderr=STDOUT) as client:
        assert client.stdin
        assert client.stdout
        said = b""
        while b"Extended master secret" not in said:
            said += client.stdout.readline()
        # A line with this letter alone asks for another handshake.
        client.stdin.write(b"R\n")
        client.stdin.flush()
        said += client.stdout.read()
        client.wait(20)
    assert b"RENEGOTIATING" in said
    assert b"no renegotiation" in said.lower()


def test_l7_sslyze_finds_tls_1_2_and_1_3_and_no_weak_suite(web: int, tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    program = python_program("sslyze", SSLYZE)
    command = [str(program), "--sni", "shop.test", "--json_out", str(report), "--quiet", f"127.0.0.1:{web}"]
    subprocess.run(command, capture_output=True, timeout=120, check=False)
    [scanned] = json.loads(report.read_text())["server_scan_results"]
    found = {name: one["result"] for name, one in scanned["scan_result"].items()}
    names = ("ssl_2_0", "ssl_3_0", "tls_1_0", "tls_1_1", "tls_1_2", "tls_1_3")
    accepted = {name: found[f"{name}_cipher_suites"]["accepted_cipher_suites"] for name in names}
    assert {name: len(suites) for name, suites in accepted.items() if suites} == {"tls_1_2": 6, "tls_1_3": 3}
    assert all(suite["cipher_suite"]["key_size"] >= 128 for suites in accepted.values() for suite in suites)
    assert found["tls_compression"] == {"supports_compression": False}
    assert found["session_renegotiation"]["is_vulnerable_to_client_renegotiation_dos"] is False
    assert found["session_renegotiation"]["supports_secure_renegotiation"] is True
    assert found["tls_fallback_scsv"] == {"supports_fallback_scsv": True}
    assert found["tls_extended_master_secret"] == {"supports_ems_extension": True}
    assert found["heartbleed"] == {"is_vulnerable_to_heartbleed": False}
    assert found["openssl_ccs_injection"] == {"is_vulnerable_to_ccs_injection": False}
    assert found["robot"] == {"robot_result": "NOT_VULNERABLE_RSA_NOT_SUPPORTED"}
