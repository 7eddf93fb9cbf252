"""Pebble, the ACME server of Let's Encrypt for tests, with a name server by which every host is here."""

import json
import os
import shutil
import socket
import ssl
import subprocess
import tempfile
import time
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from penstock.runtime.cluster.certificates import issue, make_authority, make_key, public_of
from tests.servers.go_programs import go_program
from tests.servers.processes import free_ports

VERSION = "v2.10.1"
START_SECONDS = 30.0
_LOCAL = "127.0.0.1"


def pebble_programs() -> tuple[Path, Path]:
    """Where the server and its name server are, built once; the test is skipped where they cannot be."""
    module = "github.com/letsencrypt/pebble/v2/cmd/"
    return (
        go_program(f"pebble-{VERSION}", f"{module}pebble@{VERSION}"),
        go_program(f"pebble-challtestsrv-{VERSION}", f"{module}pebble-challtestsrv@{VERSION}"),
    )


@dataclass
class Pebble:
    """An authority; used in a `with`. `http_port` is where it looks for what proves names."""

    http_port: int
    seconds: int = 90 * 86_400
    """For how long its certificates are good."""
    rejected: int = 0
    """Per cent of good numbers that it does not take."""
    accounts: dict[str, str] = field(default_factory=dict)
    """Accounts that are known already, with their keys; no others are let in, if there are any."""
    process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.program, names = pebble_programs()
        self.folder = Path(tempfile.mkdtemp(prefix="pebble-"))
        self.port, self.other_port, self.dns_port = free_ports(3)
        self.log = self.folder / "log"
        self._prepare()
        with (self.folder / "names").open("wb") as log:
            command = [str(names), "-dnsserver", f"{_LOCAL}:{self.dns_port}", "-defaultIPv6", "", "-http01", ""]
            command += ["-https01", "", "-tlsalpn01", "", "-doh", "", "-management", f"{_LOCAL}:0"]
            self.names = subprocess.Popen(command, stdout=log, stderr=log)
        self._wait(self.dns_port, self.names)
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()
        self.names.kill()
        self.names.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def directory(self) -> str:
        """Where orders begin."""
        return f"https://{_LOCAL}:{self.port}/dir"

    @property
    def ca(self) -> str:
        """Who has signed the certificate that it shows itself."""
        return (self.folder / "ca.pem").read_text()

    def start(self) -> None:
        """Start it; it knows nothing of an earlier life."""
        around = {**os.environ, "PEBBLE_VA_NOSLEEP": "1", "PEBBLE_WFE_NONCEREJECT": str(self.rejected)}
        around["PEBBLE_AUTHZREUSE"] = "0"
        command = [str(self.program), "-config", str(self.folder / "config.json")]
        command += ["-dnsserver", f"{_LOCAL}:{self.dns_port}"]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log, env=around)
        self._wait(self.port, self.process)

    def kill(self) -> None:
        """End it at once."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    @property
    def orders(self) -> int:
        """How many orders it was asked for."""
        return self.log.read_text().count("POST /order-plz -> calling handler()")

    def root(self) -> str:
        """The certificate of who signs what it issues, in this life."""
        context = ssl.create_default_context(cadata=self.ca)
        with urllib.request.urlopen(f"https://{_LOCAL}:{self.other_port}/roots/0", context=context) as answer:
            return str(answer.read().decode())

    def _prepare(self) -> None:
        authority, key = make_authority(), make_key()
        certificate = issue(authority, public_of(key), "pebble", _LOCAL)
        for name, text in (("ca", authority.certificate), ("pebble", certificate), ("pebble.key", key)):
            (self.folder / f"{name}.pem").write_text(text)
        configuration = {
            "listenAddress": f"{_LOCAL}:{self.port}",
            "managementListenAddress": f"{_LOCAL}:{self.other_port}",
            "certificate": str(self.folder / "pebble.pem"),
            "privateKey": str(self.folder / "pebble.key.pem"),
            "httpPort": self.http_port,
            "tlsPort": 1,
            "ocspResponderURL": "",
            "externalAccountBindingRequired": bool(self.accounts),
            "externalAccountMACKeys": self.accounts,
            "profiles": {"default": {"description": "for tests", "validityPeriod": self.seconds}},
        }
        (self.folder / "config.json").write_text(json.dumps({"pebble": configuration}))

    def _wait(self, port: int, process: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                socket.create_connection((_LOCAL, port), 2).close()
            except OSError:
                assert process.poll() is None, "it has ended"
                assert time.monotonic() < deadline, "it does not start"
                time.sleep(0.05)
            else:
                return
