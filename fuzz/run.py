"""Fuzzes the parsers: builds one program for all targets, and runs it for each of them for a time.

What it finds is kept under `build/fuzz`: inputs that reach new code in `corpus`, those that break something in
`found`. An input that breaks something is mended in the code and added to `fuzz/corpus`, where `make test` runs it.
"""

import argparse
import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
CORPUS = HERE / "corpus"
KEPT = ROOT / "build" / "fuzz"

# Counts the edges that a run takes, and what it compares, which is what libFuzzer goes by. No sanitiser: the crates
# that are fuzzed forbid unsafe code, and these flags need no nightly compiler.
COVERAGE = (
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
    "-Ccodegen-units=16",
)


def targets() -> list[str]:
    """The names of all targets: each has a corpus, which a test of the crate checks."""
    return sorted(folder.name for folder in CORPUS.iterdir())


def arguments() -> argparse.Namespace:
    """What the command line says."""
    parser = argparse.ArgumentParser(prog="fuzz", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=f"of: {', '.join(targets())}; default: all")
    parser.add_argument("-d", "--seconds", type=int, default=60, help="seconds for each target (default: 60)")
    parser.add_argument("--bytes", type=int, default=4096, help="longest input (default: 4096)")
    return parser.parse_args()


def build() -> Path:
    """Build the program and give its path."""
    folder = Path(os.environ.get("CARGO_TARGET_DIR", HERE / "target")) / "fuzz"
    host = subprocess.run(["rustc", "--print", "host-tuple"], capture_output=True, text=True, check=True).stdout.strip()
    # With `--target`, build scripts and macros are built without the flags.
    environment = {**os.environ, "RUSTFLAGS": " ".join(COVERAGE), "CARGO_TARGET_DIR": str(folder)}
    command = ["cargo", "build", "--quiet", "--release", "--locked", "--target", host]
    subprocess.run(command, cwd=HERE, env=environment, check=True)
    return folder / host / "release" / "penstock-fuzz"


def command(program: Path, target: str, options: argparse.Namespace) -> list[str]:
    """What runs one target; what is new goes into the first folder."""
    kept, found = KEPT / "corpus" / target, KEPT / "found" / target
    for folder in (kept, found):
        folder.mkdir(parents=True, exist_ok=True)
    limits = (f"-max_total_time={options.seconds}", f"-max_len={options.bytes}", "-timeout=10", "-rss_limit_mb=1024")
    return [
        str(program),
        str(kept),
        str(CORPUS / target),
        *limits,
        f"-artifact_prefix={found}/",
        "-print_final_stats=1",
    ]


def runs_of(said: str) -> str:
    """How many inputs a run has tried, by what it said of itself."""
    lines = (line for line in said.splitlines() if line.startswith("stat::number_of_executed_units:"))
    return next((line.split()[-1] for line in lines), "0")


def main() -> int:
    """Fuzz the targets one by one; 1 when something was found, 2 on wrong usage."""
    options = arguments()
    if unknown := {*options.targets} - {*targets()}:
        print(f"fuzz: no target {', '.join(sorted(unknown))}: there are {', '.join(targets())}", file=sys.stderr)
        return 2
    program, broken = build(), []
    for target in options.targets or targets():
        environment = {**os.environ, "PENSTOCK_FUZZ_TARGET": target}
        line = command(program, target, options)
        ended = subprocess.run(line, env=environment, capture_output=True, text=True, errors="replace", check=False)
        print(f"{target:18} {runs_of(ended.stderr):>12} inputs  {'BROKEN' if ended.returncode else 'ok'}", flush=True)
        if ended.returncode:
            print(ended.stderr[-4000:])
            broken.append(target)
    if broken:
        print(f"found something in {', '.join(broken)}: see {(KEPT / 'found').relative_to(ROOT)}")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
