"""`penstock history`, `show`, `diff` and `rollback`, while the gateway runs and after."""

import json
import signal
import urllib.request
from pathlib import Path

from tests.servers.gateway_process import GatewayProcess, wait_until

CONFIGURATION = """
kind: Listener
name: web
address: 127.0.0.1:0
---
kind: Route
name: all
path: /*
steps: [{kind: Respond, status: 200, body: "%s"}]
---
kind: Certificate
name: shop
certificate: ${file:%s/shop.pem}
key: ${file:%s/shop.key}
"""
CERTIFICATES = Path(__file__).parent.parent / "certificates"


def answer(gateway: GatewayProcess) -> bytes:
    with urllib.request.urlopen(f"http://127.0.0.1:{gateway.port()}/", timeout=10) as opened:
        body: bytes = opened.read()
        return body


def configuration(body: str, certificate: str = "shop") -> str:
    text = CONFIGURATION % (body, CERTIFICATES, CERTIFICATES)
    return text.replace("/shop.pem", f"/{certificate}.pem").replace("/shop.key", f"/{certificate}.key")


def test_history_is_told_compared_and_gone_back_in() -> None:
    with GatewayProcess(configuration("first"), workers=1) as gateway:
        where = ("--state-dir", str(gateway.state.path))
        gateway.write(configuration("second"))
        wait_until(lambda: gateway.status()["store_revision"] == 2)
        gateway.write(configuration("second", "renewed"))
        wait_until(lambda: gateway.status()["store_revision"] == 3)

        listed = gateway.command("history", *where).stdout.splitlines()
        assert [line.split()[0] for line in listed] == ["REVISION", "r3", "r2", "r1"]
        assert listed[1].split()[2:] == ["files", "applied", "~certificate/shop"]
        assert listed[3].split()[2:] == ["files", "applied", "+certificate/shop", "+listener/web", "+route/all"]
        of_one = json.loads(gateway.command("history", "route/all", *where, "-o", "json").stdout)
        assert [(one["revision"], one["resources"][-1]) for one in of_one] == [
            (2, {"key": "route/all", "change": "changed"}),
            (1, {"key": "route/all", "change": "created"}),
        ]

        shown = gateway.command("show", "r2", *where)
        assert '-      "body": "first"' in shown.stdout
        assert '+      "body": "second"' in shown.stdout
        assert "applied at " in shown.stdout
        # I15: nobody is shown a private key, nor how it differs.
        secret = gateway.command("show", "3", *where).stdout + gateway.command("show", "1", *where).stdout
        assert "PRIVATE KEY" not in secret
        assert "BEGIN CERTIFICATE" in secret
        assert '"key": "**********"' in secret

        compared = gateway.command("diff", "r1", "r2", *where)
        assert (compared.returncode, "+++ route/all" in compared.stdout) == (2, True)
        assert gateway.command("diff", "3", *where).returncode == 0

        gone_back = gateway.command("rollback", "r1", *where)
        assert gone_back.returncode == 0, gone_back.stderr
        assert gone_back.stdout == "revision 4 holds what revision 1 held, and is applied\n"
        assert f"{gateway.file} still says what it said" in gone_back.stderr
        assert answer(gateway) == b"first"
        assert gateway.command("diff", "1", *where).returncode == 0
        newest = json.loads(gateway.command("history", "-n", "1", *where, "-o", "json").stdout)[0]
        assert (newest["source"], newest["message"], newest["results"][0]["result"]) == (
            "command",
            "rollback to r1",
            "applied",
        )
        gateway.write(configuration("third"))
        wait_until(lambda: answer(gateway) == b"third")

        gateway.signal(signal.SIGTERM)
        gateway.wait(20)
        assert gateway.command("history", *where).stdout.splitlines()[1].startswith("r5 ")
        assert "no gateway answers" in gateway.command("rollback", "1", *where).stderr


def test_what_is_not_kept_and_what_cannot_be_applied_any_more_is_told_and_changes_nothing() -> None:
    with GatewayProcess(configuration("first"), "--history", "1", workers=1) as gateway:
        where = ("--state-dir", str(gateway.state.path))
        for number in range(2, 5):
            gateway.write(configuration(f"number {number}"))
            wait_until(lambda wanted=number: gateway.status()["store_revision"] == wanted)
        for command in ("show", "diff", "rollback"):
            told = gateway.command(command, "1", *where)
            assert told.returncode == 1
            assert "revision 1 is no longer kept, or never was" in told.stdout + told.stderr
        assert gateway.status()["store_revision"] == 4
        assert gateway.command("rollback", "first", *where).returncode == 2


def test_a_folder_without_history_is_one_line(tmp_path: Path) -> None:
    gateway = GatewayProcess("")
    try:
        for command in (("history",), ("show", "1"), ("diff", "1")):
            told = gateway.command(*command, "--state-dir", str(tmp_path))
            assert (told.returncode, told.stderr) == (1, f"penstock: no history is kept in {tmp_path}\n")
    finally:
        gateway.__exit__()
