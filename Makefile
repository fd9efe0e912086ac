# make demo and make test need make and Python 3.11, 3.12 or 3.13, nothing else.
-include .env
export

# The first of these that pyproject.toml allows and that can make an environment; make PYTHON=... names another.
PYTHONS = $(or $(PYTHON),python3.11 python3.12 python3.13 python3)
FITS = import sys, ensurepip, venv; sys.exit(not (3, 11) <= sys.version_info < (3, 14))
VENV := .venv
BIN := $(VENV)/bin
PINS := $(shell cat pyproject.toml constraints.txt | cksum | cut -d' ' -f1)
# Several processes at a time, each with whole files of tests in their order: those of few, long tests do not come last.
BESIDE := -n logical --maxprocesses 4 --dist loadfile --no-loadscope-reorder
INSTALLED := $(VENV)/.installed-$(PINS)
CONSTRAINTS := constraints.txt
# Builds are pinned too: packages that come as source alone, and this project's own.
INSTALL := $(BIN)/python -m pip install --quiet --constraint $(CONSTRAINTS) --build-constraint constraints.txt --editable
COVERAGE := $(foreach part,client config protocol,tests/$(part) --cov=sentiment.$(part)) --cov-fail-under=88
UV := .cache/lock/bin/uv
LOWEST := .cache/lowest/constraints.txt

.PHONY: .venv-works help install demo train test test-all test-lowest check format bench bench-quick bench-peers soak serve ui images docs dist release lock clean

help: ## this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

.venv-works:
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || { \
	  for python in $(PYTHONS); do \
	    $$python -c '$(FITS)' 2>/dev/null && exec $$python -m venv --clear $(VENV); \
	  done; \
	  echo "error: found no Python 3.11 to 3.13 with venv as: $(PYTHONS);" \
	    "install one (Debian: apt-get install python3-venv) or name it: make PYTHON=/path/to/python" >&2; exit 2; }

$(INSTALLED):
	@$(MAKE) --no-print-directory .venv-works
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --upgrade pip
	$(INSTALL) '.[dev]'
	rm -f $(VENV)/.installed-*
	touch $@

install: $(INSTALLED) ## make .venv with all pinned packages

demo: $(INSTALLED) ## train, package, serve and predict on the embedded texts
	$(BIN)/sentiment demo

test: $(INSTALLED) ## the tests that run in minutes
	$(BIN)/python -m pytest $(BESIDE) $(TESTS)

test-all: $(INSTALLED) ## the slow tests too, with Spark
	$(INSTALL) '.[spark]'
	$(BIN)/python -m pytest $(BESIDE) -m ''

$(LOWEST): pyproject.toml | $(UV)
	mkdir -p $(@D)
	$(UV) pip compile --quiet --universal --python-version 3.11 --no-header --resolution lowest-direct --extra dev \
	  --output-file $@ pyproject.toml

test-lowest: $(LOWEST) ## the tests in an environment of the lowest versions that pyproject.toml allows
	$(MAKE) test VENV=.cache/lowest/venv CONSTRAINTS=$(LOWEST) TESTS='--ignore tests/deploy -W default::DeprecationWarning'

check: $(INSTALLED) ## lint, format, types, and the coverage of what all other parts stand on
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m pytest $(BESIDE) -m 'not slow and not e2e' $(COVERAGE)

format: $(INSTALLED) ## rewrite the code in the project's format
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(INSTALLED) ## speed beside transformers, FastAPI and a plain handler, into benchmarks/RESULTS.md
	$(INSTALL) '.[bench]'
	$(BIN)/python -m benchmarks

bench-quick: $(INSTALLED) ## the same in three minutes, printed only
	$(INSTALL) '.[bench]'
	$(BIN)/python -m benchmarks --quick

bench-peers: $(INSTALLED) ## Mosec and Infinity, which make bench measures where they are installed
	$(BIN)/python -m pip install --quiet mosec==0.9.8
	$(BIN)/python -m venv .cache/peers/infinity_emb
	.cache/peers/infinity_emb/bin/python -m pip install --quiet 'infinity_emb[server,optimum,logging]==0.0.78' 'optimum<1.25' \
		'sentence-transformers<4' 'transformers<4.49' 'pyarrow<22' torch

soak: $(INSTALLED) ## twenty minutes of mixed and hostile load on a real server behind nginx: errors, latency, memory
	$(BIN)/python -m benchmarks.soak --proxy --workers 2

serve: $(INSTALLED) ## serve the archives of model_store
	$(BIN)/sentiment serve

ui: $(INSTALLED) ## a page that asks the running server
	$(BIN)/sentiment ui

images: ## build the container images
	deploy/build.sh

docs: $(INSTALLED) ## the documentation site, in docs/site
	$(BIN)/mkdocs build --config-file docs/mkdocs.yml

dist: $(INSTALLED) ## build the wheel into dist/
	$(BIN)/python -m build --wheel

release: dist ## publish the wheel of the tag v<version> on GitHub, with the top section of CHANGELOG.md
	deploy/release.sh "$(GITHUB_REF_NAME)"

$(UV):
	python3 -m venv .cache/lock
	.cache/lock/bin/pip install --quiet --constraint constraints.txt uv

lock: $(UV) ## resolve constraints.txt and deploy/*.lock again after a change of pyproject.toml; UPGRADE=--upgrade
	PATH="$(CURDIR)/.cache/lock/bin:$$PATH" python3 deploy/lock.py $(UPGRADE)

clean: ## remove what was built, not your runs
	rm -rf $(VENV) .cache .mypy_cache .pytest_cache .ruff_cache dist build
