# Text-Engine: `make run` sets everything up and runs it; `make test` sets everything up and tests it.

PYTHON ?= python3
BIN := .venv/bin

.PHONY: help setup run test test-slow chaos bench docs screenshots lint audit format clean
.DEFAULT_GOAL := help

help:
	@echo "make run     set up everything and run it (web, worker, sandbox); Ctrl-C stops all"
	@echo "make setup   set up only: .venv and what the project stands on"
	@echo "make test    set up and pass the tests, on SQLite and on PostgreSQL where it is installed"
	@echo "make test-slow  what takes minutes: chaos, floods of inputs, upgrades, a lost installation (docs/robustness.md)"
	@echo "make bench   measure it beside what else could have been built (bench/README.md)"
	@echo "make chaos   kill processes for a minute while 200 readers read; nothing may be lost or doubled"
	@echo "make docs    build the documentation into docs/_build/html; a warning is an error"
	@echo "make screenshots  take the pictures of the documentation from the running program"
	@echo "make lint    ruff and the checks of Django"
	@echo "make audit   ask whether what is installed has known holes"
	@echo "make format  let ruff write the code's layout"
	@echo "make clean   remove .venv and what tests leave behind; data stays"

setup: .venv/installed

run: setup
	@exec $(BIN)/python -m textengine.run

test: .venv/installed-dev
	@$(BIN)/python -m textengine.tests.run $(ARGS)

test-slow: .venv/installed-dev
	@$(BIN)/python -m textengine.tests.run --slow $(ARGS)

bench: .venv/installed-bench
	@$(BIN)/python -m bench $(ARGS)

chaos: .venv/installed-dev
	@$(BIN)/python -m textengine.tests.run --slow textengine/tests/test_chaos.py $(ARGS)

# A dead link, a missing anchor or picture, or a page that no table of contents has, ends it.
docs: .venv/installed-dev
	@$(BIN)/python -m sphinx --quiet --fail-on-warning --keep-going --nitpicky docs docs/_build/html
	@echo "docs/_build/html/index.html"

screenshots: .venv/installed-dev
	@$(BIN)/python docs/take_screenshots.py

lint: .venv/installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/python -m textengine.tests.run --checks

audit: .venv/installed-dev
	@$(BIN)/python -m textengine.tests.audit

format: .venv/installed-dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	rm -rf .venv .pytest_cache .ruff_cache docs/_build test-artifacts test.sqlite3*

# Made again when the requirements change.
.venv/installed: requirements.txt bin/setup
	@bin/setup $(PYTHON) requirements.txt
	@touch $@

.venv/installed-dev: requirements.txt requirements-dev.txt bin/setup
	@bin/setup $(PYTHON) requirements-dev.txt
	@touch $@ .venv/installed

.venv/installed-bench: requirements.txt requirements-dev.txt requirements-bench.txt bin/setup
	@bin/setup $(PYTHON) requirements-bench.txt
	@touch $@ .venv/installed .venv/installed-dev
