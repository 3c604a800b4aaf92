# Needs Python >= 3.11, make and a package index; everything else comes from locks/, by hash.
PYTHON ?= python3
BIN := .venv/bin
INSTALL = $(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r locks/dev.lock || $(BIN)/python -m pip install --quiet --require-hashes -r locks/dev.lock

.PHONY: up test check bench test-unit test-integration test-e2e format lock clean

up: .venv/ready            ## everything on one machine, in the foreground
	@$(BIN)/payments up

test: .venv/ready          ## every suite; needs no server installed by hand
	$(BIN)/pytest -n 2 --dist loadfile

test-unit test-integration test-e2e: test-%: .venv/ready
	$(BIN)/pytest tests/$*

check: .venv/ready         ## format, lint, types, import contracts, unit tests
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	PYTHONPATH=src $(BIN)/lint-imports
	$(BIN)/pytest -q tests/unit

bench: .venv/ready         ## speed as ratios against peers measured in the same run
	$(BIN)/python -m bench

format: .venv/ready
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

.venv/ready: pyproject.toml locks/install.lock locks/dev.lock
	@echo "Installing into .venv (once)…"
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r locks/install.lock
	@$(INSTALL)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --no-index -e .
	@touch $@

lock: .venv/ready          ## renew the locks: hashes for all platforms, no host names
	$(BIN)/uv pip compile -q --upgrade --universal --generate-hashes --no-header --no-annotate --python-version 3.11 pyproject.toml -o locks/run.lock
	$(BIN)/uv pip compile -q --upgrade --universal --generate-hashes --no-header --no-annotate --python-version 3.11 --group dev --group install pyproject.toml -o locks/dev.lock
	$(BIN)/uv pip compile -q --upgrade --universal --generate-hashes --no-header --no-annotate --python-version 3.11 --group install -o locks/install.lock

clean:
	rm -rf .venv .local build src/*.egg-info
