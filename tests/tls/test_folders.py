"""Certificates of a folder: which pairs are found, how changes are taken up, and what is refused (R9)."""

import json
import shutil
import ssl
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from penstock import Gateway
from penstock.cli.main import main
from penstock.compiler import compile_resources
from penstock.filters.native import native_catalogue
from penstock.model.loading import load_data
from tests.servers.gateway_process import GatewayProcess, wait_until
from tests.servers.tls_client import CERTIFICATES, ask, connect, pair

CONFIGURATION = """
{kind: Certificate, name: all, folder: certs}
---
{kind: Listener, name: web, address: "127.0.0.1:0", tls: {certificates: [all], unknown_name: refuse}}
---
{kind: Route, name: all, path: /*, steps: [{kind: Respond, status: 200, body: good}]}
"""


def put(folder: Path, name: str, source: str, ending: str = "crt") -> None:
    """Put a pair in place as those who renew certificates do: one file after the other."""
    (folder / name).parent.mkdir(exist_ok=True, parents=True)
    for suffix, of in ((ending, "pem"), ("key", "key")):
        beside = folder / ".new"
        shutil.copy(CERTIFICATES / f"{source}.{of}", beside)
        beside.replace(folder / f"{name}.{suffix}")


def gateway(*pairs: tuple[str, str]) -> GatewayProcess:
    process = GatewayProcess(CONFIGURATION)
    for name, source in pairs:
        put(process.folder / "certs", name, source)
    return process


def serial(port: int, name: str | None = "shop.test") -> str:
    with connect(port, name) as stream:
        assert ask(stream, host=name or "shop.test").startswith(b"HTTP/1.1 200 ")
        return str((stream.getpeercert() or {})["serialNumber"])


def serial_of(name: str) -> str:
    return str(ssl._ssl._test_decode_cert(CERTIFICATES / f"{name}.pem")["serialNumber"])  # type: ignore[attr-defined]


def shows(port: int, name: str, source: str) -> bool:
    """Whether clients that ask for a host are shown a certificate."""
    try:
        return serial(port, name) == serial_of(source)
    except ssl.SSLError:
        return False


def test_r9_pairs_of_a_folder_come_change_and_go() -> None:
    with gateway(("shop", "shop")) as process:
        port, certs = process.port(), process.folder / "certs"
        with connect(port) as kept:
            assert shows(port, "shop.test", "shop")
            assert not shows(port, "other.test", "other")
            put(certs, "other", "other")
            wait_until(partial(shows, port, "other.test", "other"))
            put(certs, "shop", "renewed")
            wait_until(partial(shows, port, "shop.test", "renewed"))
            for ending in ("key", "crt"):
                (certs / f"other.{ending}").unlink()
            wait_until(lambda: not shows(port, "other.test", "other"))
            assert ask(kept).startswith(b"HTTP/1.1 200 ")


def test_r9_folders_in_it_hold_a_pair_each_as_orchestrators_mount_them() -> None:
    with gateway(("shop/tls", "shop")) as process:
        port, certs = process.port(), process.folder / "certs"
        (certs / "shop" / "ca.crt").write_text("whatever")
        (certs / "empty").mkdir()
        assert shows(port, "shop.test", "shop")
        # Replaced in one step, by a name that leads elsewhere.
        for version, source in enumerate(("renewed", "shop")):
            put(certs / "shop" / f"..{version}", "tls", source)
            for name in ("tls.crt", "tls.key"):
                (certs / "shop" / name).unlink(missing_ok=True)
                (certs / "shop" / name).symlink_to(f"..data/{name}")
            beside = certs / "shop" / "..beside"
            beside.symlink_to(f"..{version}")
            beside.rename(certs / "shop" / "..data")
            wait_until(partial(shows, port, "shop.test", source))
        put(certs / "empty", "tls", "other")
        wait_until(partial(shows, port, "other.test", "other"))


def test_r9_a_broken_pair_is_refused_and_the_old_one_stays() -> None:
    with gateway(("a", "shop"), ("b", "other")) as process:
        port, certs = process.port(), process.folder / "certs"
        shutil.copy(CERTIFICATES / "shop.key", certs / "b.key")
        wait_until(lambda: "b: key: this is the key of another certificate" in process.said)
        assert shows(port, "shop.test", "shop")
        assert shows(port, "other.test", "other")
        (certs / "b.crt").unlink()
        wait_until(lambda: "folder certs holds b.key, and no b.crt for it" in process.said)
        assert shows(port, "other.test", "other")
        put(certs, "b", "other")
        put(certs, "a", "renewed")
        wait_until(partial(shows, port, "shop.test", "renewed"))


def test_the_first_by_name_is_shown_to_clients_that_ask_for_none() -> None:
    with gateway(("b", "shop"), ("a", "other")) as process:
        assert serial(process.port(), None) == serial_of("other")


def test_a_pair_that_is_left_alone_is_the_same_part_of_the_plan(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def parts() -> dict[str, str]:
        assert main(["plan", "-c", str(tmp_path / "gateway.yaml")]) == 0
        plan = json.loads(capsys.readouterr().out)["parts"]
        return {key: part["hash"] for key, part in plan.items() if key.startswith("certificate/")}

    (tmp_path / "gateway.yaml").write_text(CONFIGURATION)
    put(tmp_path / "certs", "one", "shop")
    put(tmp_path / "certs", "two", "other", "pem")
    before = parts()
    assert set(before) == {"certificate/all/one", "certificate/all/two"}
    put(tmp_path / "certs", "one", "renewed")
    after = parts()
    assert (before["certificate/all/two"], before["certificate/all/one"]) != tuple(after.values())
    assert before["certificate/all/two"] == after["certificate/all/two"]


def test_certs_and_explain_name_each_pair(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "gateway.yaml"
    file.write_text(CONFIGURATION)
    put(tmp_path / "certs", "one", "shop")
    put(tmp_path / "certs" / "two", "tls", "other")
    assert main(["certs", "-f", str(file), "-o", "json"]) == 0
    rows = json.loads(capsys.readouterr().out)["certificates"]
    assert {row["name"]: row["used_by"] for row in rows} == {
        "all/one": ["listener/web"],
        "all/two": ["listener/web"],
    }
    assert main(["explain", "-c", str(file), "GET", "https://other.test/"]) == 0
    assert "tls       other.test: certificate all/two, TLS 1.3, h2" in capsys.readouterr().out.splitlines()


@pytest.mark.parametrize(
    ("files", "message"),
    [
        (None, "folder certs cannot be read: No such file or directory"),
        ([], "folder certs holds no pair; write NAME.crt and NAME.key into it, or NAME/tls.crt and so on"),
        (["a.crt"], "folder certs holds no pair; write NAME.crt and NAME.key into it, or NAME/tls.crt and so on"),
        (["a.key"], "folder certs holds a.key, and no a.crt for it"),
        (["a.key", "a.crt"], "a: certificate: no certificate in it"),
    ],
)
def test_what_is_no_folder_of_pairs_is_told(
    files: list[str] | None, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "gateway.yaml"
    file.write_text(CONFIGURATION)
    if files is not None:
        (tmp_path / "certs").mkdir()
        for name in files:
            (tmp_path / "certs" / name).write_text("nothing")
    assert main(["validate", "-c", str(file)]) == 1
    told = capsys.readouterr().err
    assert f"gateway.yaml:2:40: certificate/all: folder: {message}" in told


def resources(**certificate: Any) -> list[dict[str, Any]]:
    listener = {"kind": "Listener", "name": "web", "address": "127.0.0.1:0", "tls": {"certificates": ["all"]}}
    answer = {"kind": "Respond", "status": 200, "body": "good"}
    route = {"kind": "Route", "name": "all", "path": "/*", "steps": [answer]}
    return [{"kind": "Certificate", "name": "all", **certificate}, listener, route]


def test_pairs_may_stand_in_the_configuration_itself() -> None:
    texts = {name: pair(name) for name in ("shop", "other")}
    pairs = [{"name": name, "certificate": chain, "key": key} for name, (chain, key) in texts.items()]
    with Gateway(resources(pairs=pairs)) as gateway:
        port = int(gateway.url.rpartition(":")[2])
        assert shows(port, "shop.test", "shop")
        assert shows(port, "other.test", "other")


CHAIN, KEY = pair("shop")
PAIR = {"name": "shop", "certificate": CHAIN, "key": KEY}


@pytest.mark.parametrize(
    ("certificate", "expected"),
    [
        ({}, ["`certificate` is missing", "`key` is missing"]),
        ({"certificate": CHAIN}, ["`key` is missing"]),
        ({"folder": "certs"}, ["folders are read for configuration in files alone"]),
        ({"pairs": [PAIR], "key": KEY}, ["the pairs of a folder stand in its place"]),
        ({"pairs": [PAIR, PAIR]}, ["pair `shop` is there twice"]),
    ],
)
def test_what_is_neither_a_pair_nor_a_folder_of_them_is_told(certificate: dict[str, Any], expected: list[str]) -> None:
    loaded = load_data(resources(**certificate))
    compiled = compile_resources(loaded.resources, native_catalogue(), unusable=loaded.unusable)
    assert [one.message for one in (*loaded.problems, *compiled.problems)] == expected
