"""A real OpenID provider as a process of its own, and a browser that comes in by it."""

import http.cookiejar
import re
import subprocess
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Self

from tests.servers.node_packages import node_program

_SCRIPT = Path(__file__).with_suffix(".mjs")
VERSION = "9.13.3"


class OpenidProvider:
    """The provider; `gateway` and `another` are its clients, whose browsers are sent back to `redirect`."""

    def __init__(self, redirect: str) -> None:
        self.redirect = redirect
        self.issuer = ""

    def __enter__(self) -> Self:
        packages = node_program("oidc-provider", VERSION)
        command = ["node", str(_SCRIPT), str(packages), self.redirect]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if line.startswith("issuer "):
                self.issuer = line.split()[1]
                return self
        raise AssertionError("the provider does not start")

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()


class _Stop(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: object) -> None:
        return None


class Browser:
    """Follows where it is led, keeps cookies, and says who it is where the provider asks."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.cookies = http.cookiejar.CookieJar()
        handlers = (urllib.request.HTTPCookieProcessor(self.cookies), _Stop)
        self.opener = urllib.request.build_opener(*handlers)

    def visit(self, url: str, form: dict[str, str] | None = None) -> tuple[int, str, str]:
        """Status, place that it leads to, and text of one answer."""
        content = urllib.parse.urlencode(form).encode() if form else None
        try:
            answer = self.opener.open(urllib.request.Request(url, content), timeout=30)
        except urllib.error.HTTPError as refused:
            answer = refused
        with answer:
            place = urllib.parse.urljoin(url, answer.headers.get("location", ""))
            return answer.status, place if "location" in answer.headers else "", answer.read().decode()

    def come_in(self, url: str, stop: str) -> str:
        """The address, one that begins with `stop`, that the provider sends it back to in the end."""
        _, url, _ = self.visit(url)
        for _ in range(12):
            if url.startswith(stop):
                return url
            _, place, text = self.visit(url)
            if place:
                url = place
                continue
            prompt = re.search(r'name="prompt" value="(\w+)"', text)
            action = re.search(r'action="([^"]+)"', text)
            assert prompt is not None, text
            assert action is not None, text
            form = {"prompt": prompt[1], "login": self.name, "password": "any"}
            _, url, _ = self.visit(urllib.parse.urljoin(url, action[1]), form)
        raise AssertionError(f"it is led on and on: {url}")
