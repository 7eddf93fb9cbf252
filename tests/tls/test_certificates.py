"""What is said of certificates that cannot be used, and of those whose time is over."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from penstock.cli.main import main
from penstock.compiler import compile_resources
from penstock.compiler.validity import check_validity
from penstock.filters.native import native_catalogue
from penstock.model.loading import load_resources
from tests.servers.tls_client import CERTIFICATES, pair

SHOP, SHOP_KEY = pair("shop")
OTHER, OTHER_KEY = pair("other")
AUTHORITY, LIST = (CERTIFICATES / "authority.pem").read_text(), (CERTIFICATES / "revoked.crl").read_text()
SECRET = SHOP_KEY.splitlines()[1]


def resources(certificate: str = SHOP, key: str = SHOP_KEY, **tls: Any) -> list[dict[str, Any]]:
    listener = {"kind": "Listener", "name": "web", "address": "127.0.0.1:8443"}
    return [
        {"kind": "Certificate", "name": "shop", "certificate": certificate, "key": key},
        {**listener, "tls": {"certificates": ["shop"], **tls}},
    ]


def shown(configuration: list[dict[str, Any]]) -> list[str]:
    loaded = load_resources("\n---\n".join(map(json.dumps, configuration)))
    compiled = compile_resources(loaded.resources, native_catalogue(), unusable=loaded.unusable)
    found = [*loaded.problems, *compiled.problems]
    assert SECRET not in repr(found)
    return [f"{one.path_text}: {one.message}" for one in found if "no route" not in one.message]


def changed(text: str, line: int, content: str) -> str:
    lines = text.splitlines()
    lines[line - 1] = content
    return "\n".join(lines)


@pytest.mark.parametrize(
    ("certificate", "key", "expected"),
    [
        (SHOP, SHOP_KEY, []),
        (SHOP + OTHER, SHOP_KEY, []),
        ("words before\n" + SHOP, "words before\n" + SHOP_KEY, []),
        (SHOP, OTHER_KEY, ["key: this is the key of another certificate"]),
        (OTHER + SHOP, SHOP_KEY, ["key: this is the key of another certificate"]),
        ("shop.pem", "shop.key", ["certificate: no certificate in it", "key: no private key in it"]),
        (changed(SHOP, 3, "not base64!"), SHOP_KEY, ["certificate: line 3: not base64"]),
        (SHOP.rpartition("-----END")[0], SHOP_KEY, ["certificate: line 1: the block that begins here does not end"]),
        (SHOP + SHOP_KEY, SHOP_KEY, [f"certificate: line {len(SHOP.splitlines()) + 1}: a private key among the certificates"]),  # noqa: E501
        (SHOP, changed(SHOP_KEY, 2, "?" + SECRET), ["key: line 2: not base64"]),
        (SHOP, "-----BEGIN PRIVATE KEY-----\nMAA=\n-----END PRIVATE KEY-----\n", ["key: line 1: not a key that can be used"]),  # noqa: E501
        (SHOP, SHOP_KEY + OTHER_KEY, [f"key: line {len(SHOP_KEY.splitlines()) + 1}: a second private key"]),
        (SHOP, (CERTIFICATES / "encrypted.key").read_text(), ["key: line 1: the key is encrypted"]),
        (SHOP, SHOP, ["key: no private key in it"]),
        ("-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n", SHOP_KEY, ["certificate: line 1: the block is no certificate"]),  # noqa: E501
    ],
)  # fmt: skip
def test_every_mistake_in_a_pair_has_its_words(certificate: str, key: str, expected: list[str]) -> None:
    assert shown(resources(certificate, key)) == expected


@pytest.mark.parametrize(
    ("tls", "expected"),
    [
        ({"certificates": []}, "tls.certificates: must not be empty"),
        ({"certificates": ["shop", "shop"]}, "tls.certificates[1]: certificate `shop` is there twice"),
        ({"certificates": ["shp"]}, "tls.certificates[0]: no certificate is called `shp`"),
        ({"min_version": "1.1"}, "tls.min_version: "),
        ({"min_version": 1.3}, None),
        ({"ciphers": ["TLS_RSA_WITH_AES_128_CBC_SHA"]}, "tls.ciphers[0]: no cipher suite that is spoken is called"),
        (
            {"min_version": "1.3", "ciphers": ["TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"]},
            "tls.ciphers: none of them belongs to TLS 1.3",
        ),
        ({"unknown_name": "drop"}, "tls.unknown_name: "),
        ({"client_ca": AUTHORITY, "client_crl": LIST, "client_certificate": "optional"}, None),
        ({"client_certificate": "optional"}, "tls.client_certificate: nobody is named who may sign"),
        ({"client_crl": LIST}, "tls.client_crl: nobody is named who may sign"),
        ({"client_ca": "authority.pem"}, "tls.client_ca: no certificate in it"),
        ({"client_ca": changed(AUTHORITY, 2, "MAA?")}, "tls.client_ca: line 2: not base64"),
        ({"client_ca": AUTHORITY, "client_crl": AUTHORITY}, "tls.client_crl: no list in it"),
        (
            {"client_ca": AUTHORITY, "client_crl": LIST.replace("X509 CRL", "X509 LRC")},
            "tls.client_crl: no list in it",
        ),
        (
            {"client_ca": AUTHORITY, "client_crl": "-----BEGIN X509 CRL-----\nMAA=\n-----END X509 CRL-----\n"},
            "tls.client_crl: not a list that can be used",
        ),
    ],
)
def test_what_cannot_be_asked_of_handshakes_is_told(tls: dict[str, Any], expected: str | None) -> None:
    found = shown(resources(**tls))
    assert [line.startswith(expected or "?") for line in found] == ([True] if expected else []), found


@pytest.mark.parametrize(
    ("moved", "expected"),
    [(timedelta(), []), (timedelta(days=-40_000), ["is not good before"]), (timedelta(days=40_000), ["has expired"])],
)
def test_a_certificate_out_of_its_time_is_warned_of(moved: timedelta, expected: list[str]) -> None:
    loaded = load_resources("\n---\n".join(map(json.dumps, resources())))
    found = list(check_validity(loaded.resources, native_catalogue(), datetime.now(UTC) + moved))
    assert [str(one.severity) for one in found] == ["warning"] * len(expected)
    assert all(words in one.message for one, words in zip(found, expected, strict=True))


def test_an_expired_certificate_is_a_warning_of_validate_and_refuses_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "gateway.yaml"
    file.write_text(f"""
kind: Certificate
name: old
certificate: ${{file:{CERTIFICATES}/expired.pem}}
key: ${{file:{CERTIFICATES}/expired.key}}
---
{{kind: Listener, name: web, address: "127.0.0.1:8443", tls: {{certificates: [old]}}}}
---
{{kind: Route, name: all, path: /*, to: "http://127.0.0.1:9001"}}
""")
    assert main(["validate", "-c", str(file)]) == 0
    told = capsys.readouterr().err
    assert "gateway.yaml:4:" in told
    assert "the certificate has expired: it was good until 2020-01-02" in told


def test_a_key_stands_in_no_plan() -> None:
    loaded = load_resources("\n---\n".join(map(json.dumps, resources())))
    compiled = compile_resources(loaded.resources, native_catalogue())
    assert SECRET not in compiled.to_json()
    assert SECRET not in repr(compiled)
    assert SHOP_KEY in compiled.secrets.values()
