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


.DEFAULT_GOAL := help
.PHONY: help setup dev run test check format clean-state clean lock

help: ## Show what can be made
	@grep -hE '^[a-z-]+:.*## ' Makefile | sort | awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

run: setup ## Start the local world and book a sample trip; ARGS=--no-demo only starts it
	@$(BIN)/tripsaga up $(ARGS)

setup: ## Install what running needs into .venv
	@bash deploy/install.sh "$(PYTHON)" $(VENV) requirements.txt

dev: ## Install what testing needs as well
	@bash deploy/install.sh "$(PYTHON)" $(VENV) requirements-dev.txt

test: dev ## Run all tests; PYTEST_ARGS="-m 'not slow'" for the quick ones
	@$(BIN)/python -m localworld.temporal_binary > /dev/null
	@$(BIN)/python -m tests.support.stripe_mock > /dev/null
	@find var/tests -mindepth 1 -maxdepth 1 -mmin +600 -exec rm -rf {} + 2>/dev/null || true
	@$(BIN)/pytest -n $(WORKERS) --dist loadgroup $(PYTEST_ARGS)

check: dev ## Formatting, lint, types, import rules, migrations
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m localworld.migrations_check

format: dev ## Format the code and mend what the linter can mend
	$(BIN)/ruff check --fix-only --exit-zero .
	$(BIN)/ruff format .

clean-state: ## Remove the local world's database, Temporal file, key and logs
	@if [ -f var/services.json ] && kill -0 "$$(cat var/up.lock)" 2>/dev/null; then \
	  echo "the local world is running: stop it first (Ctrl-C where it runs)"; exit 1; fi
	rm -rf var

clean: clean-state ## Remove the virtual environment and caches too
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis *.egg-info

lock: ## Pin the requirements anew (needs uv)
	bash deploy/lock.sh
