"""`/metrics` of a gateway that runs: what is in it, in which form, and that strangers cannot make it grow."""

import gzip
import http.client
import re
from collections.abc import Iterator

import pytest

from tests.admin.api import Api, api_of
from tests.runtime.configurations import forwarding
from tests.servers.gateway_process import GatewayProcess
from tests.servers.origin import Origin
from tests.servers.processes import resident_kib

SERIES = re.compile(r"^(\w+(?:\{.*\})?) ", re.MULTILINE)


@pytest.fixture(scope="module")
def gateway() -> Iterator[GatewayProcess]:
    with Origin() as origin, GatewayProcess(forwarding(origin.url), "--admin", "127.0.0.1:0") as gateway:
        yield gateway


@pytest.fixture(scope="module")
def api(gateway: GatewayProcess) -> Api:
    return api_of(gateway)


def test_who_asks_for_open_metrics_gets_them(api: Api) -> None:
    answer = api.ask("GET", "/metrics", accept="application/openmetrics-text;version=1.0.0,text/plain;q=0.5")
    assert answer.headers["content-type"] == "application/openmetrics-text; version=1.0.0; charset=utf-8"
    assert "# TYPE penstock_worker_restarts counter\npenstock_worker_restarts_total 0\n" in answer.text
    assert answer.text.endswith("\n# EOF\n")
    plain = api.ask("GET", "/metrics")
    assert plain.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert "EOF" not in plain.text


def test_who_takes_it_compressed_gets_less(api: Api) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", api.port, timeout=30)
    connection.request("GET", "/metrics", headers={"accept-encoding": "gzip"})
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    assert answer.headers["content-encoding"] == "gzip"
    assert gzip.decompress(body).startswith(b"# HELP penstock_")


def test_processes_store_and_build_are_told(gateway: GatewayProcess, api: Api) -> None:
    text = api.ask("GET", "/metrics").text
    values = dict(re.findall(r"^(\w+(?:\{.*\})?) (\S+)$", text, re.MULTILINE))
    assert gateway.process is not None
    for process in ("supervisor", "worker-0", "worker-1"):
        assert float(values[f'penstock_process_resident_bytes{{process="{process}"}}']) > 1 << 20
        assert float(values[f'penstock_process_cpu_seconds_total{{process="{process}"}}']) > 0
        assert float(values[f'penstock_process_open_descriptors{{process="{process}"}}']) > 3
        assert float(values[f'penstock_process_start_timestamp_seconds{{process="{process}"}}']) > 1.7e9
    assert values["penstock_ready"] == "1"
    assert values["penstock_configuration_refused"] == "0"
    assert int(values['penstock_store_operations_total{operation="write",result="done"}']) >= 1
    writes = int(values['penstock_store_operation_seconds_count{operation="write"}'])
    assert int(values['penstock_store_operation_seconds_bucket{operation="write",le="+Inf"}']) == writes >= 1
    assert re.search(r'^penstock_build_info\{version=".*",build=".+",python="3\..+"\} 1$', text, re.MULTILINE)


def ask_in_many_ways(gateway: GatewayProcess, numbers: range) -> None:
    """Each request has a path, a host, a method and an agent that no other had."""
    connection = http.client.HTTPConnection("127.0.0.1", gateway.port(), timeout=30)
    for number in numbers:
        method = "GET" if number % 5 else f"M{number}"
        agent = {"host": f"h{number}.test", "user-agent": f"agent/{number}", "x-request-id": str(number)}
        connection.request(method, f"/p{number}/{number * 7}?q={number}", headers=agent)
        connection.getresponse().read()
    connection.close()


def check_that_nothing_grows(gateway: GatewayProcess, api: Api, few: int, many: int) -> None:
    processes = [gateway.status()["pid"], *gateway.worker_pids()]
    ask_in_many_ways(gateway, range(few))
    known = set(SERIES.findall(api.ask("GET", "/metrics").text))
    before = [resident_kib(pid) for pid in processes]
    ask_in_many_ways(gateway, range(few, few + many))
    assert set(SERIES.findall(api.ask("GET", "/metrics").text)) == known
    grown = [after - earlier for after, earlier in zip(map(resident_kib, processes), before, strict=True)]
    assert max(grown) < 4096, grown


def test_g12_paths_hosts_and_methods_of_strangers_make_no_series_and_take_no_memory(
    gateway: GatewayProcess, api: Api
) -> None:
    check_that_nothing_grows(gateway, api, 500, 3_000)


@pytest.mark.long
def test_g12_a_hundred_thousand_of_them_do_not_either(gateway: GatewayProcess, api: Api) -> None:
    check_that_nothing_grows(gateway, api, 2_000, 100_000)
