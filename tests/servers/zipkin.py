"""A real Zipkin server, which keeps what it is sent in memory."""

import json
import os
import shutil
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any, Self

import pytest

from tests.servers.processes import free_ports

VERSION = "3.5.1"
START_SECONDS = 120.0


def zipkin_jar() -> Path:
    """Where the server is, fetched once and kept in the user's cache; the test is skipped where it cannot be had."""
    cache = Path(os.environ.get("XDG_CACHE_HOME", "~/.cache")).expanduser() / "penstock" / "tools"
    found = cache / f"zipkin-{VERSION}.jar"
    if not shutil.which("java"):
        pytest.skip("Zipkin runs on Java, which is not installed")
    if found.exists():
        return found
    if not shutil.which("mvn"):
        pytest.skip("Zipkin is fetched by Maven, which is not installed")
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="zipkin-", dir=cache) as apart:
        artifact = f"-Dartifact=io.zipkin:zipkin-server:{VERSION}:jar:exec"
        for goal in ("dependency:get", "dependency:copy"):
            command = ["mvn", "-q", "-B", goal, artifact, "-Dtransitive=false", f"-DoutputDirectory={apart}"]
            if subprocess.run(command, cwd=apart, capture_output=True, timeout=500, check=False).returncode:
                pytest.skip("Zipkin cannot be had here")
        (Path(apart) / f"zipkin-server-{VERSION}-exec.jar").replace(found)
    return found


class Zipkin:
    """A server; used in a `with`."""

    def __enter__(self) -> Self:
        [port] = free_ports(1)
        self.url = f"http://127.0.0.1:{port}"
        self.log = Path(tempfile.mkdtemp(prefix="zipkin-")) / "log"
        command = ["java", "-Xmx192m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-jar", str(zipkin_jar())]
        command += [f"--armeria.ports[0].port={port}", "--armeria.ports[0].address=127.0.0.1"]
        command += ["--armeria.ports[0].protocol=http", "--zipkin.self-tracing.enabled=false"]
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log)
        deadline = time.monotonic() + START_SECONDS
        while self._ask("/health") is None:
            assert self.process.poll() is None, self.log.read_text()
            assert time.monotonic() < deadline, self.log.read_text()
            time.sleep(0.1)
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()
        shutil.rmtree(self.log.parent, ignore_errors=True)

    def trace(self, number: str, count: int, seconds: float = 60.0) -> list[dict[str, Any]]:
        """The spans of a trace, once there are so many."""
        deadline = time.monotonic() + seconds
        while len(found := self._ask(f"/api/v2/trace/{number}") or []) < count:
            assert time.monotonic() < deadline, found
            time.sleep(0.05)
        return found

    def _ask(self, path: str) -> Any:
        """The answer's JSON; none where there is no good one."""
        try:
            with urllib.request.urlopen(self.url + path, timeout=10) as answer:
                return json.loads(answer.read())
        except (urllib.error.URLError, ConnectionError):
            return None
