# Everything here works on a fresh machine with Python 3.11 and make: each target sets up what it needs.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
UV := $(BIN)/uv
LOCK_FLAGS := --universal --generate-hashes --no-header --no-emit-index-url --no-emit-find-links --python-version 3.11 -q
SOURCES := dags connectors services infra tests

.PHONY: demo network test test-network test-browser soak check bench bench-network lock clean help
.DEFAULT_GOAL := help

help:  ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1\t/' | expand -t 20

$(UV): requirements/uv.txt
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(0 if (3, 11) <= v < (3, 13) else f"Python 3.11 or 3.12 is needed, found {sys.version.split()[0]}. Install it, or name one: make PYTHON=/path/to/python3.11 demo")'
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/uv.txt
	@touch $(UV)

$(VENV)/.demo: $(UV) requirements/demo.txt pyproject.toml
	@$(UV) pip install --quiet --python $(BIN)/python --compile-bytecode --require-hashes -r requirements/demo.txt
	@$(UV) pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.test: $(VENV)/.demo requirements/test.txt
	@$(UV) pip install --quiet --python $(BIN)/python --compile-bytecode --require-hashes -r requirements/test.txt
	@touch $@

$(VENV)/.servers: $(VENV)/.test requirements/all.txt
	@$(UV) pip install --quiet --python $(BIN)/python --compile-bytecode --require-hashes -r requirements/all.txt
	@touch $@

demo: $(VENV)/.demo  ## a month through the whole network on this machine, no server
	@$(BIN)/spiegelnet demo

test: $(VENV)/.test  ## all tests on the embedded engines
	@$(BIN)/python -m pytest -n 2 --dist loadfile --ignore tests/network --ignore tests/browser

network: $(VENV)/.servers  ## the network on real servers on this machine: Kafka, PostgreSQL, Trino, key services, Airflow
	@$(BIN)/spiegelnet up
	@$(BIN)/spiegelnet demo --home build/network

test-network: $(VENV)/.servers  ## tests against real servers, which they start themselves
	@$(BIN)/python -m pytest tests/network

test-browser: $(VENV)/.servers  ## tests that look at pages in a real browser, which they fetch themselves
	@$(BIN)/python -m pytest tests/browser

soak: $(VENV)/.servers  ## a fault in many runs on real servers: make soak ROW=sender N=20; see docs/reliability.md
	@$(BIN)/python -W ignore -m tests.network.reliability $(ROW) $(N) $(if $(SEED),--seed $(SEED))

check: $(VENV)/.test  ## style, types, import direction, layout and docs
	@$(BIN)/ruff format --check $(SOURCES)
	@$(BIN)/ruff check $(SOURCES)
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/python -m pytest tests/docs tests/spec -n 2 --dist loadfile

bench: $(VENV)/.test  ## speed and memory beside named baselines of the same run, ten minutes; or make bench SCALE=small
	@$(BIN)/python -m infra.bench.one_machine $(SCALE)

bench-network: $(VENV)/.servers  ## speed through real servers, beside named baselines of the same run
	@$(BIN)/python -m infra.bench.network

lock: $(UV)  ## resolve the locks anew after a change of pyproject.toml
	@echo 'uv>=0.9' | $(UV) pip compile $(LOCK_FLAGS) - -o requirements/uv.txt
	@$(UV) pip compile $(LOCK_FLAGS) --all-extras pyproject.toml -o requirements/all.txt
	@$(UV) pip compile $(LOCK_FLAGS) --extra install -c requirements/all.txt pyproject.toml -o requirements/demo.txt
	@$(UV) pip compile $(LOCK_FLAGS) --extra install --extra dev -c requirements/all.txt pyproject.toml -o requirements/test.txt

clean:  ## end the servers that run in build, and remove the environment, the demo network and build results
	@if [ -d build ]; then find build -name servers -type d -prune | while read -r servers; do \
		home="$${servers%/servers}"; [ ! -f "$$home/directory.json" ] || $(BIN)/spiegelnet down --home "$$home" || exit 1; \
	done; fi
	rm -rf $(VENV) build .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
