"""Other proxies for tests: haproxy and nginx as processes with a folder of their own."""

import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Self

START_SECONDS = 15.0
HAPROXY = """
global
  maxconn 100
defaults
  mode {mode}
  timeout connect 5s
  timeout client 20s
  timeout server 20s
frontend it
  bind 127.0.0.1:{port} {bind}
  {body}
"""
NGINX = """
daemon off;
pid {folder}/pid;
error_log {folder}/error.log;
events {{}}
http {{
  access_log off;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  server {{
    listen 127.0.0.1:{port} {bind};
    {body}
  }}
}}
"""


class OtherProxy:
    """A proxy on a port of its own; used in a `with`."""

    def __init__(self, program: str, bind: str, body: str, mode: str = "http") -> None:
        self.folder = Path(tempfile.mkdtemp(prefix=f"{program}-"))
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = int(free.getsockname()[1])
        template = HAPROXY if program == "haproxy" else NGINX
        text = template.format(folder=self.folder, port=self.port, bind=bind, body=body, mode=mode)
        self.file = self.folder / "configuration"
        self.file.write_text(text)
        flags = ["-db", "-f"] if program == "haproxy" else ["-e", str(self.folder / "error.log"), "-c"]
        with (self.folder / "said").open("wb") as said:
            self.process = subprocess.Popen([program, *flags, str(self.file)], stdout=said, stderr=said)

    def __enter__(self) -> Self:
        deadline = time.monotonic() + START_SECONDS
        while not self._serves():
            said = (self.folder / "said").read_text()
            assert self.process.poll() is None, said
            assert time.monotonic() < deadline, said
            time.sleep(0.02)
        return self

    def __exit__(self, *_: object) -> None:
        self.process.terminate()
        self.process.wait(10)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _serves(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0


def needs(program: str) -> str:
    """Why a test that needs a program is left out; empty where it is there."""
    return "" if shutil.which(program) else f"{program} is not installed"
