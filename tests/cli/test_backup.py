"""`penstock backup`, `restore` and `export`: history moves from one gateway to another."""

import json
import signal
import stat

from tests.cli.test_history import answer, configuration
from tests.servers.gateway_process import GatewayProcess, wait_until


def test_a_backup_of_a_running_gateway_is_restored_elsewhere() -> None:
    with GatewayProcess(configuration("first"), workers=1) as gateway, GatewayProcess(configuration("x")) as other:
        where, there = (("--state-dir", str(one.state.path)) for one in (gateway, other))
        gateway.write(configuration("second"))
        wait_until(lambda: gateway.status()["store_revision"] == 2)
        backup = gateway.folder / "backup"
        assert gateway.command("backup", str(backup), *where).returncode == 0
        assert stat.S_IMODE(backup.stat().st_mode) == 0o600
        again = gateway.command("backup", str(backup), *where)
        assert (again.returncode, again.stderr) == (1, f"penstock: {backup}: file exists\n")

        looked = other.command("restore", str(backup), "--dry-run", *there)
        assert (looked.returncode, looked.stdout) == (0, f"{backup} is whole: revisions 1 to 2\n")
        cut = gateway.folder / "cut"
        cut.write_bytes(backup.read_bytes()[:-20])
        assert other.command("restore", str(cut), "--dry-run", *there).returncode == 1

        assert "already running as process" in other.command("restore", str(backup), *there).stderr
        other.signal(signal.SIGTERM)
        other.wait(20)
        assert "--replace sets it aside" in other.command("restore", str(backup), *there).stderr
        restored = other.command("restore", str(backup), "--replace", *there)
        assert (restored.returncode, "revision 2 is restored" in restored.stdout) == (0, True), restored.stderr
        assert other.state.store.with_name("store.db.replaced-1").exists()
        told = json.loads(other.command("history", *there, "-o", "json").stdout)
        assert told == json.loads(gateway.command("history", *where, "-o", "json").stdout)
        # Its own files come on top, as a further change.
        other.start()
        assert answer(other) == b"x"
        assert other.status()["store_revision"] == 3


def test_what_is_exported_can_be_run() -> None:
    with GatewayProcess(configuration("first"), workers=1) as gateway:
        where = ("--state-dir", str(gateway.state.path))
        gateway.write(configuration("second"))
        wait_until(lambda: gateway.status()["store_revision"] == 2)
        assert answer(gateway) == b"second"
        exported = gateway.command("export", "r1", *where)
        assert exported.returncode == 0, exported.stderr
        with GatewayProcess(exported.stdout, workers=1) as other:
            assert answer(other) == b"first"
        found = json.loads(gateway.command("export", *where, "-o", "json").stdout)
        assert [one["kind"] for one in found] == ["Listener", "Route", "Certificate"]
