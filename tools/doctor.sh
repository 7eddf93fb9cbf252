#!/bin/sh
# Finds the tools that the build needs. Prints the Python to use, or one line that says what to install.

refuse() {
    echo "penstock: $1" >&2
    exit 1
}

# True when the program exists and runs: a shim of a version manager may stand for a version that is not there.
suits() {
    "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1
}

find_python() {
    for name in ${PYTHON:-} python3 python3.14 python3.13 python3.12 python3.11; do
        if suits "$name"; then
            echo "$name"
            return
        fi
    done
    refuse "needs Python 3.11 or newer: install python3 (Debian: apt-get install python3 python3-venv), or set PYTHON to one"
}

python=$(find_python) || exit 1
"$python" -c 'import ensurepip, venv' >/dev/null 2>&1 ||
    refuse "needs Python's venv module: install it (Debian: apt-get install python3-venv)"
command -v cc >/dev/null 2>&1 ||
    refuse "needs a C compiler to link with: install one (Debian: apt-get install gcc libc6-dev)"
command -v cargo >/dev/null 2>&1 ||
    refuse "needs Rust 1.88 or newer: install cargo and rustc (https://www.rust-lang.org/tools/install)"
version=$(cargo --version 2>/dev/null | cut -d' ' -f2)
"$python" -c 'import re, sys; sys.exit([int(n) for n in re.findall(r"\d+", sys.argv[1])[:2]] < [1, 88])' "$version" ||
    refuse "needs Rust 1.88 or newer, this is ${version:-a cargo that does not run}: rustup update"
echo "$python"
