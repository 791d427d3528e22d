# filiation: every word that CI uses, a developer can use too. `make help` lists them.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
OMERO := $(VENV)/.omero
LEARNED := $(VENV)/.learned
# What the pages bundle of npm's packages; its list of digests is written last.
BUNDLE := src/filiation/web/static/bundle
DEMO := .demo
# Outlives the tests: a Slurm that is started stays for the next run of them.
SLURM := /tmp/filiation-slurm
# Apptainer, unpacked for the tests that run containers.
APPTAINER := /tmp/filiation-apptainer
# What the catalogue is compared with, each in an environment of its own.
PEERS := aiida lamin mlmd prov
# Half as many again as processors: tests of Slurm, of servers and of what is killed wait much of their time.
CORES := $(shell getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2)
PARALLEL := -n $(shell echo $$(( $(CORES) + ($(CORES) + 1) / 2 ))) --maxprocesses 6 --dist worksteal
# Modules, and the tests with their assertions rewritten, are compiled once, whatever the environment says.
PYTEST := PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest
# What fails while others use the machine is run once more with the machine to itself; both are told.
ALONE = echo "Once more, each alone:" && $(PYTEST) -n 0 --last-failed --last-failed-no-failures none

.DEFAULT_GOAL := help
.PHONY: help setup web web-if-possible learned omero omero-if-possible demo demo-omero demo-volume demo-audit test quick lint types imports docs slurm torture schemathesis bench bench-load bench-catalogue bench-peers bench-volumes bench-series bench-stores bench-pages format clean

help:  ## list what can be made
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-15s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(STAMP) web-if-possible  ## install into .venv with the pinned versions (the other words do it when needed)

$(STAMP): pyproject.toml constraints.txt
	@command -v $(PYTHON) >/dev/null 2>&1 || { \
	  echo "filiation needs Python 3.11 or newer, and no '$(PYTHON)' was found on the PATH."; \
	  echo "Install it, or name one: make PYTHON=/path/to/python3.12 $(MAKECMDGOALS)"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "filiation needs Python 3.11 or newer; '$(PYTHON)' is $$($(PYTHON) --version 2>&1)."; \
	  echo "Name a newer one: make PYTHON=/path/to/python3.12 $(MAKECMDGOALS)"; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { \
	  echo "'$(PYTHON)' cannot make virtual environments: its venv module is missing."; \
	  echo "On Debian and Ubuntu: apt-get install python3-venv"; exit 1; }
	@echo "Installing filiation and its pinned dependencies into $(VENV) (once, a minute or two) ..."
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[test,lint]'
	@touch $@

web: $(BUNDLE)/SHA256SUMS  ## bundle what the pages use of npm's packages: graph, SPARQL editor, pixels, digests (a minute, once)

$(BUNDLE)/SHA256SUMS: tools/web/package.json tools/web/package-lock.json $(wildcard tools/web/*.js tools/web/*.mjs tools/web/entries/*.js)
	@tools/web/install_node.sh
	@echo "Bundling what the pages use of npm's packages ..."
	@cd tools/web && npm ci --ignore-scripts --loglevel=error
	@node tools/web/build.mjs $(BUNDLE)

web-if-possible:
	@$(MAKE) --no-print-directory web || echo "Going on without bundles: the pages work, as tables and forms."

learned: $(LEARNED)  ## the extras of learned methods: Cellpose, StarDist and InstanSeg (2 GB, some minutes); `make test` then tries them

$(LEARNED): $(STAMP)
	@echo "Installing PyTorch, TensorFlow, Cellpose, StarDist and InstanSeg into $(VENV) (once, some minutes) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt torch==2.13.0 -e '.[cellpose,stardist,instanseg]'
	@touch $@

omero: $(OMERO)  ## install the extra that speaks to OMERO; builds zeroc-ice 3.6.5 once for this Python (minutes)

$(OMERO): $(STAMP) tools/ice/shim/Python.h
	@$(BIN)/python -c 'import IcePy' 2>/dev/null || { \
	  wheel=$$($(BIN)/python -m tools.ice) && \
	  $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-index "$$wheel"; }
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[omero,omero-test]'
	@touch $@

omero-if-possible: $(STAMP)
	@if $(BIN)/python -m tools.ice --possible; then $(MAKE) --no-print-directory omero; \
	else echo "Going on without OMERO; its tests will be skipped."; fi

demo: $(STAMP)  ## segment a real micrograph and show what its label image descends from
	@$(BIN)/python -m filiation demo --folder $(DEMO)

demo-omero: $(STAMP)  ## the same with an image in OMERO: results and regions go back to it (after make omero)
	@$(BIN)/python -m tests.omero_demonstration --folder $(DEMO)-omero

demo-audit: $(STAMP) web-if-possible  ## the demonstration as pages: a headless Chromium goes the way of an auditor, and pictures are kept (PICTURES=folder)
	@$(BIN)/python -m tests.audit_demonstration --folder $(DEMO) $(if $(PICTURES),--pictures $(PICTURES))

demo-volume: $(STAMP)  ## a volume of 4 GB segmented by processes that may have 1.5 GB of memory each
	@$(BIN)/python -m tests.volume_demonstration --folder $(DEMO)-volume

test: $(STAMP) omero-if-possible web-if-possible  ## every test; OMERO's too, where its client is there or can be built
	@tests/cluster/start_slurm.sh $(SLURM) || echo "No Slurm: the tests that need one are left out."
	@tests/virtuoso/install.sh || echo "No Virtuoso: the tests that need one are left out."
	@$(MAKE) --no-print-directory .peers/cffconvert/.installed || echo "No cffconvert: the tests that need it are left out."
	@tests/apptainer/install.sh $(APPTAINER) || echo "No Apptainer: the tests that run containers are left out."
	@tests/web/install_chromium.sh || echo "No Chromium: the tests that drive one are left out."
	@tests/web/install_proxies.sh || echo "No nginx or Apache: the tests that put one before the pages are left out."
	@$(PYTEST) $(PARALLEL) || { test $$? = 1 && $(ALONE); }

quick: $(STAMP)  ## the tests that take less than two minutes together
	@$(PYTEST) $(PARALLEL) -m 'not slow'

lint: $(STAMP)  ## ruff, snakefmt and snakemake --lint
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/snakefmt --check Snakefile workflow
	@$(BIN)/snakemake --lint

types: $(STAMP)  ## mypy, strict
	@$(BIN)/mypy

imports: $(STAMP)  ## the arrows between rooms
	@$(BIN)/lint-imports

docs: $(STAMP)  ## the documentation's own tests: every command documented, every example run
	@$(PYTEST) $(PARALLEL) tests/docs

slurm:  ## install Slurm from Debian's packages and start it on this machine, for the cluster tests
	@tests/cluster/start_slurm.sh $(SLURM)

torture: $(STAMP)  ## kill runs and packings 200 times at random moments, then let every call of the system fail; properties with 500 examples, 10,000 changed crates (SEED=n)
	@$(BIN)/python -m tests.torture --rounds 200 $(if $(SEED),--seed $(SEED))
	@$(BIN)/python -m tests.torture --ingests 50 $(if $(SEED),--seed $(SEED))
	@$(BIN)/python -m tests.torture --faults
	@$(PYTEST) $(PARALLEL) -m hypothesis --hypothesis-profile thorough
	@FILIATION_FUZZED_CRATES=10000 $(PYTEST) -q -n 0 -s tests/incoming/test_fuzzed.py -k however

schemathesis: $(STAMP)  ## 5,000 requests made up from the pages' description: none may be a fault of the server (CASES=n SEED=n)
	@$(BIN)/python -m tests.web.made_up --cases $(or $(CASES),5000) $(if $(SEED),--seed $(SEED))

bench-load: $(STAMP)  ## fifty people at once at the pages of a catalogue (FOLDER=where it is)
	@$(BIN)/python benchmarks/pages_load.py $(or $(FOLDER),.filiation)

bench: $(STAMP)  ## the benchmarks; prints the tables kept in docs/benchmarks.md
	@$(BIN)/python benchmarks/run.py

bench-catalogue: $(STAMP)  ## questions over the catalogue of an institute (SIZE=jobs, FOLDER=where it is kept)
	@$(BIN)/python benchmarks/catalogue.py $(or $(SIZE),100000) $(if $(FOLDER),--keep $(FOLDER))

.peers/%/.installed: benchmarks/peers/pins/%.txt | $(STAMP)
	@echo "Installing $* into .peers/$* (once) ..."
	@rm -rf .peers/$* && $(BIN)/python -m venv .peers/$*
	@.peers/$*/bin/python -m pip install --quiet --disable-pip-version-check -r $< || { rm -rf .peers/$*; exit 1; }
	@touch $@

bench-peers: $(STAMP)  ## the same questions to AiiDA, LaminDB, ML Metadata and prov (SIZE=jobs, FOLDER=where it is kept)
	@for peer in $(PEERS); do $(MAKE) --no-print-directory .peers/$$peer/.installed \
	  || echo "$$peer cannot be installed here, and is left out."; done
	@$(BIN)/python benchmarks/peers/compare.py $(or $(SIZE),100000) $(if $(FOLDER),--keep $(FOLDER))
	@$(BIN)/python benchmarks/peers/abilities.py filiation
	@for peer in $(PEERS); do test ! -e .peers/$$peer/.installed \
	  || .peers/$$peer/bin/python benchmarks/peers/abilities.py $$peer 2>/dev/null; done

bench-volumes: $(STAMP)  ## volumes block by block, against whole ones, dask-image and Cellpose's pattern (TABLES="whole peers measure memory")
	@$(MAKE) --no-print-directory .peers/volumes/.installed || echo "The peers cannot be installed here, and are left out."
	@$(BIN)/python benchmarks/volumes.py $(TABLES)

bench-series: $(STAMP)  ## memory against the number of time points of a series (PLANE=pixels)
	@$(BIN)/python benchmarks/series.py $(if $(PLANE),--plane $(PLANE))

bench-pages: $(STAMP)  ## how quick pages are over the catalogue of an institute (SIZE=jobs, FOLDER=where it is kept)
	@$(BIN)/python benchmarks/pages.py $(or $(SIZE),10000) $(if $(FOLDER),--keep $(FOLDER))

bench-stores: $(STAMP)  ## stores written, read and digested, beside tensorstore, zarrs and ngio (SIZE=planes of 1024 x 1024)
	@$(MAKE) --no-print-directory .peers/stores/.installed || echo "The others cannot be installed here, and are left out."
	@$(BIN)/python benchmarks/stores.py $(or $(SIZE),256)

format: $(STAMP)  ## put every file into its usual form
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .
	@$(BIN)/snakefmt Snakefile workflow

clean:  ## remove what the other words made
	rm -rf $(VENV) $(BUNDLE) tools/web/node_modules tests/artefacts .peers $(DEMO) $(DEMO)-omero $(DEMO)-volume dist build .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
