# The two commands of the README are `make run` and `make test`; both build what they need in .venv.
PYTHON ?= python3
BIN := .venv/bin
OUT ?= out

.PHONY: run test check setup clean docs

run: .venv/.ready
	@mkdir -p $(OUT)
	@$(BIN)/roundelay fabric report --out $(OUT)/fabric-report.html

test: .venv/.ready-dev
	$(BIN)/python -m pytest

check: .venv/.ready-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

docs: .venv/.ready-dev
	$(BIN)/python docs/make_cli.py

setup: .venv/.ready

.venv/bin/python:
	$(PYTHON) -m venv .venv

.venv/.ready: pyproject.toml | .venv/bin/python
	$(BIN)/python -m pip install -q --disable-pip-version-check -e '.[voice]'
	@touch $@

.venv/.ready-dev: .venv/.ready
	$(BIN)/python -m pip install -q --disable-pip-version-check -e '.[voice,dev]'
	@touch $@

clean:
	rm -rf .venv $(OUT)
