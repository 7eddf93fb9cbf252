# What a developer runs. `make` alone lists the targets: the list is made from the `##` comments.

.DEFAULT_GOAL := help
.NOTPARALLEL:
.DELETE_ON_ERROR:
SHELL := /bin/sh

BIN := .venv/bin
RUST_SOURCES := Cargo.toml Cargo.lock $(shell find crates -name '*.rs' -o -name Cargo.toml)

# Stops with the one line that the doctor says, else sets TOOLS to the Python that it found.
define require_tools
$(eval TOOLS := $(shell sh tools/doctor.sh 2>&1))
$(if $(findstring penstock:,$(TOOLS)),$(error $(TOOLS)))
endef

.PHONY: help build run test test-long check fix docs golden bench fuzz audit lock clean always

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

build: .venv/built ## Build the core into .venv, ready to run

run: build ## Start the gateway on port 8080 before three example services
	@$(BIN)/python examples/run.py

test: build ## Run every check and every test, as CI does
	@$(BIN)/python -m tools.checks check test

test-long: build ## Run the tests that take minutes
	@$(BIN)/python -m tools.checks long

check: build ## Run the checks without the tests
	@$(BIN)/python -m tools.checks check

fix: build ## Format, and mend what tools can mend
	@cargo fmt --all
	@$(BIN)/ruff check --quiet --fix-only .
	@$(BIN)/ruff format --quiet .
	@$(BIN)/python tools/generate.py write

docs: build ## Build the reference into build/docs
	@$(BIN)/python tools/generate.py docs

golden: build ## Rewrite the expected plans; review the difference
	@$(BIN)/python -m pytest --quiet --rewrite-golden tests/compiler

bench: build ## Measure beside a byte relay, nginx and haproxy: make bench ARGS="--help"
	@cargo build --quiet --release --locked --manifest-path bench/Cargo.toml $(if $(findstring h3,$(ARGS)),--features http3)
	@$(BIN)/python -m bench.run $(ARGS)

fuzz: build ## Fuzz every parser for a minute each: make fuzz ARGS="--help"
	@$(BIN)/python -m fuzz.run $(ARGS)

audit: ## Look for known weaknesses and bad licences in the crates
	@command -v cargo-deny >/dev/null || { echo "penstock: needs cargo-deny: cargo install --locked cargo-deny" >&2; exit 1; }
	@cargo deny --workspace check

lock: .venv/locked ## Renew the Python lock files
	@$(BIN)/python -m tools.lock

clean: ## Remove what was built here
	@rm -rf .venv build target bench/target fuzz/target .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	@rm -f python/penstock/_core*.so
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

.venv/locked: requirements-dev.lock
	$(require_tools)
	@$(TOOLS) -m venv .venv
	@echo "Installing the Python packages that the project uses ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements-dev.lock
	@touch $@

# The extension lies in the source tree; without it a build is not a build, whatever the stamp says.
ifeq ($(wildcard python/penstock/_core*.so),)
.venv/built: always
endif

.venv/built: .venv/locked pyproject.toml $(RUST_SOURCES)
	$(require_tools)
	@echo "Building the core ..."
	@. $(BIN)/activate && PIP_QUIET=1 maturin develop --release --locked
	@touch $@
