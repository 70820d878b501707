# Everything starts here: `make help`. Needs python3 (3.11 or later) and make, nothing else;
# Go as well, when no Temporal server can be had otherwise.

SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Tests mostly wait (for timeouts, dead workers, settling), so two run on each processor.
WORKERS ?= $(shell echo $$(( 2 * $$(nproc 2>/dev/null || echo 2) )))
PYTEST_ARGS ?=
ARGS ?=
SHARD ?=
PYTEST = $(BIN)/pytest -n $(WORKERS) --dist loadgroup

# Tests start hundreds of processes: each would compile our modules anew, and pytest rewrite its own.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help setup dev run test test-exhaustive test-all tools check format clean-state clean lock

help: ## Show what can be made, in the order one needs it
	@grep -hE '^[a-z-]+:.*## ' Makefile | awk -F ':.*## ' '{printf "  make %-16s %s\n", $$1, $$2}'

run: setup ## Start the local world with a sample trip and reservation; ARGS=--no-demo only starts it
	@$(BIN)/tripsaga up $(ARGS)

setup: ## Install what running needs into .venv
	@bash deploy/install.sh "$(PYTHON)" $(VENV) requirements.txt

dev: ## Install what testing needs as well
	@bash deploy/install.sh "$(PYTHON)" $(VENV) requirements-dev.txt

test: dev tools ## Run the tests, of large tables only the cells by role; PYTEST_ARGS=tests/api for some
	@$(PYTEST) -m "not exhaustive" $(PYTEST_ARGS)

check: dev ## Formatting, lint, types, import rules, migrations
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m localworld.migrations_check

format: dev ## Format the code and mend what the linter can mend
	$(BIN)/ruff check --fix-only --exit-zero .
	$(BIN)/ruff format .

test-exhaustive: dev tools ## Run the other cells; SHARD=3/8 for an eighth of them
	@$(PYTEST) -m exhaustive $(if $(SHARD),--shard $(SHARD)) $(PYTEST_ARGS)

test-all: dev tools ## Run all tests, every cell: nightly
	@$(PYTEST) $(PYTEST_ARGS)

tools: dev
	@$(BIN)/python -m localworld.temporal_binary > /dev/null
	@$(BIN)/python -m tests.support.stripe_mock > /dev/null
	@$(BIN)/python -m tests.support.rabbitmq > /dev/null
	@$(BIN)/python -m tests.support.kafka > /dev/null
	@find var/tests -mindepth 1 -maxdepth 1 -mmin +600 -exec rm -rf {} + 2>/dev/null || true

lock: ## Pin the requirements anew (needs uv)
	bash deploy/lock.sh

clean-state: ## Remove the local world's database, Temporal file, key and logs
	@if [ -f var/services.json ] && kill -0 "$$(cat var/up.lock)" 2>/dev/null; then \
	  echo "the local world is running: stop it first (Ctrl-C where it runs)"; exit 1; fi
	rm -rf var

clean: clean-state ## Remove the virtual environment and caches too
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis *.egg-info
