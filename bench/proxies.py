"""What is measured: how each proxy and each origin is started."""

import os
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bench.processes import BenchError

HERE = Path(__file__).resolve().parent
PROXY_PORT, ORIGIN_PORT = 18101, 18080
ROUTES = 100


@dataclass(frozen=True)
class Setting:
    """Where one measurement finds its programs and puts its files."""

    directory: Path
    floor: Path
    penstock: Path

    def configuration(self, name: str, *, extra: str = "", appended: str = "", telemetry: str = "") -> str:
        """Fill in a file of `conf/`; gives the path of the result."""
        text = (HERE / "conf" / name).read_text()
        values = {
            "TELEMETRY": telemetry,
            "DIRECTORY": str(self.directory),
            "CONF": str(HERE / "conf"),
            "CERTIFICATES": str(HERE.parent / "tests" / "certificates"),
            "PROXY_PORT": str(PROXY_PORT),
            "ORIGIN_PORT": str(ORIGIN_PORT),
            "EXTRA": extra,
        }
        for key, value in values.items():
            text = text.replace(f"@{key}@", value)
        target = self.directory / name
        target.write_text(text + appended)
        return str(target)

    def gateway(self, name: str, *, appended: str = "", telemetry: str = "") -> list[str]:
        """The command of a gateway with one worker."""
        state = self.directory / "state"
        configuration = self.configuration(name, appended=appended, telemetry=telemetry)
        return [str(self.penstock), "run", "--workers", "1", "--state-dir", str(state), "-c", configuration]


def program(name: str) -> str:
    """Path of an installed program.

    Raises: BenchError if it is not installed.
    """
    # Debian puts servers where only root's PATH leads.
    found = shutil.which(name, path=os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin")))
    if found is None:
        raise BenchError(f"needs {name}: install it (Debian: apt-get install {name})")
    return found


def further_routes() -> str:
    """A hundred routes that no request of the bench takes."""
    routes = (f"kind: Route\nname: r{n}\npath: /service{n}/*\nto: origin\n" for n in range(ROUTES))
    return "".join(f"---\n{route}" for route in routes)


def nginx(setting: Setting, extra: str = "", name: str = "nginx.conf") -> list[str]:
    """Command of nginx with its usual buffers, or others."""
    configuration = setting.configuration(name, extra=extra)
    return [program("nginx"), "-p", str(setting.directory), "-c", configuration]


def envoy(setting: Setting, name: str) -> list[str]:
    """Command of Envoy with one worker."""
    command = [program("envoy"), "--concurrency", "1", "--disable-hot-restart", "-l", "error"]
    return [*command, "-c", setting.configuration(name)]


def enciphered_haproxy(setting: Setting) -> list[str]:
    """Command of haproxy with a certificate, which it wants in one file with its key."""
    certificates = HERE.parent / "tests" / "certificates"
    both = "".join((certificates / f"shop.{suffix}").read_text() for suffix in ("pem", "key"))
    (setting.directory / "shop.both.pem").write_text(both)
    return [program("haproxy"), "-db", "-f", setting.configuration("haproxy-tls.cfg")]


def gateway(setting: Setting, telemetry: str) -> list[str]:
    """Command of the gateway with what is recorded of requests as its settings say."""
    return setting.gateway("penstock.yaml", appended=further_routes(), telemetry=telemetry)


LOGGED = "access_log: {path: @DIRECTORY@/access.log}"
SILENT = "access_log: {path: off}"
TRACED = f"{LOGGED}\ntracing: {{otlp: {{endpoint: 'http://127.0.0.1:@ORIGIN_PORT@', protocol: http}}, sampling: 1%}}"
LARGE_BUFFERS = "proxy_buffer_size 64k; proxy_buffers 8 64k; proxy_busy_buffers_size 128k;"

PROXIES: dict[str, Callable[[Setting], list[str]]] = {
    "relay": lambda setting: [str(setting.floor / "floor_relay"), str(PROXY_PORT), str(ORIGIN_PORT)],
    "penstock": lambda setting: gateway(setting, LOGGED),
    "penstock-silent": lambda setting: gateway(setting, SILENT),
    "penstock-traced": lambda setting: gateway(setting, TRACED),
    "penstock-python": lambda setting: setting.gateway("penstock-python.yaml"),
    "penstock-tls": lambda setting: setting.gateway("penstock-tls.yaml", appended=further_routes()),
    "penstock-grpc": lambda setting: setting.gateway("penstock-grpc.yaml", appended=further_routes()),
    "nginx": nginx,
    "nginx-grpc": lambda setting: [
        program("nginx"),
        "-p",
        str(setting.directory),
        "-c",
        setting.configuration("nginx-grpc.conf"),
    ],
    "nginx-large-buffers": lambda setting: nginx(setting, LARGE_BUFFERS),
    "envoy-grpc": lambda setting: envoy(setting, "envoy-grpc.yaml"),
    "envoy-tls": lambda setting: envoy(setting, "envoy-tls.yaml"),
    "nginx-tls": lambda setting: nginx(setting, name="nginx-tls.conf"),
    "haproxy": lambda setting: [program("haproxy"), "-db", "-f", setting.configuration("haproxy.cfg")],
    "haproxy-tls": enciphered_haproxy,
}


def floor_origin(setting: Setting) -> list[str]:
    """Command of the origin that computes nothing."""
    return [str(setting.floor / "floor_origin"), str(ORIGIN_PORT)]


def nginx_origin(setting: Setting) -> list[str]:
    """Command of nginx as the origin, with the same two bodies as files."""
    pages = setting.directory / "www"
    pages.mkdir(exist_ok=True)
    for name, size in (("1k", 1024), ("100k", 100 * 1024)):
        (pages / name).write_bytes(b"x" * size)
    return [program("nginx"), "-p", str(setting.directory), "-c", setting.configuration("nginx-origin.conf")]


ORIGINS: dict[str, Callable[[Setting], list[str]]] = {"floor": floor_origin, "nginx": nginx_origin}


def installed() -> list[str]:
    """The proxies to measure when none is named: the floor, the gateway, and what is installed beside them."""
    peers = []
    for name in ("nginx", "haproxy"):
        try:
            program(name)
        except BenchError:
            print(f"{name} is not installed: measuring without it", file=sys.stderr)
        else:
            peers.append(name)
    return ["relay", "penstock", *peers]
