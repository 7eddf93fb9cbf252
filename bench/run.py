"""Measures the gateway beside a byte relay and other proxies, in one run on one machine.

One core carries the proxy, another the load and the origin. Rounds are interleaved (A B C, A B C, ...), so that what
else happens on the machine happens to all. Only ratios within one run mean something, and only on a quiet machine.
"""

import argparse
import contextlib
import itertools
import json
import os
import resource
import statistics
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from bench.load import Load, Sample
from bench.processes import BenchError, running
from bench.proxies import HERE, ORIGIN_PORT, ORIGINS, PROXIES, PROXY_PORT, Setting, installed, program
from bench.scenarios import SCENARIOS, WITHOUT_WRK, floor_programs

Results = dict[tuple[str, str], list[Sample]]


def arguments() -> argparse.Namespace:
    """What the command line says."""
    target = Path(os.environ.get("CARGO_TARGET_DIR", HERE / "target"))
    parser = argparse.ArgumentParser(prog="bench", description=__doc__.splitlines()[0])
    parser.add_argument(
        "proxies", nargs="*", metavar="PROXY", help=f"of: {', '.join(PROXIES)}; default: what is installed"
    )
    parser.add_argument("-s", "--scenarios", default="h1", help=f"of: {', '.join(SCENARIOS)}; several with commas")
    parser.add_argument("-r", "--rounds", type=int, default=3, help="rounds (default: 3)")
    parser.add_argument("-d", "--seconds", type=int, default=3, help="seconds of load for a figure (default: 3)")
    parser.add_argument("--origin", choices=ORIGINS, default="floor", help="who answers behind the proxy")
    parser.add_argument("--idle-connections", type=int, default=5000, help="connections of those that wait")
    parser.add_argument("--save", type=Path, help="file to write every sample to, one JSON object a line")
    parser.add_argument("--penstock", type=Path, default=Path(sys.executable).parent / "penstock", help="another build")
    parser.add_argument("--floor", type=Path, default=target / "release", help="folder of the floor programs")
    return parser.parse_args()


def check(options: argparse.Namespace) -> tuple[list[str], list[str]]:
    """The scenarios and proxies to measure.

    Raises: BenchError if one is unknown, or something that every measurement needs is missing.
    """
    scenarios, proxies = options.scenarios.split(","), options.proxies or installed()
    for name in {*scenarios} - SCENARIOS.keys():
        raise BenchError(f"no scenario {name}: there are {', '.join(SCENARIOS)}")
    for name in {*proxies} - PROXIES.keys():
        raise BenchError(f"no proxy {name}: there are {', '.join(PROXIES)}")
    for needed in (
        "taskset",
        *(["wrk"] if {*scenarios} - WITHOUT_WRK else []),
        *(["strace"] if "sys" in scenarios else []),
    ):
        program(needed)
    if len(os.sched_getaffinity(0)) < 2:  # noqa: PLR2004
        raise BenchError("needs two cores: one for the proxy, one for the load")
    floor_programs(options.floor)
    return scenarios, proxies


def raise_descriptor_limit() -> None:
    """Allow as many connections as the machine does: the children inherit it."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 65536) if hard > 0 else 65536, hard))


@contextlib.contextmanager
def workplace(options: argparse.Namespace) -> Iterator[Setting]:
    """A folder for one run, that nginx can read as whatever user it becomes."""
    with tempfile.TemporaryDirectory(prefix="penstock-bench.") as folder:
        directory = Path(folder)
        directory.chmod(0o755)
        yield Setting(directory, options.floor, options.penstock)


def measure(options: argparse.Namespace, scenarios: list[str], proxies: list[str]) -> Results:
    """Take all samples, round by round; a proxy that fails is reported and left out of that round."""
    results: Results = defaultdict(list)
    load_core, proxy_core = sorted(os.sched_getaffinity(0))[:2]
    load = Load(options.seconds, load_core, options.idle_connections, options.floor)
    with workplace(options) as setting:
        origin = ORIGINS[options.origin](setting)
        with running(origin, core=load_core, port=ORIGIN_PORT, log=setting.directory / "origin.log"):
            for number, name in itertools.product(range(1, options.rounds + 1), proxies):
                heading = f"round {number}/{options.rounds}  {name:20}"
                try:
                    for scenario, sample in visit(name, scenarios, setting, proxy_core, load):
                        results[scenario, name].append(sample)
                        print(f"{heading} {scenario:9} {sample.line}", flush=True)
                except BenchError as error:
                    print(f"{heading} FAILED: {error}", flush=True)
    return results


def visit(name: str, scenarios: list[str], setting: Setting, core: int, load: Load) -> Iterator[tuple[str, Sample]]:
    """Take one sample of each scenario, each from a proxy started anew: memory grown under load hides an idle one's."""
    log = setting.directory / f"{name}.log"
    for scenario in scenarios:
        with running(PROXIES[name](setting), core=core, port=PROXY_PORT, log=log) as pid:
            yield scenario, SCENARIOS[scenario].measure(pid, load)


def table(results: Results) -> Iterator[str]:
    """The result: for each scenario the proxies, best first, and how they compare with the relay."""
    yield f"{'scenario':9} {'proxy':20} {'min':>8} {'median':>8} {'x relay':>8} {'median':>8}  unit"
    for scenario, meaning in SCENARIOS.items():
        values = {name: [sample.value for sample in taken] for (of, name), taken in results.items() if of == scenario}
        floor = values.get("relay")
        for name, taken in sorted(values.items(), key=lambda item: min(item[1])):
            least, middle = min(taken), statistics.median(taken)
            ratios = (least / min(floor), middle / statistics.median(floor)) if floor and min(floor) > 0 else None
            shown = f"{ratios[0]:8.3f} {ratios[1]:8.3f}" if ratios else f"{'-':>8} {'-':>8}"
            yield f"{scenario:9} {name:20} {least:8.2f} {middle:8.2f} {shown}  {meaning.unit}"


def save(results: Results, path: Path) -> None:
    """Write every sample with its details, one JSON object a line."""
    rows = (
        {"scenario": scenario, "proxy": name, "unit": SCENARIOS[scenario].unit, "value": sample.value, **sample.details}
        for (scenario, name), samples in results.items()
        for sample in samples
    )
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows))


def main() -> int:
    """Measure and print; 1 when something needed is missing or nothing could be measured."""
    options = arguments()
    try:
        raise_descriptor_limit()
        results = measure(options, *check(options))
    except BenchError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    if options.save:
        save(results, options.save)
    print("\n" + "\n".join(table(results)))
    return 0 if results else 1


if __name__ == "__main__":
    sys.exit(main())
