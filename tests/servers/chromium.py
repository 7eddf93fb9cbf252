"""A headless Chromium for tests: found in an npm package, driven over its DevTools protocol, and ended."""

import base64
import contextlib
import hashlib
import itertools
import json
import os
import platform
import shutil
import subprocess
import tarfile
import tempfile
import time
from pathlib import Path
from typing import Any, Self

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from websockets.sync.client import ClientConnection, connect

from tests.servers.node_packages import node_package
from tests.servers.tls_client import pair

PACKAGE = "@sparticuz/chromium", "153.0.0"
START_SECONDS = 30.0
PATIENCE = 30.0
UNPACK = """
const {brotliDecompressSync} = require('zlib'), fs = require('fs');
for (const name of ['chromium', 'al2023.tar'])
    fs.writeFileSync(name + '.new', brotliDecompressSync(fs.readFileSync('bin/' + name + '.br')));
"""
# No name but the tests' own is looked up, and no service of the browser's maker is asked for anything.
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--no-proxy-server",
    "--remote-debugging-port=0",
    "--host-resolver-rules=MAP h2.shop.test 127.0.0.2, MAP h3.shop.test 127.0.0.3, MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
)


def program() -> Path:
    """Where the browser is, with its libraries in `lib` beside it; the test is skipped where it cannot be had."""
    if platform.machine() != "x86_64":
        pytest.skip(f"the package {PACKAGE[0]} is for x86_64")
    folder = node_package(*PACKAGE)
    found = folder / "chromium"
    if not found.exists():
        if not shutil.which("node"):
            pytest.skip("Chromium is unpacked with node, which is not installed")
        subprocess.run(["node", "-e", UNPACK], cwd=folder, timeout=60, check=True)
        with tarfile.open(folder / "al2023.tar.new") as packed:
            packed.extractall(folder, filter="data")
        unpacked = folder / "chromium.new"
        unpacked.chmod(0o755)
        unpacked.replace(found)
        shutil.rmtree(folder / "bin")
    return found


def key_hash(certificate: str) -> str:
    """The hash of a certificate's public key, by which the browser is told to take it."""
    key = x509.load_pem_x509_certificate(certificate.encode()).public_key()
    form = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return base64.b64encode(hashlib.sha256(form).digest()).decode()


class Chromium:
    """A browser with one page, that takes the certificate of `shop.test`; used in a `with`.

    It finds `h2.shop.test` and `h3.shop.test` at 127.0.0.2 and 127.0.0.3.
    """

    def __init__(self, *flags: str) -> None:
        found = program()
        self.folder = Path(tempfile.mkdtemp(prefix="chromium-"))
        environment = {**os.environ, "LD_LIBRARY_PATH": str(found.parent / "lib"), "HOME": str(self.folder)}
        trusted = f"--ignore-certificate-errors-spki-list={key_hash(pair('shop')[0])}"
        command = [str(found), *FLAGS, trusted, f"--user-data-dir={self.folder}", *flags, "about:blank"]
        with (self.folder / "said").open("wb") as said:
            self._process = subprocess.Popen(command, env=environment, stdout=said, stderr=said)
        self._numbers = itertools.count(1)
        self._held = contextlib.ExitStack()
        self._connection: ClientConnection

    def __enter__(self) -> Self:
        try:
            self._connection = self._held.enter_context(connect(self._page(), proxy=None, max_size=None))
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._held.close()
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def open(self, url: str) -> None:
        """Go to a page and wait until it and all that it names is loaded."""
        failed = self.call("Page.navigate", url=url).get("errorText")
        assert not failed, f"{url}: {failed}"
        self.run("document.readyState === 'complete' || new Promise(done => addEventListener('load', done))")

    def run(self, script: str) -> Any:
        """The value of an expression in the page, once the promise that it may be has been kept."""
        found = self.call("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in found, found["exceptionDetails"]
        return found["result"].get("value")

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """The result of a command of the DevTools protocol."""
        number = next(self._numbers)
        self._connection.send(json.dumps({"id": number, "method": method, "params": parameters}))
        while (message := json.loads(self._connection.recv(PATIENCE))).get("id") != number:
            """Events are nobody's."""
        assert "error" not in message, message
        found: dict[str, Any] = message["result"]
        return found

    def _page(self) -> str:
        """Where the page takes commands."""
        port, path = self._address()
        with connect(f"ws://127.0.0.1:{port}{path}", proxy=None) as browser:
            browser.send(json.dumps({"id": 0, "method": "Target.getTargets"}))
            targets = json.loads(browser.recv(PATIENCE))["result"]["targetInfos"]
        page = next(one["targetId"] for one in targets if one["type"] == "page")
        return f"ws://127.0.0.1:{port}/devtools/page/{page}"

    def _address(self) -> list[str]:
        """The port and the path at which the browser takes commands, once it does."""
        written, deadline = self.folder / "DevToolsActivePort", time.monotonic() + START_SECONDS
        while not (written.exists() and len(written.read_text().split()) == 2):
            said = (self.folder / "said").read_text()
            assert self._process.poll() is None, said
            assert time.monotonic() < deadline, f"the browser does not start: {said}"
            time.sleep(0.02)
        return written.read_text().split()
