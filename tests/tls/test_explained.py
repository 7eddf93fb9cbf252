"""What `explain` tells of handshakes."""

import json
from pathlib import Path
from typing import Any

import pytest

from penstock.cli.main import main
from tests.servers.tls_client import AUTHORITY, CERTIFICATES

EXPLAINED = f"""
kind: Certificate
name: shop
certificate: ${{file:{CERTIFICATES}/shop.pem}}
key: ${{file:{CERTIFICATES}/shop.key}}
---
kind: Certificate
name: other
certificate: ${{file:{CERTIFICATES}/other.pem}}
key: ${{file:{CERTIFICATES}/other.key}}
---
kind: Listener
name: web
address: 127.0.0.1:8443
protocols: [h2, http1, h3]
tls: {{certificates: [shop, other], unknown_name: refuse, min_version: "1.3", client_ca: "${{file:{AUTHORITY}}}"}}
---
{{kind: Route, name: h2, path: /h2, when: tls.protocol == "h2", to: "http://127.0.0.1:1"}}
---
{{kind: Route, name: alice, path: /alice, when: tls.client.subject == "CN=alice", to: "http://127.0.0.1:1"}}
---
{{kind: Route, name: none, path: /none, when: not tls.name, to: "http://127.0.0.1:1"}}
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "gateway.yaml"
    path.write_text(EXPLAINED)
    return path


REFUSED = "tls_nothing_in_common"
CASES = [
    ("/h2", ("shop.test", "shop", "1.3", "h2", None), None, "h2"),
    ("/h2 --tls-protocol=http/1.1", ("shop.test", "shop", "1.3", "http/1.1", None), 404, None),
    ("/h2 --tls-protocol=h3", ("shop.test", "shop", "1.3", "h3", None), 404, None),
    ("/h2 --tls-protocol=smtp", ("shop.test", "shop", "1.3", "", REFUSED), None, None),
    ("/h2 --tls-version=1.2", ("shop.test", "shop", "1.2", "h2", REFUSED), None, None),
    ("/h2 --tls-name=nobody.test", ("nobody.test", None, "1.3", "h2", "tls_unknown_name"), None, None),
    ("/h2 --tls-name=other.test", ("other.test", "other", "1.3", "h2", None), 421, None),
    ("/none --tls-name=", ("", "shop", "1.3", "h2", None), None, "none"),
    ("/alice", ("shop.test", "shop", "1.3", "h2", None), 404, None),
    ("/alice --tls-client=subject=CN=alice", ("shop.test", "shop", "1.3", "h2", None), None, "alice"),
]
"""Path and options; name, certificate, version, protocol and refusal of the handshake; status and route."""


@pytest.mark.parametrize("case", CASES, ids=lambda case: str(case[0]))
def test_the_handshake_is_imagined(file: Path, capsys: pytest.CaptureFixture[str], case: Any) -> None:
    arguments, tls, status, route = case
    path, *options = arguments.split()
    code = main(["explain", "-c", str(file), "GET", f"https://shop.test:8443{path}", *options, "-o", "json"])
    told = json.loads(capsys.readouterr().out)
    names = ("name", "certificate", "version", "protocol", "refused")
    assert tuple(told["tls"][name] for name in names) == tls
    assert (told["status"], (told["chosen"] or {}).get("route")) == (status, route)
    assert code == (0 if route else 1)


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ([], "tls       shop.test: certificate shop, TLS 1.3, h2"),
        (["--tls-name", ""], "tls       no name: certificate shop, TLS 1.3, h2"),
        (["--tls-name", "nobody.test"], "tls       nobody.test: the handshake is refused, tls_unknown_name"),
    ],
)
def test_explain_tells_of_the_handshake(
    file: Path, capsys: pytest.CaptureFixture[str], options: list[str], line: str
) -> None:
    main(["explain", "-c", str(file), "GET", "https://shop.test:8443/h2", *options])
    assert line in capsys.readouterr().out.splitlines()


@pytest.mark.parametrize(("option", "text"), [("--tls-client", "colour=red"), ("--tls-version", "1.1")])
def test_what_no_client_can_say_is_refused(
    file: Path, capsys: pytest.CaptureFixture[str], option: str, text: str
) -> None:
    arguments = ["explain", "-c", str(file), "GET", "https://shop.test/", option, text]
    if option == "--tls-version":
        with pytest.raises(SystemExit):
            main(arguments)
    else:
        assert main(arguments) == 1
        assert "has no colour; write one of subject" in capsys.readouterr().err
