# Every target does its own set-up, on a fresh machine too: Python 3.11 or later and make are enough.
PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt

.PHONY: demo test check lint slow clean

demo: .venv/.light  ## fit, allocate and report on the run table that ships with langmix
	$(BIN)/langmix demo

test: .venv/.full  ## the quick tests
	$(BIN)/pytest

check: lint test  ## what a change must pass

lint: .venv/.full
	$(BIN)/ruff check src tests
	$(BIN)/ruff format --check src tests
	$(BIN)/mypy

slow: .venv/.full  ## everything: slow, browser and network tests, and those on public run tables
	$(BIN)/pytest -m "slow or browser or conformance or network"

.venv/.light: pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(PIP) --editable '.[report]'
	touch $@

.venv/.full: pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(PIP) --editable '.[report,lab,track,dev]'
	touch $@ .venv/.light

clean:
	rm -rf .venv build dist langmix-demo
